from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from bdrp.inference.initialisation import factor_analysis
from bdrp.inference.initialisation.factor_analysis import FactorAnalysis, ResidualTable

NOISE = 0.3


class Truth(NamedTuple):
    """Residuals of every line with every compound, (L * C,), what is behind them, (L, C), and where they stand."""

    residual: Tensor
    shared: Tensor
    line: Tensor
    compound: Tensor


def simulated(lines: int, compounds: int, scale: tuple[float, ...] = (0.5, 0.7, 0.4), seed: int = 0) -> Truth:
    draw = torch.Generator().manual_seed(seed)
    u = torch.randn(lines, len(scale), generator=draw) * torch.tensor(scale)
    g = torch.cat([torch.ones(compounds, 1), torch.randn(compounds, len(scale) - 1, generator=draw)], dim=1)
    shared = u @ g.T
    line, compound = torch.cartesian_prod(torch.arange(lines), torch.arange(compounds)).unbind(1)
    return Truth((shared + NOISE * torch.randn(shared.shape, generator=draw)).flatten(), shared, line, compound)


def analysed(truth: Truth, keep: Tensor | None = None, factors: int = 2, steps: int = 40) -> FactorAnalysis:
    rows = torch.ones_like(truth.line, dtype=torch.bool) if keep is None else keep
    lines, compounds = truth.shared.shape
    residual = truth.residual[rows]
    table = ResidualTable(
        residual, torch.zeros_like(residual), truth.line[rows], truth.compound[rows], (lines, compounds)
    )
    noise = torch.full((compounds,), 0.5)
    return factor_analysis.fit(table, noise, factors, steps)


def predicted(fit: FactorAnalysis) -> Tensor:
    """(L, C)."""
    return fit.mean[:, :1] + fit.mean[:, 1:] @ fit.loadings.T


def dropped(truth: Truth, share: float) -> Tensor:
    """Which rows are measured."""
    return torch.rand(len(truth.line), generator=torch.Generator().manual_seed(9)) > share


def test_what_is_of_low_rank_is_recovered_with_its_noise() -> None:
    truth = simulated(120, 40)
    fit = analysed(truth)
    # 40 residuals tell a line's 3 numbers to noise * sqrt(3 / 40), a quarter of the noise; loadings add some
    assert float((predicted(fit) - truth.shared).square().mean().sqrt()) < 0.4 * NOISE
    assert fit.noise.tolist() == pytest.approx([NOISE] * 40, rel=0.25)


def test_cells_that_were_not_measured_are_predicted_from_the_others() -> None:
    truth = simulated(120, 40)
    keep = dropped(truth, 0.4)
    error = (predicted(analysed(truth, keep)) - truth.shared).flatten()[~keep].square().mean().sqrt()
    assert float(error) < 0.6 * NOISE
    assert float(truth.shared.flatten()[~keep].std()) > 3 * NOISE


def test_factors_that_are_not_there_shrink_away() -> None:
    truth = simulated(150, 40, (0.5, 0.7))
    fit = analysed(truth, factors=4, steps=150)
    scale = fit.scale[1:].sort(descending=True).values
    assert scale[0] > 0.4
    # what four factors do to the mean beyond the one that is there, as a share of the noise
    assert float((predicted(fit) - truth.shared).square().mean().sqrt()) < 0.4 * NOISE
    assert scale[2:].max() < 0.1 * scale[0]  # a second one may hold what all compounds share


def test_more_steps_predict_what_was_left_out_better() -> None:
    truth = simulated(80, 30)
    keep = dropped(truth, 0.3)
    fits = (analysed(truth, keep, steps=steps) for steps in (1, 2, 5))
    errors = [float((predicted(fit) - truth.shared).flatten()[~keep].square().mean()) for fit in fits]
    assert errors[0] > errors[1] > errors[2]


def test_an_ascent_begins_at_the_principal_axes_and_ends_soon() -> None:
    truth = simulated(120, 40)
    soon, late = (predicted(analysed(truth, steps=steps)) for steps in (5, 80))
    assert float((soon - late).square().mean().sqrt()) < 0.1 * NOISE


