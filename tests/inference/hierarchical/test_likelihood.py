from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Pairs
from bdrp.inference.hierarchical.likelihood import (
    START_DOF,
    TAIL,
    Likelihood,
    NoiseDistribution,
    Responses,
    impute_censored,
    standardise_responses,
)
from bdrp.inference.method import Runtime

Make = Callable[..., Any]

MEAN = torch.tensor([0.0, 0.5, -1.0, 2.0, 0.1], dtype=torch.float64)
LOG_SD = torch.tensor([-1.0, 0.0, 0.5, -2.0, -0.3], dtype=torch.float64)
RESPONSE = torch.tensor([0.2, -3.0, 0.0, 2.5, 0.1], dtype=torch.float64)


def seen(response: Tensor, above: list[bool] | None = None, below: list[bool] | None = None) -> Responses:
    no = [False] * len(response)
    return Responses(response, torch.tensor(above or no), torch.tensor(below or no), response)


def noise_of(family: str, noise: str = "pair") -> NoiseDistribution:
    return NoiseDistribution(Likelihood(family, noise))


def test_the_normal_density_is_scipys() -> None:
    found = noise_of("normal").log_prob(seen(RESPONSE), MEAN, LOG_SD)
    assert found.tolist() == pytest.approx(stats.norm(MEAN, LOG_SD.exp()).logpdf(RESPONSE).tolist())


@pytest.mark.parametrize("excess", [-3.0, 0.0, 2.0, 6.0])
def test_the_students_density_is_scipys_with_the_variance_that_it_is_given(excess: float) -> None:
    t = noise_of("student_t").double()
    torch.nn.init.constant_(t.log_excess_dof, excess)
    dof = float(t.dof.detach())
    assert t.noise_dof == dof > 2
    scale = LOG_SD.exp().numpy() * np.sqrt((dof - 2) / dof)
    whole = stats.t(dof, MEAN.numpy(), scale)
    assert whole.var() == pytest.approx((2 * LOG_SD).exp().numpy())
    found = t.log_prob(seen(RESPONSE), MEAN, LOG_SD)
    assert found.tolist() == pytest.approx(whole.logpdf(RESPONSE.numpy()).tolist())


def test_only_the_student_has_tails_and_starts_where_the_constant_says() -> None:
    assert noise_of("normal").noise_dof is None and noise_of("censored").noise_dof is None
    assert noise_of("student_t").noise_dof == pytest.approx(START_DOF)


def test_the_censored_likelihood_is_a_density_inside_and_a_probability_beyond() -> None:
    rows = seen(RESPONSE, [True, False, False, True, False], [False, True, False, False, False])
    found = noise_of("censored").log_prob(rows, MEAN, LOG_SD).tolist()
    normal = stats.norm(MEAN, LOG_SD.exp())
    above, below, inside = normal.logsf(RESPONSE), normal.logcdf(RESPONSE), normal.logpdf(RESPONSE)
    assert found == pytest.approx([above[0], below[1], inside[2], above[3], inside[4]])


@pytest.mark.parametrize("family", ["normal", "student_t"])
def test_the_uncensored_likelihoods_take_a_response_beyond_its_limit_for_a_measurement(family: str) -> None:
    beyond = seen(RESPONSE, [True] * 5)
    assert torch.equal(
        noise_of(family).log_prob(beyond, MEAN, LOG_SD), noise_of(family).log_prob(seen(RESPONSE), MEAN, LOG_SD)
    )


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("mean", [-9.0, -4.9, -2.0, -0.3, 0.0, 0.4, 3.0, 9.0])
def test_a_censored_response_is_expected_as_the_truncated_normal_says(above: bool, mean: float) -> None:
    limit, sd = 0.7, 0.6
    sign = 1.0 if above else -1.0
    at = torch.tensor([limit + sign * sd * mean])
    one, yes, no = torch.tensor([limit]), torch.tensor([above]), torch.tensor([not above])
    found, variance = (float(part) for part in impute_censored(Responses(one, yes, no, one), at, torch.tensor([sd])))
    low, high = ((limit - float(at)) / sd, np.inf) if above else (-np.inf, (limit - float(at)) / sd)
    truncated = stats.truncnorm(low, high, float(at), sd)
    if mean > TAIL:
        assert found == pytest.approx(truncated.mean(), rel=1e-4, abs=1e-4)
        assert variance == pytest.approx(truncated.var(), rel=2e-2, abs=1e-5)
        return
    # beyond five SDs it is that of five: outside the limit, and no further from it than a fifth of an SD
    assert 0 < sign * (found - limit) < 0.2 * sd
    assert abs(found - truncated.mean()) < 0.15 * sd
    assert 0 <= variance < 0.1 * sd**2


