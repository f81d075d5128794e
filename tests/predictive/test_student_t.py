from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scoringrules
from scipy import special, stats
from scipy.integrate import quad

from bdrp.errors import DataError
from bdrp.predictive import Normal, StudentT
from bdrp.predictive.scale_mixture import KNOTS, scale_mixture

DOFS = [2.5, 3.0, 4.0, 8.0, 30.0]
# What 24 nodes keep of the log density out to 8 SDs; measured, and doubled.
ACCURACY = {2.5: 6e-4, 3.0: 2.4e-4, 4.0: 6e-5, 8.0: 2e-6, 30.0: 1e-7}


class SharedDirection:
    """Deviations that all pairs share up to a pair's own loading: correlation 1."""

    def __init__(self, loading):
        self.loading = np.asarray(loading)

    def draw(self, rng, draws):
        return rng.standard_normal((draws, 1)) * self.loading

    def __getitem__(self, index):
        return SharedDirection(self.loading[index])


def one_pair(aleatoric, epistemic, dof, mean=0.0):
    keys = pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]})
    return StudentT(keys, "ln_ic50_um", [mean], [aleatoric], [epistemic], dof)


@pytest.fixture
def shared():
    keys = pd.DataFrame({"cell_line_id": list("abc"), "drug_id": list("xyz")})
    return StudentT(keys, "m", [0.0, 1.0, 2.0], [0.25] * 3, [1.0, 4.0, 9.0], 5.0, SharedDirection([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("dof", DOFS)
def test_without_ignorance_it_is_the_exact_t_out_to_eight_sds(dof):
    pred, scale = one_pair(4.0, 0.0, dof, mean=1.5), 2 * np.sqrt((dof - 2) / dof)
    exact = stats.t(dof, loc=1.5, scale=scale)
    y = 1.5 + 2 * np.linspace(-8, 8, 161)
    np.testing.assert_allclose(pred.log_prob(y[None])[0], exact.logpdf(y), rtol=0, atol=ACCURACY[dof])
    np.testing.assert_allclose(pred.cdf(y[None])[0], exact.cdf(y), rtol=ACCURACY[dof])
    p = [1e-6, 0.01, 0.05, 0.25, 0.5, 0.9, 0.999]
    np.testing.assert_allclose(pred.quantile(p)[0], exact.ppf(p), rtol=2 * ACCURACY[dof])


@pytest.mark.parametrize("dof", DOFS)
@pytest.mark.parametrize("noise_share", [0.05, 0.5, 0.9])
def test_with_ignorance_it_is_the_numeric_convolution(dof, noise_share):
    pred, normal = one_pair(noise_share, 1 - noise_share, dof), stats.norm(scale=np.sqrt(1 - noise_share))
    noise = stats.t(dof, scale=np.sqrt(noise_share * (dof - 2) / dof))
    for y in (0.0, 0.3, -1.0, 2.5, -5.0, 8.0):
        density, below = (
            quad(lambda u, y=y, f=f: normal.pdf(u) * f(y - u), -9, 9, points=[0.0, y], limit=400, epsabs=0)[0]
            for f in (noise.pdf, noise.cdf)
        )
        assert pred.log_prob(y)[0] == pytest.approx(np.log(density), abs=1e-3)
        assert pred.cdf(y)[0] == pytest.approx(below, abs=ACCURACY[dof])


@pytest.mark.parametrize("dof", [2.0001, 2.1, *DOFS, 1e3, 1e7])
def test_weights_and_weighted_nodes_sum_to_one(dof):
    tau, weights = one_pair(1.0, 0.0, dof).mixture.nodes
    assert np.sum(weights) == pytest.approx(1, abs=1e-12)
    assert weights @ tau == pytest.approx(1, abs=1e-12)
    assert np.all(weights > 0) and np.all(tau > 0)


def test_many_degrees_of_freedom_make_a_normal(make_normal):
    base, y = make_normal(), np.linspace(-6, 6, 50)
    pred = StudentT(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, 1e7)
    for answer in ("cdf", "log_prob", "crps"):
        np.testing.assert_allclose(getattr(pred, answer)(y), getattr(base, answer)(y), atol=1e-4)


def test_crps_is_that_of_the_exact_t_and_of_scoringrules_mixture():
    y = np.array([[-6.0, -1.0, 0.0, 0.4, 3.0]])
    for dof in DOFS:
        scale = np.sqrt((dof - 2) / dof)
        exact = scoringrules.crps_t(y[0], dof, 0.0, scale, backend="numpy")
        np.testing.assert_allclose(one_pair(1.0, 0.0, dof).crps(y)[0], exact, rtol=ACCURACY[dof])
    pred = one_pair(0.6, 0.4, 3.0)
    tau, weights = pred.mixture.nodes
    mixed = scoringrules.crps_mixnorm(
        y[0],
        np.zeros((5, len(tau))),
        np.tile(np.sqrt(0.4 + 0.6 * tau), (5, 1)),
        np.tile(weights, (5, 1)),
        backend="numpy",
    )
    np.testing.assert_allclose(pred.crps(y)[0], mixed, rtol=1e-9)


@pytest.mark.parametrize("y", [-8.0, -1.0, 0.7, 2.5, 12.0])
def test_crps_is_the_integral_that_defines_it(y):
    pred = one_pair(0.5, 0.5, 4.0)
    below = quad(lambda t: pred.cdf(t)[0] ** 2, -400, y, limit=400)[0]
    above = quad(lambda t: (1 - pred.cdf(t)[0]) ** 2, y, 400, limit=400)[0]
    assert pred.crps(y)[0] == pytest.approx(below + above, abs=1e-6)


@pytest.mark.parametrize("p", [1e-15, 1e-9, 0.5, 1 - 1e-9])
def test_far_quantiles_are_found_for_every_share_of_noise(p):
    share = np.concatenate([[0.0, 1e-12, 1e-6, 1.0], np.linspace(0.001, 0.999, 60)])
    keys = pd.DataFrame({"cell_line_id": share.astype(str), "drug_id": "d"})
    for dof in (2.01, 2.5, 30.0):
        pred = StudentT(keys, "m", np.zeros(len(share)), share, 1 - share, dof)
        np.testing.assert_allclose(pred.cdf(pred.quantile(p)), p, rtol=1e-9)


def test_an_impossible_response_still_has_a_finite_log_probability():
    assert np.isfinite(one_pair(0.64, 0.36, 4.0).log_prob(1e6)[0])
    assert one_pair(0.64, 0.36, 4.0).log_prob(10.0)[0] > -14  # a normal says -51


def test_joint_draws_carry_what_pairs_share_and_each_pairs_own_noise(shared):
    # 40,000 draws: SE of a share below a quantile at most 0.0025, so 0.0125 is 5 of them.
    draws = shared.joint(40_000, seed=0)
    assert np.corrcoef(draws[:, 0], draws[:, 2])[0, 1] == pytest.approx(3 / np.sqrt(1.25 * 9.25), abs=0.01)
    for p in (0.01, 0.1, 0.5, 0.9, 0.99):
        np.testing.assert_allclose(np.mean(draws <= shared.quantile(p), axis=0), p, atol=0.0125)
    part = shared[np.array([2, 0])].joint(40_000, seed=0)
    np.testing.assert_allclose(part.std(axis=0), shared.std[[2, 0]], rtol=0.03)


def test_samples_have_the_tails_of_the_t():
    # 200,000 draws, share beyond 5 SDs 0.26 %: SE 0.011 points, so 0.05 is 4.5 of them.
    pred = one_pair(1.0, 0.0, 3.0)
    draws = pred.sample(200_000, seed=3)
    expected = 2 * pred.cdf(-5.0)[0]
    assert np.mean(np.abs(draws) > 5) == pytest.approx(expected, abs=5e-4)
    assert expected > 1000 * 2 * stats.norm.cdf(-5)


def test_scaling_widens_noise_epistemic_and_joint_draws_alike(shared):
    wide = shared.scale(2.0)
    assert wide.dof == shared.dof
    np.testing.assert_allclose(wide.aleatoric, 4 * shared.aleatoric)
    np.testing.assert_allclose(wide.epistemic, 4 * shared.epistemic)
    np.testing.assert_allclose(wide.joint(50, 3) - wide.mean, 2 * (shared.joint(50, 3) - shared.mean))
    np.testing.assert_allclose(wide.quantile(0.9) - wide.mean, 2 * (shared.quantile(0.9) - shared.mean), rtol=1e-9)


@pytest.mark.parametrize("dof", [2, 2.0, 0, -1, float("nan"), float("inf"), "4", None, True])
def test_degrees_of_freedom_without_a_variance_are_refused(dof):
    with pytest.raises(DataError, match=r"degrees of freedom are .* above 2"):
        one_pair(1.0, 1.0, dof)


def test_a_normal_knows_less_of_outliers(make_normal):
    base = make_normal()
    pred = StudentT(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, 4.0)
    assert isinstance(base, Normal)
    assert np.all(pred.quantile(0.999) > base.quantile(0.999))
    assert np.all(pred.quantile(0.75) < base.quantile(0.75))


@pytest.mark.parametrize("dof", [2.01, 2.1, *DOFS])
def test_quantiles_of_many_pairs_are_within_1e_8_sds_of_the_exact_ones(dof):
    rng = np.random.default_rng(3)
    share = np.concatenate([[0.0, 1e-12, 1e-6, 1.0], rng.random(1_500), rng.random(1_500) ** 6])
    keys = pd.DataFrame({"cell_line_id": share.astype(str), "drug_id": "d"})
    pred = StudentT(keys, "m", np.zeros(len(share)), share, 1 - share, dof)
    p = np.array([1e-9, 0.0005, 0.05, 0.25, 0.5, 0.6, 0.975, 0.9999])
    exact = pred.from_probit(np.tile(special.ndtri(p), (len(share), 1)))
    np.testing.assert_allclose(pred.quantile(p), exact, rtol=0, atol=1e-8)
    assert (pred.quantile(0.25) == pred.quantile(p)[:, 3]).all()


def test_a_spline_stands_for_a_quantile_where_it_is_exact_enough_and_pairs_are_many():
    mild, heavy, score = scale_mixture(4.0), scale_mixture(2.001), np.array([-1.6])
    assert mild._spline(-1.6) is not None and heavy._spline(-1.6) is None
    few, many = np.linspace(0, 1, KNOTS), np.linspace(0, 1, KNOTS + 1)
    np.testing.assert_array_equal(mild.at_scores(score, few)[:, 0], mild.from_probit(score, few))
    assert (mild.at_scores(score, many)[:, 0] != mild.from_probit(score, many)).any()
