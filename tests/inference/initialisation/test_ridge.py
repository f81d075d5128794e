from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.features.lines import expression, mutations
from bdrp.inference.initialisation.ridge import PSEUDO_RESPONSES, Regressions, SlopePrior


def prior(deviation: list[float]) -> SlopePrior:
    """Components of one modality with these SDs, relative to each other."""
    d = torch.tensor(deviation)
    return SlopePrior((d / d.square().mean().sqrt()).clamp(min=1e-3), torch.zeros(len(d), dtype=torch.int64))


def simulate(lines: int, compounds: int, scale: list[float], noise: float) -> tuple[torch.Tensor, ...]:
    """Regressors (L, 1 + K), line, compound, response, v: every line with every compound."""
    draw = torch.Generator().manual_seed(4)
    x = torch.cat([torch.ones(lines, 1), torch.randn(lines, len(scale) - 1, generator=draw)], dim=1)
    v = torch.randn(compounds, len(scale), generator=draw) * torch.tensor(scale)
    line, compound = torch.cartesian_prod(torch.arange(lines), torch.arange(compounds)).unbind(1)
    response = (x[line] * v[compound]).sum(1) + noise * torch.randn(len(line), generator=draw)
    return x, line, compound, response, v


def test_coefficients_noise_and_prior_scales_are_recovered() -> None:
    scale = [0.8, 0.5, 0.1, 0.0]
    x, line, compound, response, v = simulate(60, 40, scale, 0.4)
    fit = Regressions(x, line, compound, 40, prior(scale[1:])).fit(response, steps=40)
    assert (fit.mean - v).square().mean().sqrt() < 0.06
    assert fit.noise.tolist() == pytest.approx([0.4] * 40, rel=0.25)
    assert fit.scale[:3].tolist() == pytest.approx(scale[:3], rel=0.35)
    assert fit.scale[3] < 0.05
    assert float(fit.scale[1] / fit.scale[2]) == pytest.approx(5, rel=1e-4)  # one factor for all components


def test_the_posterior_covers_the_truth_as_often_as_it_says() -> None:
    x, line, compound, response, v = simulate(40, 60, [0.8, 0.5, 0.2], 0.5)
    fit = Regressions(x, line, compound, 60, prior([0.5, 0.2])).fit(response, steps=40)
    z = (fit.mean - v) / fit.variance.sqrt()
    # 180 standard normals: their mean square is within 1 +- 0.42 but for four standard errors (6 in 100,000)
    assert float(z.square().mean()) == pytest.approx(1, abs=0.42)


def test_with_known_scales_one_compound_is_bayesian_linear_regression() -> None:
    x, line, compound, response, _ = simulate(30, 1, [0.8, 0.5, 0.2], 0.5)
    fit = Regressions(x, line, compound, 1, prior([0.5, 0.2])).fit(response, steps=60)
    scale, noise = fit.scale.double(), fit.noise.double() ** 2
    weight = torch.cat([scale[:1], scale[1:] * fit.slope_scale.double()]) ** -2
    precision = x.double().T @ x.double() / noise + torch.diag(weight)
    expected = torch.linalg.solve(precision, x.double().T @ response.double() / noise)
    assert fit.mean[0].tolist() == pytest.approx(expected.tolist(), abs=0.01)
    assert fit.variance[0].tolist() == pytest.approx(torch.linalg.inv(precision).diagonal().tolist(), rel=0.05)


def test_a_compound_with_one_response_stays_close_to_what_is_common() -> None:
    x, line, compound, response, _ = simulate(30, 10, [0.8, 0.5], 0.3)
    keep = (compound != 3) | (line == 0)
    fit = Regressions(x, line[keep], compound[keep], 10, prior([0.5])).fit(response[keep])
    assert all(torch.isfinite(part).all() for part in fit)
    assert fit.variance[3, 1] > 5 * fit.variance[4, 1]
    assert fit.noise[3] == pytest.approx(float(fit.noise.mean()), rel=0.3)


def test_regressors_of_zero_do_no_harm() -> None:
    x, line, compound, response, _ = simulate(30, 5, [0.8, 0.5], 0.3)
    fit = Regressions(torch.cat([x, torch.zeros(30, 3)], dim=1), line, compound, 5, prior([0.5] * 4)).fit(response)
    assert all(torch.isfinite(part).all() for part in fit) and not fit.mean[:, 2:].any()


def test_compounds_that_follow_expression_more_have_wider_slopes() -> None:
    x, line, compound, response, v = simulate(60, 20, [0.8] + [0.3] * 10, 0.3)
    indifferent = compound < 10
    response = torch.where(
        indifferent, v[compound, 0] + 0.3 * torch.randn(len(line), generator=torch.Generator().manual_seed(5)), response
    )
    fit = Regressions(x, line, compound, 20, prior([0.3] * 10)).fit(response, steps=30)
    assert fit.slope_scale[:10].max() < 0.5 * fit.slope_scale[10:].min()


