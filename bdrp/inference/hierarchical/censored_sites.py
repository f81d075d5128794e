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


def refine_sites(sites: Sites, side: Floats, cap: Floats, noise: Floats, mean: Floats, variance: Floats) -> Sites:
    """One parallel step.

    Args:
        sites: n sites as they are.
        side: (n,) 1 where the response lies above its cap, -1 where below.
        cap: (n,) less the predicted mean.
        noise: (n,) variance of the noise about the expected response.
        mean: (n,) posterior mean of the expected response under all sites, less the predicted mean.
        variance: (n,) of the same.
    """
    precision = np.maximum(1 / variance - 1 / sites.variance, 1e-9 / variance)  # without the pair's own site
    without = (mean / variance - sites.residual / sites.variance) / precision
    own = 1 / precision
    scale = np.sqrt(own + noise)
    z = side * (without - cap) / scale
    ratio = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))  # of normal density and tail
    shift = side * own * ratio / scale
    share = own * ratio * (z + ratio) / scale**2  # of its variance that the cap takes, between 0 and 1
    found = own * (1 - share) / np.maximum(share, 1e-12)  # 1 / (1 / left - 1 / own), left = own (1 - share)
    found = np.clip(found, noise, MOST_NOISE * noise)
    residual = without + shift * (1 + found / own)  # so that the posterior mean is without + shift
    return _between(sites, Sites(residual, found))


def _between(old: Sites, new: Sites) -> Sites:
    """A damped step, in precisions and in precisions times residuals."""
    precision = (1 - DAMPING) / old.variance + DAMPING / new.variance
    weighted = (1 - DAMPING) * old.residual / old.variance + DAMPING * new.residual / new.variance
    return Sites(weighted / precision, 1 / precision)
