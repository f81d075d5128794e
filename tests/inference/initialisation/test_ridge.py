from __future__ import annotations

import pytest
import torch

from bdrp.inference.initialisation.ridge import Regressions


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
    fit = Regressions(x, line, compound, 40).fit(response, steps=40)
    assert (fit.mean - v).square().mean().sqrt() < 0.06
    assert fit.noise.tolist() == pytest.approx([0.4] * 40, rel=0.25)
    assert fit.scale[:3].tolist() == pytest.approx(scale[:3], rel=0.35)
    assert fit.scale[3] < 0.05


def test_the_posterior_covers_the_truth_as_often_as_it_says() -> None:
    x, line, compound, response, v = simulate(40, 60, [0.8, 0.5, 0.2], 0.5)
    fit = Regressions(x, line, compound, 60).fit(response, steps=40)
    z = (fit.mean - v) / fit.variance.sqrt()
    # 180 standard normals: their mean square is within 1 +- 0.42 but for four standard errors (6 in 100,000)
    assert float(z.square().mean()) == pytest.approx(1, abs=0.42)


def test_with_known_scales_one_compound_is_bayesian_linear_regression() -> None:
    x, line, compound, response, _ = simulate(30, 1, [0.8, 0.5, 0.2], 0.5)
    fit = Regressions(x, line, compound, 1).fit(response, steps=60)
    scale, noise = fit.scale.double(), fit.noise.double() ** 2
    prior = torch.cat([scale[:1], scale[1:] * fit.slope_scale.double()]) ** -2
    precision = x.double().T @ x.double() / noise + torch.diag(prior)
    expected = torch.linalg.solve(precision, x.double().T @ response.double() / noise)
    assert fit.mean[0].tolist() == pytest.approx(expected.tolist(), abs=0.01)
    assert fit.variance[0].tolist() == pytest.approx(torch.linalg.inv(precision).diagonal().tolist(), rel=0.05)


def test_a_compound_with_one_response_stays_close_to_what_is_common() -> None:
    x, line, compound, response, _ = simulate(30, 10, [0.8, 0.5], 0.3)
    keep = (compound != 3) | (line == 0)
    fit = Regressions(x, line[keep], compound[keep], 10).fit(response[keep])
    assert all(torch.isfinite(part).all() for part in fit)
    assert fit.variance[3, 1] > 5 * fit.variance[4, 1]
    assert fit.noise[3] == pytest.approx(float(fit.noise.mean()), rel=0.3)


def test_regressors_of_zero_do_no_harm() -> None:
    x, line, compound, response, _ = simulate(30, 5, [0.8, 0.5], 0.3)
    fit = Regressions(torch.cat([x, torch.zeros(30, 3)], dim=1), line, compound, 5).fit(response)
    assert all(torch.isfinite(part).all() for part in fit) and not fit.mean[:, 2:].any()


def test_compounds_that_follow_expression_more_have_wider_slopes() -> None:
    x, line, compound, response, v = simulate(60, 20, [0.8] + [0.3] * 10, 0.3)
    indifferent = compound < 10
    response = torch.where(
        indifferent, v[compound, 0] + 0.3 * torch.randn(len(line), generator=torch.Generator().manual_seed(5)), response
    )
    fit = Regressions(x, line, compound, 20).fit(response, steps=30)
    assert fit.slope_scale[:10].max() < 0.5 * fit.slope_scale[10:].min()