def test_a_response_that_was_measured_is_expected_where_it_was() -> None:
    found = impute_censored(seen(RESPONSE), MEAN, LOG_SD.exp())
    assert torch.equal(found.mean, RESPONSE) and not found.variance.any()


@pytest.mark.parametrize("distance", [0.0, 1.0, 8.0, 40.0, 300.0])
def test_a_mean_far_inside_its_limit_has_a_finite_probability_and_a_gradient_towards_the_limit(distance: float) -> None:
    limit = torch.zeros(2)
    rows = Responses(limit, torch.tensor([True, False]), torch.tensor([False, True]), limit)
    mean = torch.tensor([-distance, distance], requires_grad=True)
    found = noise_of("censored").log_prob(rows, mean, torch.zeros(2))
    found.sum().backward()
    assert found.tolist() == pytest.approx([float(stats.norm.logcdf(-distance))] * 2, rel=1e-4)
    assert mean.grad is not None
    ratio = float(np.exp(stats.norm.logpdf(distance) - stats.norm.logcdf(-distance)))
    assert mean.grad.tolist() == pytest.approx([ratio, -ratio], rel=1e-2)


def test_a_censored_likelihood_sums_to_one() -> None:
    censored, mean, log_sd = noise_of("censored"), torch.full((4001,), 0.3).double(), torch.full((4001,), -0.5).double()
    inside = torch.linspace(-1, 0.8, 4001, dtype=torch.float64)
    density = float(torch.trapezoid(censored.log_prob(seen(inside), mean, log_sd).exp(), inside))
    limits = torch.tensor([0.8, -1.0], dtype=torch.float64)
    ends = Responses(limits, torch.tensor([True, False]), torch.tensor([False, True]), limits)
    assert density + float(censored.log_prob(ends, mean[:2], log_sd[:2]).exp().sum()) == pytest.approx(1, abs=1e-6)


def rows_of(response: list[float], low: list[float], high: list[float]) -> Pairs:
    position = torch.zeros(len(response), dtype=torch.int64)
    parts = (response, low, high, [float("nan")] * len(response))
    return Pairs(position, position, *(torch.tensor(part, dtype=torch.float64) for part in parts))


def test_rows_are_standardised_and_marked_where_they_lie_at_or_beyond_a_limit(some_unseen: Batch) -> None:
    features, nan = some_unseen.features, float("nan")
    rows = rows_of([1.0, 3.0, 5.0, -4.0, 9.0, nan], [-2.0, -2.0, nan, -4.0, nan, -2.0], [3.0, 3.0, 4.0, 3.0, nan, 3.0])
    found = standardise_responses(rows, features)
    assert found.above.tolist() == [False, True, True, False, False, False]
    assert found.below.tolist() == [False, False, False, True, False, False]
    back = features.response_mean + features.response_std * found.limit.double()
    assert back[:5].tolist() == pytest.approx([1.0, 3.0, 4.0, -4.0, 9.0], abs=1e-4)
    assert found.response.dtype == found.limit.dtype == torch.float32


def test_single_precision_does_not_bring_a_response_at_its_limit_inside(some_unseen: Batch) -> None:
    high = torch.linspace(-9, 9, 500, dtype=torch.float64)
    response = high.float().double()  # as a table of single precision holds it: above or below by its rounding
    position = torch.zeros(500, dtype=torch.int64)
    unknown = torch.full_like(high, torch.nan)
    found = standardise_responses(Pairs(position, position, response, unknown, high, unknown), some_unseen.features)
    assert bool((response < high).any()) and bool(found.above.all())


@pytest.mark.parametrize("family", ["normal", "student_t", "censored"])
def test_drawn_responses_have_the_mean_and_variance_that_the_noise_distribution_is_given(family: str) -> None:
    many = 200_000
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = noise_of(family).sample(torch.full((many,), 1.5), torch.full((many,), -0.7))
    drawn = drawn.detach()
    # five standard errors; the t of 10 degrees of freedom has a kurtosis of 4, the normal of 3
    sd = float(np.exp(-0.7))
    assert float(drawn.mean()) == pytest.approx(1.5, abs=5 * sd / many**0.5)
    assert float(drawn.var()) == pytest.approx(sd**2, rel=5 * (3 / many) ** 0.5)
    if family == "student_t":
        assert stats.kurtosis(drawn.numpy()) > 0.5


def test_the_predictive_density_adds_the_variances() -> None:
    aleatoric, epistemic = torch.tensor([0.3, 0.1, 0.5, 1.0, 0.2]).double(), torch.full((5,), 0.2).double()
    found = noise_of("normal").predictive_log_prob(seen(RESPONSE), MEAN, aleatoric, epistemic)
    expected = stats.norm(MEAN, (aleatoric + epistemic).sqrt()).logpdf(RESPONSE)
    assert found.tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("method", ["last_layer", "deterministic"])
