"""Which method predicts better? Expected log predictive densities of the same pairs, compared pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import Floats
from bdrp.evaluation.posterior_check import clustered_se

STEPS = 5000  # chosen: of the stacking weights' ascent; a step costs K x N products
SETTLED = 1e-9  # chosen: the ascent ends when no weight moves further


def compare(log_scores: Mapping[str, npt.ArrayLike], groups: Sequence[str] | pd.Series) -> pd.DataFrame:
    """Compare methods by the log densities that they gave to the same responses before they saw them.

    The log scores may come from held-out pairs (`pred.log_prob(response)`) or from leaving one training row out
    (`PosteriorCheck.rows["elpd"]` of the same rows). Differences are taken pair by pair, so that what makes a pair hard
    for every method cancels; their standard error lets whole groups vary together, since pairs of one line do.

    Args:
        log_scores: (N,) natural log densities by method.
        groups: the cell line (or drug) of each pair, (N,).

    Returns:
        A row a method, the best first, index `method`: elpd (sum over pairs), se, difference (from the best, at most
        0), difference_se, and weight: the share of each method in the mixture that predicts these pairs best
        (stacking; Yao, Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091).

    Raises:
        DataError: no method, no pair, scores of different lengths, or a score is not finite.
    """
    names = list(log_scores)
    labels = pd.Series(np.asarray(groups, dtype=object)).astype(str)
    scores = {name: np.asarray(log_scores[name], dtype=np.float64) for name in names}
    _check(scores, len(labels))
    names = sorted(names, key=lambda name: -scores[name].sum())
    best = scores[names[0]] if names else np.zeros(0)
    weights = _stacked(np.stack([scores[name] for name in names]))
    records = [
        (
            name,
            float(scores[name].sum()),
            clustered_se(scores[name], labels),
            float((scores[name] - best).sum()),
            clustered_se(scores[name] - best, labels),
            float(weight),
        )
        for name, weight in zip(names, weights, strict=True)
    ]
    columns = ["method", "elpd", "se", "difference", "difference_se", "weight"]
    return pd.DataFrame(records, columns=columns).set_index("method")


def _check(scores: Mapping[str, Floats], pairs: int) -> None:
    shapes = {name: values.shape for name, values in scores.items()}
    wrong = [name for name, values in scores.items() if not np.all(np.isfinite(values))]
    if not scores or not pairs or set(shapes.values()) != {(pairs,)} or wrong:
        raise DataError(
            f"Log scores are of shapes {shapes or 'none'} for {pairs} pairs; not finite: {', '.join(wrong) or 'none'}. "
            "Allowed: at least one method, each with a finite score for each pair in the same order. "
            "Score the same pairs with every method."
        )


def _stacked(scores: Floats) -> Floats:
    """Weights (K,) that maximise the sum over pairs of log sum over methods of weight times density, (K, N).

    The problem is concave; expectation-maximisation of the mixture's shares climbs it without a step size.
    """
    relative = np.exp(scores - scores.max(axis=0))
    weights = np.full(len(scores), 1 / len(scores))
    for _ in range(STEPS):
        share = weights[:, None] * relative
        updated = (share / share.sum(axis=0)).mean(axis=1)
        if np.abs(updated - weights).max() < SETTLED:
            break
        weights = updated
    return np.asarray(weights)
