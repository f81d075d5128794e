"""Rows with known variances of measurement: what each counts for, and the noise that is left without them.

A response is y = mean + noise + error with Var noise = n and Var error = k, where k is known. The row counts for as
much as n / (n + k) rows without an error, and n is found by expectation-maximisation: given the residual r, the noise
has the mean w r and the variance w k, where w = n / (n + k). A row whose k is not known has k = 0, and counts in full.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

Values = TypeVar("Values", np.ndarray, Tensor)

LEAST = 1e-6  # chosen: no variance of standardised responses below this, so that a row without an error counts in full
STEPS = 50  # chosen: of expectation-maximisation; half of the noise being errors it needs a dozen


def weigh(noise: Values | float, known: Values) -> Values:
    """What rows count for, (N,), from 0 to 1, by noise variances above 0 and known variances."""
    return noise / (noise + known)


def expected_square(residual: Values, known: Values, weight: Values) -> Values:
    """(N,) expected squares of the noise of rows, given their residuals and what they count for."""
    return (weight * residual) ** 2 + weight * known


def learn_noise(residual: np.ndarray, known: np.ndarray) -> float:
    """The noise variance of rows, without what is known of the errors of their measurement; not below `LEAST`.

    Args:
        residual: (N,) about means that did not see the row; NaN where there is none.
        known: (N,) variances of measurement, 0 where not known.
    """
    weight = np.ones_like(residual)
    for _ in range(STEPS if known.any() else 1):
        noise = max(float(np.nanmean(expected_square(residual, known, weight))), LEAST)
        weight = weigh(noise, known)
    return noise


def learn_noise_by_group(
    residual: np.ndarray, known: np.ndarray, group: np.ndarray, groups: int, pseudo_responses: float
) -> np.ndarray:
    """(C,) the same of each group, in which the pooled noise counts as some responses.

    Args:
        residual: (N,) as in `learn_noise`.
        known: (N,) likewise.
        group: (N,) below `groups`.
        groups: C.
        pseudo_responses: above 0, so that a group without a row has the pooled noise.
    """
    seen = np.isfinite(residual)
    residual, known, group = residual[seen], known[seen], group[seen]
    size, weight = np.bincount(group, minlength=groups) + pseudo_responses, np.ones_like(residual)
    for _ in range(STEPS if known.any() else 1):
        square = expected_square(residual, known, weight)
        pooled = max(float(square.mean()), LEAST)
        noise = (np.bincount(group, square, minlength=groups) + pseudo_responses * pooled) / size
        weight = weigh(noise[group], known)
    return np.asarray(noise)