def test_more_factors_than_compounds_are_idle() -> None:
    truth = simulated(60, 4)
    fit = analysed(truth, factors=7)
    assert all(torch.isfinite(part).all() for part in fit)
    assert not fit.loadings[:, 4:].any() and bool(fit.loadings.any())


def evidence(truth: Truth, fit: FactorAnalysis) -> float:
    """Log marginal likelihood of all lines over u, loadings, scales and noise being what the fit says."""
    g = torch.cat([torch.ones(len(fit.loadings), 1), fit.loadings], dim=1).double()
    covariance = g @ torch.diag(fit.scale.double() ** 2) @ g.T + torch.diag(fit.noise.double() ** 2)
    marginal = torch.distributions.MultivariateNormal(torch.zeros(len(g)).double(), covariance)
    return float(marginal.log_prob(truth.residual.reshape(truth.shared.shape).double()).sum())


def test_steps_raise_the_marginal_likelihood() -> None:
    truth = simulated(80, 30)
    found = [evidence(truth, analysed(truth, steps=steps)) for steps in (1, 2, 4, 8)]
    assert found == sorted(found)
    assert found[-1] - found[0] > 20


def test_the_posterior_of_a_line_is_the_conjugate_one_given_the_rest() -> None:
    truth = simulated(30, 8)
    keep = dropped(truth, 0.3)
    fit = analysed(truth, keep)
    for line in (0, 7, 29):
        rows = keep & (truth.line == line)
        compound = truth.compound[rows]
        g = torch.cat([torch.ones(len(compound), 1), fit.loadings[compound]], dim=1).double()
        weight = fit.noise[compound].double() ** -2
        precision = g.T @ (weight[:, None] * g) + torch.diag(fit.scale.double() ** -2)
        # loadings are uncertain: their covariance adds to the precision, as to every expected square
        precision[1:, 1:] += (weight[:, None, None] * fit.loadings_covariance[compound].double()).sum(0)
        covariance = torch.linalg.inv(precision)
        mean = covariance @ g.T @ (weight * truth.residual[rows].double())
        assert torch.allclose(fit.mean[line].double(), mean, atol=1e-4)
        assert torch.allclose(fit.covariance[line].double(), covariance, atol=1e-5)


def test_the_posterior_of_loadings_is_the_conjugate_one_given_the_lines() -> None:
    truth = simulated(30, 8)
    table = ResidualTable(truth.residual, torch.zeros_like(truth.residual), truth.line, truth.compound, (30, 8))
    fit = analysed(truth)
    mean, covariance = fit.mean.double(), fit.covariance.double()
    variance = fit.noise.double() ** 2
    square = covariance + mean[:, :, None] * mean[:, None, :]
    loadings, loadings_covariance = factor_analysis._compounds(table, mean, square, variance)
    residual = truth.residual.reshape(30, 8).double()
    for compound in range(8):
        precision = square[:, 1:, 1:].sum(0) / variance[compound] + torch.eye(2, dtype=torch.float64)
        moment = (mean[:, 1:] * residual[:, compound : compound + 1] - square[:, 0, 1:]).sum(0) / variance[compound]
        assert torch.allclose(loadings_covariance[compound], torch.linalg.inv(precision), atol=1e-10)
        assert torch.allclose(loadings[compound], torch.linalg.solve(precision, moment), atol=1e-10)


def test_posteriors_of_what_lines_and_compounds_share_cover_the_truth() -> None:
    truth = simulated(100, 25)
    fit = analysed(truth, steps=60)
    mean = fit.mean.double()
    square = fit.covariance + fit.mean[:, :, None] * fit.mean[:, None, :]
    g = torch.cat([torch.ones(25, 1), fit.loadings], dim=1).double()
    variance = torch.einsum("ci,lij,cj->lc", g, fit.covariance.double(), g)
    variance += torch.einsum("lij,cij->lc", square[:, 1:, 1:].double(), fit.loadings_covariance.double())
    z = (mean @ g.T - truth.shared) / variance.sqrt()
    # u and g are held apart, so some too sure; scale and rotation are shared by all, so not far from one
    assert 0.7 < float(z.square().mean()) < 1.4


