"""The posterior of curves: against brute force, against NUTS, and calibrated over the prior."""

import numpy as np
import pytest
import torch

from bdrp.data.dose_response import posterior, proposals
from bdrp.data.dose_response.curve import LN_SCALE_SD, LN_SLOPE, LOGIT_PLATEAU, Prior
from bdrp.data.dose_response.likelihood import Design, SharedLikelihood, log_likelihood
from bdrp.data.dose_response.noise import DEGREES, Noise
from bdrp.data.dose_response.simulation import HALF_DECADES as LN_DOSE
from bdrp.data.dose_response.simulation import simulate
from bdrp.evaluation.simulation_based import ranks, uniformity

NOISE = Noise(cv=0.07, floor=0.03, top_sd=0.06)
PRIOR = Prior(NOISE.top_sd, float(LN_DOSE[0]), 0.0)


def _log_likelihood(z: np.ndarray, wells: np.ndarray) -> np.ndarray:
    """Of coordinates (5, S) for the wells (K,) of one curve, by scipy's density."""
    from scipy.stats import t

    curves = PRIOR.curves(z)
    signal = np.stack([curves.signal(float(dose)) for dose in LN_DOSE])
    return t.logpdf(wells[:, None], DEGREES, signal, curves.scale * NOISE.sd(signal)).sum(0)