@pytest.fixture
def scalers() -> tuple[expression.ExpressionScaler, mutations.MutationScaler]:
    """Of 40 lines: 12 genes that vary along few directions, and 5 alterations."""
    draw = np.random.default_rng(0)
    genes = draw.standard_normal((40, 3)) @ draw.standard_normal((3, 12)) + 0.3 * draw.standard_normal((40, 12))
    altered = (draw.random((40, 5)) < 0.3).astype(float)
    return (
        expression.fit(pd.DataFrame(genes, columns=[f"G{i}" for i in range(12)]), components=6),
        mutations.fit(pd.DataFrame(altered, columns=[f"M{i}" for i in range(5)]), components=6),
    )


def test_a_component_may_have_slopes_as_it_varies(
    scalers: tuple[expression.ExpressionScaler, mutations.MutationScaler],
) -> None:
    found = SlopePrior.of_scalers(scalers)
    loadings = scalers[0].components
    # by hand: the SD of what unit vectors along the components find, where that of the components themselves is one
    sd = 1 / np.linalg.norm(loadings, axis=0)
    assert found.deviation[:6].tolist() == pytest.approx(sd / np.sqrt(np.mean(sd**2)))
    assert found.deviation[:6].tolist() == sorted(found.deviation[:6].tolist(), reverse=True)
    assert found.deviation[6:].tolist() == pytest.approx([1] * 5)  # alterations are standardised one by one
    assert found.modality.tolist() == [0] * 6 + [1] * 5


def test_ridge_on_components_as_they_vary_is_ridge_on_the_genes(
    scalers: tuple[expression.ExpressionScaler, mutations.MutationScaler],
) -> None:
    scaler, draw = scalers[0], np.random.default_rng(1)
    z = draw.standard_normal((30, 6)) @ np.linalg.pinv(scaler.components)  # profiles in the components' span
    y = draw.standard_normal(30)
    sd = SlopePrior.of_scalers([scaler]).deviation.double().numpy()
    h = z @ scaler.components
    own = np.linalg.solve(h.T @ h + np.diag(sd**-2.0), h.T @ y)
    raw = sd * np.linalg.norm(scaler.components, axis=0)  # the factor is shared: any one component tells it
    on_genes = np.linalg.solve(z.T @ z + np.eye(12) / raw[0] ** 2, z.T @ y)
    assert h @ own == pytest.approx(z @ on_genes, abs=1e-6)


def test_each_modality_has_one_factor_which_is_the_mean_of_expected_squares() -> None:
    draw = torch.Generator().manual_seed(6)
    deviation, modality = torch.tensor([1.2, 0.8, 0.5, 1.0, 1.0]), torch.tensor([0, 0, 0, 1, 1])
    mean, variance = torch.randn(7, 6, generator=draw).double(), torch.rand(7, 6, generator=draw).double()
    before, tau = torch.full((6,), 0.5).double(), torch.ones(7).double()
    scale, slope = SlopePrior(deviation, modality).scales(mean, torch.diag_embed(variance), before, tau)
    square = (mean**2 + variance).numpy()
    expected_tau = np.sqrt(((square[:, 1:] / 0.25).sum(1) + 5) / (5 + 5))
    assert slope.tolist() == pytest.approx(expected_tau)
    assert float(scale[0]) == pytest.approx(np.sqrt(square[:, 0].mean()))
    relative = square[:, 1:] / expected_tau[:, None] ** 2 / deviation.numpy() ** 2
    for m, columns in ((0, slice(0, 3)), (1, slice(3, 5))):
        factor = np.sqrt(relative[:, columns].mean())
        assert (scale[1:] / deviation)[modality == m].tolist() == pytest.approx([factor] * int((modality == m).sum()))


def test_without_profiles_there_are_no_slopes() -> None:
    empty = SlopePrior(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    scale, slope = empty.scales(torch.ones(3, 1).double(), torch.zeros(3, 1, 1).double(), torch.ones(1), torch.ones(3))
    assert scale.tolist() == [1] and torch.isfinite(slope).all()


def test_the_noise_is_the_expected_square_of_what_the_fit_leaves() -> None:
    x, line, compound, response, _ = simulate(20, 3, [0.8, 0.5, 0.2], 0.5)
    rows = Regressions(x, line, compound, 3, prior([0.5, 0.2]))
    y, uncertain = response.double(), torch.linspace(0, 0.3, len(response), dtype=torch.float64)
    first, second = (rows.fit(response, uncertain, steps=steps) for steps in (30, 31))
    left = y - (x.double()[line] * first.mean.double()[compound]).sum(1)
    spread = torch.stack(
        [one @ first.covariance[c].double() @ one for one, c in zip(x.double()[line], compound, strict=True)]
    )
    each = torch.zeros(3, dtype=torch.float64).index_add(0, compound, left**2 + spread + uncertain)
    pooled = each.sum() / len(response)
    expected = ((each + PSEUDO_RESPONSES * pooled) / (20 + PSEUDO_RESPONSES)).sqrt()
    assert second.noise.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