def test_noise_varies_with_nothing_with_the_drug_or_with_the_pair_as_asked(
    method: str, make_method: Make, some_unseen: Batch
) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.train.concatenate(some_unseen.test)

    def noise_ratios(noise: str) -> tuple[float, float]:
        """Ratios of the largest to the smallest aleatoric SD: of all pairs, and within a drug at most."""
        fit = make_method(method, noise=noise, likelihood="normal").fit(some_unseen, Runtime())
        sd = np.sqrt(fit.predict(inputs, rows).aleatoric)
        of = [sd[(rows.drug == drug).numpy()] for drug in torch.unique(rows.drug)]
        return float(sd.max() / sd.min()), max(float(part.max() / part.min()) for part in of)

    assert noise_ratios("constant") == pytest.approx((1, 1), rel=1e-5)
    between, within = noise_ratios("drug")
    assert between > 1.1 and within == pytest.approx(1, rel=1e-5)
    assert min(noise_ratios("pair")) > 1.01


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"likelihood": "gamma"}, "likelihood is 'gamma'. Choose normal, student_t or censored."),
        ({"noise": "line"}, "noise is 'line'. Choose constant, drug or pair."),
        ({"lines": "all"}, "lines is 'all'. Choose auto, known or new."),
        ({"head_rate": 0.0}, "head_rate is 0.0; it must be above 0 and below 1. Choose another value."),
        ({"learning_rate": 1.0}, "learning_rate is 1.0; it must be above 0 and below 1. Choose another value."),
    ],
)
@pytest.mark.parametrize("method", ["last_layer", "deterministic"])
def test_an_option_that_cannot_be_is_refused_by_name(
    method: str, option: dict[str, Any], message: str, make_method: Make
) -> None:
    with pytest.raises(FitError) as caught:
        make_method(method, **option)
    assert str(caught.value) == message


@pytest.mark.parametrize("family", ["normal", "student_t", "censored"])
def test_every_likelihood_can_be_fitted_and_predicts_with_its_tails(
    family: str, make_method: Make, some_unseen: Batch
) -> None:
    fit = make_method("last_layer", likelihood=family).fit(some_unseen, Runtime())
    pred = fit.predict(some_unseen.inputs, some_unseen.test)
    assert type(pred).__name__ == ("StudentT" if family == "student_t" else "Normal")
    assert np.isfinite(pred.mean).all() and (pred.aleatoric > 0).all()


KNOWN = torch.tensor([0.5, 0.0, 2.0, 0.1, 1.0], dtype=torch.float64)


def test_a_known_variance_is_added_to_that_of_the_noise() -> None:
    rows = seen(RESPONSE)._replace(known_variance=KNOWN)
    total = np.sqrt(LOG_SD.exp().numpy() ** 2 + KNOWN.numpy())
    found = noise_of("normal").log_prob(rows, MEAN, LOG_SD)
    assert found.tolist() == pytest.approx(stats.norm(MEAN, total).logpdf(RESPONSE).tolist())
    student = noise_of("student_t").double()
    told = student.log_prob(rows, MEAN, LOG_SD)
    assert told.tolist() == pytest.approx(student.log_prob(seen(RESPONSE), MEAN, torch.as_tensor(total).log()).tolist())


def test_a_response_less_its_error_of_measurement_has_the_moments_of_two_normals() -> None:
    """By simulation: rows whose response comes near the one that was seen."""
    rng = np.random.default_rng(0)
    mean, sd, known, response = 0.3, 0.8, 0.5, 1.4
    without = mean + sd * rng.standard_normal(2_000_000)
    near = without[np.abs(without + np.sqrt(known) * rng.standard_normal(len(without)) - response) < 0.02]
    rows = seen(torch.tensor([response]))._replace(known_variance=torch.tensor([known]))
    found = noise_of("normal").impute(rows, torch.tensor([mean]), torch.tensor([sd]).log())
    assert float(found.mean) == pytest.approx(near.mean(), abs=0.02)
    assert float(found.variance) == pytest.approx(near.var(), rel=0.05)


def test_rows_without_a_known_variance_have_none_and_a_few_of_them_zero(some_unseen: Batch) -> None:
    rows, features = some_unseen.train, some_unseen.features
    assert standardise_responses(rows, features).known_variance is None
    sd = torch.full_like(rows.response, torch.nan)
    sd[:2] = torch.tensor([0.4, 0.8])
    known = standardise_responses(replace(rows, response_sd=sd), features).known_variance
    assert known is not None and not known[2:].any()
    assert known[:2].tolist() == pytest.approx([(each / features.response_std) ** 2 for each in (0.4, 0.8)])
