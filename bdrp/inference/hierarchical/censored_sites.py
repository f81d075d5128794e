"""Responses that are known to lie beyond a cap, in a Gaussian process: each as the normal observation worth as much.

Expectation propagation (Minka 2001; Rasmussen & Williams 2006, section 3.6): the likelihood of a capped response,

    P(response > cap | g) = Phi((g - cap) / s),   g the expected response and s the noise SD,

is replaced by a normal one, its site, such that the posterior of g has the mean and the variance that it has with the
likelihood itself and the sites of all others.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.special import log_ndtr

from bdrp.predictive.distribution import Floats

MOST_NOISE: Final = 1e6  # chosen: in noise variances; a site that says next to nothing stays a number
DAMPING: Final = 0.7  # chosen: all sites move at once, and whole steps may swing


class Sites(NamedTuple):
    """Normal observations in place of n responses: (n,) residuals about the predicted mean, and noise variances."""

    residual: Floats
    variance: Floats


class Caps(NamedTuple):
    """What is known of n capped responses.

    Attributes:
        side: (n,) 1 where the response lies above its cap, -1 where below.
        cap: (n,) less the predicted mean.
    """

    side: Floats
    cap: Floats


class Cavity(NamedTuple):
    """Normal distributions of n expected responses, less the predicted mean, by everything but each one's own site."""

    mean: Floats
    variance: Floats

    @classmethod
    def of_posterior(cls, mean: Floats, variance: Floats, sites: Sites) -> Cavity:
        """From posterior means and variances under all sites, (n,) each."""
        precision = np.maximum(1 / variance - 1 / sites.variance, 1e-9 / variance)
        return cls((mean / variance - sites.residual / sites.variance) / precision, 1 / precision)


def refine_sites(sites: Sites, caps: Caps, noise: Floats, cavity: Cavity) -> Sites:
    """One parallel step.

    Args:
        sites: n sites as they are.
        caps: of the n responses.
        noise: (n,) variance of the noise about the expected response.
        cavity: of the n expected responses.
    """
    z, ratio = _tail(caps, noise, cavity)
    own, scale = cavity.variance, np.sqrt(cavity.variance + noise)
    shift = caps.side * own * ratio / scale
    share = own * ratio * (z + ratio) / scale**2  # of its variance that the cap takes, between 0 and 1
    found = own * (1 - share) / np.maximum(share, 1e-12)  # 1 / (1 / left - 1 / own), left = own (1 - share)
    found = np.clip(found, noise, MOST_NOISE * noise)
    residual = cavity.mean + shift * (1 + found / own)  # so that the posterior mean is cavity.mean + shift
    return _between(sites, Sites(residual, found))


def log_tails(caps: Caps, noise: Floats, cavity: Cavity) -> tuple[float, float]:
    """The summed log probability of lying beyond the caps, and its derivative by the log of the noise SD.

    Cavities being as they are, that derivative is the one of the log marginal likelihood (Rasmussen & Williams 2006,
    section 5.5.2): sites alone, which do not follow the noise, would leave its scale to the measured responses, of
    which caps keep the far tail.
    """
    z, ratio = _tail(caps, noise, cavity)
    slope = -ratio * z * noise / (cavity.variance + noise)
    return float(log_ndtr(z).sum()), float(slope.sum())


def _tail(caps: Caps, noise: Floats, cavity: Cavity) -> tuple[Floats, Floats]:
    """Normal scores of the caps, (n,), and the ratios of normal density and tail at them."""
    z = caps.side * (cavity.mean - caps.cap) / np.sqrt(cavity.variance + noise)
    return z, np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))


def _between(old: Sites, new: Sites) -> Sites:
    """A damped step, in precisions and in precisions times residuals."""
    precision = (1 - DAMPING) / old.variance + DAMPING / new.variance
    weighted = (1 - DAMPING) * old.residual / old.variance + DAMPING * new.residual / new.variance
    return Sites(weighted / precision, 1 / precision)
