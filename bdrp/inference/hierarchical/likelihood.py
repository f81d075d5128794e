"""The likelihood of a response: the noise distribution, and rows that are censored at a limit of their assay.

A row inside the limits of its assay is a measurement; of a censored row it is known only that the response is at least
(or at most) the limit. The censored normal (Tobin 1958, doi:10.2307/1907382) uses just that,

    log p(y) = log Phi((mean - limit) / sd)   where y >= the upper limit,

and the uncensored likelihoods take the published extrapolation as a measurement.

Where the variance k of a measurement itself is known, it is added to the variance s^2 of the noise,

    y ~ mean + noise + error,   Var noise = s^2,   Var error = k,

so that s^2 is learned without it. The Student-t has the variance of the sum and its own degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.errors import FitError
from bdrp.features.batch import Features, Pairs

FAMILIES = ("normal", "student_t", "censored")
NOISES = ("constant", "drug", "pair")
LEAST_DOF = 2.2  # chosen: a variance exists above 2, and nearer to it a few outliers would decide
START_DOF = 10.0  # chosen: near the residuals of GDSC2, whose best is 15 (docs/tried.md)
TAIL = -5.0  # chosen: a row so far from its limit is expected as if at five SDs; the ratio stays finite
LIMIT_SLACK = 1e-5  # chosen: single precision must not turn a response at its limit into a measurement


class Responses(NamedTuple):
    """N standardised responses with the limits of their assays.

    Attributes:
        response: (N,). above, below: (N,) whether the row is right-censored, left-censored.
        limit: (N,) the limit that it is censored at; the response itself elsewhere.
        known_variance: (N,) of the measurements themselves, 0 where not known; None where none is.
    """

    response: Tensor
    above: Tensor
    below: Tensor
    limit: Tensor
    known_variance: Tensor | None = None

    def select(self, index: Tensor) -> Responses:
        """The rows at `index`."""
        known = None if self.known_variance is None else self.known_variance[index]
        return Responses(self.response[index], self.above[index], self.below[index], self.limit[index], known)

    def total_log_sd(self, log_sd: Tensor) -> Tensor:
        """Log SD of noise and measurement together, from that of the noise alone, (..., N)."""
        if self.known_variance is None:
            return log_sd
        return 0.5 * torch.log((2 * log_sd).exp() + self.known_variance)


def standardise_responses(rows: Pairs, features: Features) -> Responses:
    """The responses of rows in standardised units, single precision, with their limits."""
    y, low, high = (
        (part - features.response_mean) / features.response_std
        for part in (rows.response, rows.lower_limit, rows.upper_limit)
    )
    above, below = y >= high - LIMIT_SLACK, y <= low + LIMIT_SLACK  # a limit of NaN is none
    limit = torch.where(above, high, torch.where(below, low, y))
    known = features.known_variance(rows).float()
    return Responses(y.float(), above, below, limit.float(), known if bool(known.any()) else None)


class ResponseMoments(NamedTuple):
    """Moments of N responses less the known errors of their measurements, given the data.

    Attributes:
        mean: (N,) the response; where it is censored or measured with a known variance, its conditional mean.
        variance: (N,) its conditional variance; 0 for any other measurement.
    """

    mean: Tensor
    variance: Tensor


def impute_measured(seen: Responses, mean: Tensor, sd: Tensor) -> ResponseMoments:
    """Moments of rows under Normal(mean, sd) less the errors of their measurements, whose variances are known."""
    if seen.known_variance is None:
        return ResponseMoments(seen.response, torch.zeros_like(mean))
    share = sd**2 / (sd**2 + seen.known_variance)
    return ResponseMoments(mean + share * (seen.response - mean), share * seen.known_variance)


def impute_censored(seen: Responses, mean: Tensor, sd: Tensor) -> ResponseMoments:
    """The same, of a censored row given that it lies beyond its limit."""
    sign = torch.where(seen.above, 1.0, -1.0)
    beyond = (sign * (mean - seen.limit) / sd).clamp(min=TAIL)
    ratio = (-0.5 * beyond**2 - 0.5 * math.log(2 * math.pi) - _log_ndtr(beyond)).exp()
    drawn_in = seen.limit + sign * beyond * sd  # the mean, but no further inside the limit than the tail allows
    censored, variance = seen.above | seen.below, sd**2 * (1 - beyond * ratio - ratio**2).clamp(0, 1)
    measured = impute_measured(seen, mean, sd)
    return ResponseMoments(
        torch.where(censored, drawn_in + sign * sd * ratio, measured.mean),
        torch.where(censored, variance, measured.variance),
    )


@dataclass(frozen=True)
class Likelihood:
    """The family of the noise distribution, and what its SD depends on.

    Attributes:
        family: "normal"; "student_t", whose noise_dof forgive outliers; "censored", a Tobit
            normal, in which a row beyond its limit is censored.
        noise: "constant", one SD for all; "drug", one a compound; "pair", an SD that structure, expression and the
            mean itself explain.
    """

    family: str = "normal"
    noise: str = "pair"

    def __post_init__(self) -> None:
        """Refuse what there is not.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        for option, value, allowed in (("likelihood", self.family, FAMILIES), ("noise", self.noise, NOISES)):
            if value not in allowed:
                raise FitError(f"{option} is {value!r}. Choose {', '.join(allowed[:-1])} or {allowed[-1]}.")

    @property
    def censored(self) -> bool:
        """Whether limits are used."""
        return self.family == "censored"