def test_a_rotation_leaves_predictions_and_their_spread_alone_and_uncorrelates_factors() -> None:
    draw = torch.Generator().manual_seed(2)
    loadings, mean = torch.randn(9, 3, generator=draw).double(), torch.randn(40, 4, generator=draw).double()
    mean[:, 2] += 0.8 * mean[:, 1]
    root, other = (torch.randn(count, width, 6, generator=draw).double() for count, width in ((9, 3), (40, 4)))
    loadings_covariance, covariance = root @ root.transpose(1, 2) / 10, other @ other.transpose(1, 2) / 10
    g, s, m, c = factor_analysis._rotated(loadings, loadings_covariance, mean, covariance)
    assert torch.allclose(m[:, :1] + m[:, 1:] @ g.T, mean[:, :1] + mean[:, 1:] @ loadings.T)
    own = []
    for factor, total in ((g, c), (loadings, covariance)):
        one = torch.cat([torch.ones(9, 1), factor], dim=1).double()
        own.append(torch.einsum("ci,lij,cj->lc", one, total, one))
    assert torch.allclose(*own)
    trace = [
        torch.einsum("lij,cij->lc", cov[:, 1:, 1:], spr) for cov, spr in ((c, s), (covariance, loadings_covariance))
    ]
    assert torch.allclose(*trace)
    square = (c + m[:, :, None] * m[:, None, :]).mean(0)[1:, 1:]
    second = (s + g[:, :, None] * g[:, None, :]).mean(0)
    assert torch.allclose(square, torch.diag(square.diagonal()), atol=1e-5)
    assert second.diagonal().tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_start_goes_on_where_another_fit_ended() -> None:
    truth = simulated(60, 20)
    whole, half = analysed(truth, steps=20), analysed(truth, steps=10)
    table = ResidualTable(truth.residual, torch.zeros_like(truth.residual), truth.line, truth.compound, (60, 20))
    rest = factor_analysis.fit(table, half.noise, 2, 10, half)
    assert torch.allclose(predicted(rest), predicted(whole), atol=1e-3)
    assert torch.allclose(rest.scale, whole.scale, atol=1e-3)


def test_repeats_of_a_pair_count_each() -> None:
    truth = simulated(40, 12)
    twice = Truth(truth.residual.repeat(2), truth.shared, truth.line.repeat(2), truth.compound.repeat(2))
    one, two = analysed(truth), analysed(twice)
    assert float((two.covariance[:, 0, 0] / one.covariance[:, 0, 0]).mean()) < 0.7


@pytest.mark.parametrize(("lines", "compounds"), [(1, 10), (10, 1), (1, 1)])
def test_one_line_or_one_compound_is_enough(lines: int, compounds: int) -> None:
    fit = analysed(simulated(lines, compounds))
    assert all(torch.isfinite(part).all() for part in fit)
    assert bool((fit.noise > 0).all()) and bool((fit.scale > 0).all())
    assert bool((fit.covariance.diagonal(dim1=1, dim2=2) <= fit.scale**2 * 1.0001).all())


def test_a_line_without_residuals_keeps_its_prior() -> None:
    truth = simulated(30, 8)
    fit = analysed(truth, truth.line != 4)
    assert not fit.mean[4].any()
    assert torch.allclose(fit.covariance[4], torch.diag(fit.scale**2), rtol=1e-3, atol=1e-6)


def test_residuals_of_nothing_are_explained_by_nothing() -> None:
    truth = simulated(30, 8)._replace(residual=torch.zeros(240))
    fit = analysed(truth)
    assert all(torch.isfinite(part).all() for part in fit) and not predicted(fit).any()
