"""What the assay says of a response: the law of the noise, and rows that are known only to lie beyond a limit.

A row inside the limits of its assay is a measurement; a row at or beyond one says only that the response is at least
(or at most) the limit. The censored normal (Tobin 1958, doi:10.2307/1907382) uses just that,

    log p(y) = log Phi((mean - limit) / sd)   where y >= the upper limit,

and the plain laws take the published extrapolation as a measurement.
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


class Observed(NamedTuple):
    """N standardised responses with what the assay could see.

    Attributes:
        response: (N,). above, below: (N,) whether the row lies at or beyond its upper, its lower limit.
        limit: (N,) the limit that it lies beyond; the response itself elsewhere.
    """

    response: Tensor
    above: Tensor
    below: Tensor
    limit: Tensor

    def at(self, index: Tensor) -> Observed:
        """The rows at `index`."""
        return Observed(*(part[index] for part in self))


def observed(rows: Pairs, features: Features) -> Observed:
    """Rows in standardised units, single precision."""
    y, low, high = (
        (part - features.centre) / features.spread for part in (rows.response, rows.lower_limit, rows.upper_limit)
    )
    above, below = y >= high - LIMIT_SLACK, y <= low + LIMIT_SLACK  # a limit of NaN is none
    limit = torch.where(above, high, torch.where(below, low, y))
    return Observed(y.float(), above, below, limit.float())


class Measured(NamedTuple):
    """What N rows say of their responses.

    Attributes:
        mean: (N,) the response; of a row beyond its limit what is expected of it.
        variance: (N,) how uncertain that is; 0 for a measurement.
    """

    mean: Tensor
    variance: Tensor


def expected(seen: Observed, mean: Tensor, sd: Tensor) -> Measured:
    """Rows under Normal(mean, sd), each beyond its limit replaced by what it is expected to be, given that it is."""
    sign = torch.where(seen.above, 1.0, -1.0)
    beyond = (sign * (mean - seen.limit) / sd).clamp(min=TAIL)
    ratio = (-0.5 * beyond**2 - 0.5 * math.log(2 * math.pi) - _log_ndtr(beyond)).exp()
    drawn_in = seen.limit + sign * beyond * sd  # the mean, but no further inside the limit than the tail allows
    censored, variance = seen.above | seen.below, sd**2 * (1 - beyond * ratio - ratio**2).clamp(0, 1)
    return Measured(
        torch.where(censored, drawn_in + sign * sd * ratio, seen.response), torch.where(censored, variance, 0.0)
    )


@dataclass(frozen=True)
class Likelihood:
    """Which law, and what its noise depends on.

    Attributes:
        family: "normal"; "student_t", whose tails forgive outliers; "censored", a normal that takes a row beyond its
            limit as no more than that.
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


class Noise(nn.Module):
    """The noise law's own parameter: degrees of freedom, used by the Student-t alone."""

    def __init__(self, likelihood: Likelihood) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.log_excess_dof = nn.Parameter(torch.tensor(math.log(START_DOF - LEAST_DOF)))

    @property
    def dof(self) -> Tensor:
        """Degrees of freedom of the Student-t."""
        return LEAST_DOF + self.log_excess_dof.exp()

    @property
    def tails(self) -> float | None:
        """Degrees of freedom where the law has heavy tails, None where it is normal."""
        return float(self.dof.detach()) if self.likelihood.family == "student_t" else None

    def log_prob(self, seen: Observed, mean: Tensor, log_sd: Tensor) -> Tensor:
        """(N,) log likelihood of rows, given mean and log SD of the noise (N,)."""
        if self.likelihood.family == "student_t":
            return _log_student_t(seen.response, mean, log_sd, self.dof)
        inside = _log_normal(seen.response, mean, log_sd)
        if not self.likelihood.censored:
            return inside
        beyond = (mean - seen.limit) * (-log_sd).exp() * torch.where(seen.above, 1.0, -1.0)
        return torch.where(seen.above | seen.below, _log_ndtr(beyond), inside)

    def measured(self, seen: Observed, mean: Tensor, log_sd: Tensor) -> Measured:
        """Rows as measurements, as far as the law takes them for such; given mean and log SD of the noise (N,)."""
        if not self.likelihood.censored:
            return Measured(seen.response, torch.zeros_like(mean))
        return expected(seen, mean, log_sd.exp())

    def sample(self, mean: Tensor, log_sd: Tensor) -> Tensor:
        """A response of each law, of the shape of the mean."""
        noise = torch.randn_like(mean)
        if self.likelihood.family == "student_t":
            chi = torch.distributions.Chi2(self.dof.detach()).sample(mean.shape)
            noise = noise * ((self.dof - 2) / chi).sqrt()
        return mean + log_sd.exp() * noise

    def predictive_log_prob(self, seen: Observed, mean: Tensor, aleatoric: Tensor, epistemic: Tensor) -> Tensor:
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