class NoiseDistribution(nn.Module):
    """The noise distribution, with its own parameter: degrees of freedom, used by the Student-t alone."""

    def __init__(self, likelihood: Likelihood) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.log_excess_dof = nn.Parameter(torch.tensor(math.log(START_DOF - LEAST_DOF)))

    @property
    def dof(self) -> Tensor:
        """Degrees of freedom of the Student-t."""
        return LEAST_DOF + self.log_excess_dof.exp()

    @property
    def noise_dof(self) -> float | None:
        """Degrees of freedom of Student-t noise, None where the noise is normal; see `PairPosterior.noise_dof`."""
        return float(self.dof.detach()) if self.likelihood.family == "student_t" else None

    def log_prob(self, seen: Responses, mean: Tensor, log_sd: Tensor) -> Tensor:
        """(N,) log likelihood of rows, given mean and log SD of the noise (N,); known variances are added to it."""
        log_sd = seen.total_log_sd(log_sd)
        if self.likelihood.family == "student_t":
            return _log_student_t(seen.response, mean, log_sd, self.dof)
        inside = _log_normal(seen.response, mean, log_sd)
        if not self.likelihood.censored:
            return inside
        beyond = (mean - seen.limit) * (-log_sd).exp() * torch.where(seen.above, 1.0, -1.0)
        return torch.where(seen.above | seen.below, _log_ndtr(beyond), inside)

    def impute(self, seen: Responses, mean: Tensor, log_sd: Tensor) -> ResponseMoments:
        """Moments of rows, censored ones imputed where the likelihood says so; mean and log SD of the noise (N,)."""
        return (impute_censored if self.likelihood.censored else impute_measured)(seen, mean, log_sd.exp())

    def sample(self, mean: Tensor, log_sd: Tensor) -> Tensor:
        """A response of each pair, of the shape of the mean."""
        noise = torch.randn_like(mean)
        if self.likelihood.family == "student_t":
            chi = torch.distributions.Chi2(self.dof.detach()).sample(mean.shape)
            noise = noise * ((self.dof - 2) / chi).sqrt()
        return mean + log_sd.exp() * noise

    def predictive_log_prob(self, seen: Responses, mean: Tensor, aleatoric: Tensor, epistemic: Tensor) -> Tensor:
        """(N,) log predictive density, for choosing an epoch.

        The sum of a normal and a t is taken as a t of the same variance: exact enough to compare epochs by.
        """
        return self.log_prob(seen, mean, 0.5 * (aleatoric + epistemic).log())


def _log_ndtr(x: Tensor) -> Tensor:
    """torch.special.log_ndtr from parts that torch.func.vmap can batch (the formula is torch's own)."""
    low = x < -1
    tail, body = torch.where(low, x, -1.0), torch.where(low, 0.0, x)  # each finite, and so its gradient, where unused
    far = torch.log(torch.special.erfcx(-tail * math.sqrt(0.5)) / 2) - 0.5 * tail**2
    return torch.where(low, far, torch.log1p(-torch.erfc(body * math.sqrt(0.5)) / 2))


def _log_normal(y: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    return -0.5 * ((y - mean) * (-log_sd).exp()) ** 2 - log_sd - 0.5 * math.log(2 * math.pi)


def _log_student_t(y: Tensor, mean: Tensor, log_sd: Tensor, dof: Tensor) -> Tensor:
    """The t of variance exp(2 log_sd)."""
    log_scale = log_sd + 0.5 * torch.log((dof - 2) / dof)
    square = ((y - mean) * (-log_scale).exp()) ** 2
    constant = torch.lgamma((dof + 1) / 2) - torch.lgamma(dof / 2) - 0.5 * (dof * math.pi).log()
    return constant - log_scale - (dof + 1) / 2 * torch.log1p(square / dof)
