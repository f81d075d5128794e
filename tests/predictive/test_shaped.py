from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from bdrp.predictive import LevelMap, Remapped, Shaped

SKEWED = LevelMap((0.02, 0.3, 0.5, 0.8, 0.99), (0.05, 0.25, 0.6, 0.85, 0.97))


def one_pair(shape: LevelMap = SKEWED, mean: float = 0.7, aleatoric: float = 1.5, epistemic: float = 0.5) -> Shaped:
    keys = pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]})
    return Shaped(keys, "ln_ic50_um", [mean], [aleatoric], [epistemic], shape)


def expectation(pred: Shaped, of) -> float:
    """By quadrature of the density between far quantiles, a piece between knots at a time."""
    cuts = [1e-14, *pred.shape.remapped, 1 - 1e-14]
    edges = pred.quantile(cuts)[0]
    pieces = zip(edges[:-1], edges[1:], strict=True)
    return sum(quad(lambda y: of(y) * np.exp(pred.log_prob(y)[0]), *piece, epsabs=0, limit=200)[0] for piece in pieces)


def test_the_density_integrates_to_one_with_the_mean_and_the_variance_that_it_says():
    pred = one_pair()
    assert expectation(pred, lambda y: 1.0) == pytest.approx(1, rel=1e-7)
    assert expectation(pred, lambda y: y) == pytest.approx(0.7, rel=1e-6)
    assert expectation(pred, lambda y: (y - 0.7) ** 2) == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize("y", [-4.0, 0.1, 0.7, 2.0, 6.0])
def test_the_crps_is_the_integral_of_the_squared_difference_of_cdfs(y):
    pred, far = one_pair(), 40.0
    below = quad(lambda t: pred.cdf(t)[0] ** 2, -far, y, points=[-4.0, 0.0], limit=400)[0]
    above = quad(lambda t: pred.survival(t)[0] ** 2, y, far, points=[4.0, 8.0], limit=400)[0]
    assert pred.crps(y)[0] == pytest.approx(below + above, rel=1e-6)


def test_its_normal_scores_are_those_of_the_map():
    """A response m + s x has the score h(x), whatever m and s make the mean and the variance right."""
    pred, z = one_pair(), np.linspace(-3, 3, 13)
    y = pred.from_probit(SKEWED.probit(z)[None])[0]
    np.testing.assert_allclose(np.diff(y), np.diff(y)[0], rtol=1e-9)  # equal steps of x are equal steps of y
    np.testing.assert_allclose(pred.probit(y[None])[0], SKEWED.probit(z), atol=1e-12)


def test_a_map_that_changes_nothing_gives_the_normal(make_normal):
    base, y = make_normal(), np.linspace(-6, 6, 50)
    same = Shaped(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, LevelMap((0.1, 0.9), (0.1, 0.9)))
    for answer in ("cdf", "log_prob", "crps"):
        np.testing.assert_allclose(getattr(same, answer)(y), getattr(base, answer)(y), atol=1e-8)


def test_it_is_the_normal_remapped_with_the_moments_of_that(make_normal):
    base, y = make_normal(), np.linspace(-6, 6, 50)
    remapped = Remapped(base, SKEWED.levels, SKEWED.remapped)
    pred = Shaped(base.keys, base.measure, remapped.mean, remapped.aleatoric, remapped.epistemic, SKEWED)
    for answer in ("cdf", "log_prob", "crps"):
        np.testing.assert_allclose(getattr(pred, answer)(y), getattr(remapped, answer)(y), rtol=1e-9, atol=1e-12)


def test_its_standard_quantiles_are_its_own():
    pred, z = one_pair(), np.linspace(-4, 4, 9)
    np.testing.assert_allclose(pred.mean + pred.std * pred.standard_quantiles(z)[:, 0], pred.from_probit(z[None])[0])
