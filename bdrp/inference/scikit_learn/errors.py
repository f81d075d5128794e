"""How far a regressor errs on rows that it has not seen: the noise, and what it does not know of the unseen."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.features.descriptors import DESCRIPTORS
from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.inference.row_weights.known_variance import LEAST, learn_noise_by_group
from bdrp.inference.scikit_learn.estimators import fit_clone, predict
from bdrp.inference.scikit_learn.table import Rows

PSEUDO_RESPONSES: Final = (
    10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested drug keeps some
)
QUANTILE_LEVELS: Final = (0.05, 0.95)
NORMAL_WIDTH: Final = 2 * 1.6448536269514722  # SDs of a normal between them
KEPT: Final = 64  # chosen: predictions kept, by which a fit that was made again is known
LEFT_OUT: Final = 3  # chosen: one drug and one line in so many is left out of the trial
LEAST_UNSEEN: Final = 0.01  # chosen: of the responses' variance; what is new is never known as well as what is not
NOTHING_KNOWN: Final = 1.0  # the variance of all responses, where there are too few drugs or lines to leave any out


class Width(NamedTuple):
    """How many columns there are."""

    line: int
    drug: int
    loadings: tuple[int, int]


def width(components: int, coordinates: int) -> Width:
    """Of the rows' two halves, and of what makes them."""
    return Width(components, coordinates + len(DESCRIPTORS), (FINGERPRINT_BITS, coordinates))


def out_of_fold(template: Any, rows: Rows, folds: int, seed: int) -> np.ndarray:
    """(N,) response minus what is predicted by the estimator that was fitted without the row's fold."""
    from sklearn.model_selection import KFold

    table, response = rows.table, rows.response.numpy()
    if len(response) < 2:
        return response.copy()
    predicted = np.empty(len(response))
    for train, test in KFold(min(folds, len(response)), shuffle=True, random_state=seed).split(table):
        predicted[test] = predict(fit_clone(template, table[train], response[train], seed), table[test])
    return np.asarray(response - predicted)


def noise_by_drug(left_out: np.ndarray, drug: np.ndarray, drugs: int, how: Any) -> Tensor:
    """(C,) noise variances; the same of all where the noise is not of drugs."""
    if how == "drug":
        known = np.zeros(len(left_out))
        return torch.from_numpy(learn_noise_by_group(left_out, known, drug, drugs, PSEUDO_RESPONSES))
    return torch.full((drugs,), max(float(np.mean(left_out**2)), LEAST), dtype=torch.float64)


def of_the_unseen(template: Any, rows: Rows, compound: np.ndarray, left_out: np.ndarray, seed: int) -> Tensor:
    """(2,) what an unseen drug and an unseen line add to the variance: the excess of a trial's squared errors.

    Args:
        template: the regressor.
        rows: N of them.
        compound: (N,) structure keys; ids of one compound are left out together.
        left_out: (N,) out-of-fold errors.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    drug_out, line_out = (np.isin(each, _some(each, rng)) for each in (compound, rows.line.numpy()))
    kept = ~(drug_out | line_out)
    if not (kept.any() and drug_out.any() and line_out.any()):
        return torch.full((2,), NOTHING_KNOWN, dtype=torch.float64)
    table, response = rows.table, rows.response.numpy()
    trial = fit_clone(template, table[kept], response[kept], seed)
    excess = (response - predict(trial, table)) ** 2 - left_out**2
    found = [
        float(excess[one].mean()) if one.any() else NOTHING_KNOWN
        for one in (drug_out & ~line_out, line_out & ~drug_out)
    ]
    return torch.tensor(found, dtype=torch.float64).clamp(min=LEAST_UNSEEN)


def _some(each: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third of what there is."""
    there = np.unique(each)
    return rng.permutation(there)[: len(there) // LEFT_OUT]