def test_shared_nodes_and_a_curves_own_have_the_likelihood_that_scipy_says():
    _, _, design = simulate(3, NOISE, seed=1)
    z = np.random.default_rng(0).standard_normal((5, 50))
    right = np.stack([_log_likelihood(z, wells) for wells in design.signal])
    curves = PRIOR.curves(z)
    own = PRIOR.curves(np.repeat(z[:, None], 3, axis=1))
    np.testing.assert_allclose(SharedLikelihood(LN_DOSE, curves, NOISE)(design), right, rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(log_likelihood(design, own, NOISE), right, rtol=1e-4, atol=2e-3)


def test_a_missing_well_says_nothing_and_a_noisy_plate_says_less():
    _, _, design = simulate(2, NOISE, seed=2)
    holed = design.signal.copy()
    holed[:, 3] = np.nan
    curves = PRIOR.curves(np.random.default_rng(0).standard_normal((5, 2, 40)))
    kept = np.delete(np.arange(7), 3)
    without = log_likelihood(Design(LN_DOSE[kept], design.signal[:, kept], design.spread), curves, NOISE)
    np.testing.assert_allclose(log_likelihood(Design(LN_DOSE, holed, design.spread), curves, NOISE), without, rtol=1e-5)
    noisy = log_likelihood(Design(LN_DOSE, design.signal, np.full(2, 3.0)), curves, NOISE)
    assert (np.ptp(noisy, axis=1) < np.ptp(log_likelihood(design, curves, NOISE), axis=1)).all()


def test_a_proposal_has_the_density_that_its_draws_have():
    """The mean over draws of prior / proposal is 1; it strays with an SD of 0.006 here."""
    rng = np.random.default_rng(0)
    factor = np.linalg.cholesky(0.5 * np.eye(5) + 0.1)[None]
    for funnel in (0.0, 0.4):
        proposal = proposals.Proposal(rng.normal(0, 0.3, (1, 5)), 1.3 * factor, funnel)
        z = proposal.draw(1 << 16, 3)
        ratio = proposal.over_prior(z, 0.5 * (z**2).sum(1))
        assert (1 / ratio).mean() == pytest.approx(1, abs=0.05)


def test_moments_and_evidence_are_those_of_brute_force():
    """Of a quarter of a million draws of the prior, weighed by scipy's density."""
    _, _, design = simulate(4, NOISE, seed=3)
    found = posterior.sample(design, NOISE, draws=2000)
    z = proposals.prior_nodes(1 << 18, 9).astype(float)
    curves = PRIOR.curves(z)
    area, midpoint = curves.area(float(LN_DOSE[0]), 0.0), curves.midpoint
    told = found.curves.area(float(LN_DOSE[0]), 0.0)
    for curve, wells in enumerate(design.signal):
        ln = _log_likelihood(z, wells)
        weights = np.exp(ln - ln.max())
        evidence, weights = ln.max() + np.log(weights.mean()), weights / weights.sum()
        error = np.sqrt(1 / found.effective[curve] + (weights**2).sum())  # of ln evidence, and of means over their SD
        assert abs(found.ln_evidence[curve] - evidence) < 4 * error
        for values, drawn in ((area, told[curve]), (midpoint, found.curves.midpoint[curve])):
            mean = weights @ values
            sd = np.sqrt(weights @ (values - mean) ** 2)
            assert abs(drawn.mean() - mean) < 4 * error * sd
            assert drawn.std() == pytest.approx(sd, rel=4 * error)


def test_ranks_are_uniform_over_curves_from_the_prior():
    """Simulation-based calibration; a right posterior fails one of the seven bounds in 1,000 runs each."""
    z, truth, design = simulate(1500, NOISE, seed=4)
    found = posterior.sample(design, NOISE, draws=99)
    lowest = float(LN_DOSE[0])
    true = np.column_stack([z, truth.area(lowest, 0.0), truth.viability(0.0)])
    drawn = np.concatenate(
        [found.z, found.curves.area(lowest, 0.0)[:, None], found.curves.viability(0.0)[:, None]], axis=1
    )
    rank = ranks(true, drawn.transpose(0, 2, 1))
    for parameter in range(rank.shape[1]):
        assert uniformity(rank[:, [parameter]], 99).p_value > 0.001


def test_too_little_noise_is_noticed_by_the_same_ranks():
    z, truth, design = simulate(400, NOISE, seed=4)
    found = posterior.sample(design, Noise(0.015, 0.006, 0.01), draws=99)
    area = found.curves.area(float(LN_DOSE[0]), 0.0)[:, :, None]
    rank = ranks(truth.area(float(LN_DOSE[0]), 0.0)[:, None], area)
    seen = uniformity(rank, 99)
    assert seen.p_value < 0.001
    assert seen.covered < 0.8


def test_every_curve_of_the_prior_has_enough_effective_draws():
    _, _, design = simulate(1000, NOISE, seed=5)
    assert posterior.sample(design, NOISE, draws=20).effective.min() > 20


def test_the_same_seed_gives_the_same_draws():
    _, _, design = simulate(5, NOISE, seed=6)
    first, second = (posterior.sample(design, NOISE, draws=50, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.z, second.z)


@pytest.mark.parametrize(
    "wells",
    [[0.96, 1.04, 0.99, 0.90, 0.72, 0.64, 0.66], [1.05, 0.98, 1.01, 0.94, 1.03, 1.00, 0.97]],
    ids=["partial", "flat"],
)
def test_quantiles_of_long_tails_are_those_of_brute_force(wells):
    """Of these two a chain of NUTS has not settled in 1,500 draws; 400,000 of the prior are worth 300 or more.

    A quantile of so few has a standard error of about 0.09 SD; of nine of them one in 200 would lie 0.3 away by chance.
    """
    seen = np.array(wells)
    z = np.random.default_rng(0).standard_normal((5, 400_000))
    likelihood = _log_likelihood(z, seen)
    weight = np.exp(likelihood - likelihood.max())
    assert weight.sum() ** 2 / (weight**2).sum() > 300
    prior, lowest, levels = PRIOR.curves(z), float(LN_DOSE[0]), np.array([0.1, 0.5, 0.9])
    ours = posterior.sample(Design(LN_DOSE, seen[None], np.ones(1)), NOISE, draws=4000).curves
    for right, told in (
        (prior.area(lowest, 0.0), ours.area(lowest, 0.0)[0]),
        (prior.midpoint, ours.midpoint[0]),
        (prior.plateau, ours.plateau[0]),
    ):
        order = np.argsort(right)
        summed = np.cumsum(weight[order]) / weight.sum()
        mean = np.average(right, weights=weight)
        deviation = np.sqrt(np.average((right - mean) ** 2, weights=weight))
        away = (np.quantile(told, levels) - right[order][np.searchsorted(summed, levels)]) / deviation
        assert np.abs(away).max() < 0.3


@pytest.mark.slow
def test_moments_are_those_of_nuts():
    """Pyro's sampler on the same density, written anew in torch; docs/curves.md says what longer chains showed."""
    from pyro.infer import MCMC, NUTS

    wells = torch.tensor([1.02, 0.97, 1.01, 0.83, 0.41, 0.12, 0.06], dtype=torch.float64)
    doses = torch.tensor(LN_DOSE)

    def potential(values):
        z = values["z"]
        logits = torch.exp(LN_SLOPE[0] + LN_SLOPE[1] * z[2]) * (doses - PRIOR.midpoint_sd * z[1])
        plateau = torch.sigmoid(LOGIT_PLATEAU[0] + LOGIT_PLATEAU[1] * z[3])
        signal = torch.exp(NOISE.top_sd * z[4]) * (1 - (1 - plateau) * torch.sigmoid(logits))
        scale = torch.exp(LN_SCALE_SD * z[0]) * torch.sqrt(NOISE.floor**2 + (NOISE.cv * signal) ** 2)
        return 0.5 * (z**2).sum() - torch.distributions.StudentT(DEGREES, signal, scale).log_prob(wells).sum()

    torch.manual_seed(0)
    start = {"z": torch.tensor([0.0, -0.5, 0.0, -1.0, 0.0], dtype=torch.float64)}
    kernel = NUTS(potential_fn=potential, max_tree_depth=5)
    sampler = MCMC(kernel, 250, warmup_steps=100, initial_params=start, disable_progbar=True)
    sampler.run()
    nuts = PRIOR.curves(sampler.get_samples()["z"].numpy().T)
    ours = posterior.sample(Design(LN_DOSE, wells.numpy()[None], np.ones(1)), NOISE, draws=1000).curves
    lowest = float(LN_DOSE[0])
    for right, told in ((nuts.area(lowest, 0.0), ours.area(lowest, 0.0)), (nuts.ln_ic50(), ours.ln_ic50())):
        assert abs(told.mean() - right.mean()) < 0.4 * right.std()  # three errors of 60 effective draws
        assert told.std() == pytest.approx(right.std(), rel=0.35)
