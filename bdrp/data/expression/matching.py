"""A cohort of another platform onto the scale that a model was trained on, without any response."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.expression.reference import Floats, Reference
from bdrp.data.expression.scale import column_moments
from bdrp.errors import BdrpWarning, DataError

FEWEST: Final = 3
"""Lines that a gene's mean and order among lines need; chosen."""
FEW: Final = 20
"""Lines below which they are uncertain: the mean of 20 has a standard error of 0.22 SD."""
NONE: Final = "none"


def match_expression(table: pd.DataFrame, reference: Reference, how: str) -> pd.DataFrame:
    """The cohort (lines, genes) with the values of the reference's genes mapped; other columns stay.

    - none: as it is.
    - gene: each gene's mean and SD become those of the training lines: m + s (x - m') / s'. What the cohort's lines
      differ by on average from the training lines is lost with what the platforms differ by.
    - rank: each gene's order among the cohort's lines, as normal scores of the training mean and SD; of values before a
      logarithm too.
    - quantile: each line's order of genes, as the quantiles that training values have. It needs one line only, and
      keeps what a platform does to single genes.

    Raises:
        DataError: there is no such matching, or too few lines for it.

    Warns:
        BdrpWarning: the lines are few.
    """
    if how not in MATCHINGS:
        raise DataError(f"There is no matching of expression {how!r}. Known are {', '.join(MATCHINGS)}; choose one.")
    if how == NONE:
        return table
    if how != "quantile":
        _check_count(len(table), how)
    genes = [gene for gene in reference.genes if gene in table.columns]
    values = reference.values_of(table)
    mapped = MATCHINGS[how](values, reference)
    held = [at for at, gene in enumerate(reference.genes) if gene in table.columns]
    new = pd.DataFrame(mapped[:, held].astype(np.float32), index=table.index, columns=pd.Index(genes, dtype="str"))
    rest = table.drop(columns=genes)
    return pd.concat([new, rest], axis=1) if rest.shape[1] else new


def _check_count(lines: int, how: str) -> None:
    if lines < FEWEST:
        raise DataError(
            f"--match-expression {how} was given {lines} lines. It compares lines of one cohort, and needs {FEWEST}, "
            f"better {FEW}. Give more lines of the same platform, or say --match-expression quantile."
        )
    if lines < FEW:
        warnings.warn(
            f"Expression is matched by {how} on {lines} lines: each gene's place among so few is uncertain (the "
            f"standard error of a mean is {1 / np.sqrt(lines):.2f} SD), and what they have in common is lost. From "
            f"{FEW} lines on it is surer; --match-expression quantile needs one.",
            BdrpWarning,
            stacklevel=4,
        )


def _by_gene(values: Floats, reference: Reference) -> Floats:
    centre, spread = column_moments(values)
    return _placed((values - centre) / np.where(spread > 0, spread, np.inf), reference)


def _by_rank(values: Floats, reference: Reference) -> Floats:
    from scipy import stats  # late: it takes longer to import than most commands need it for

    held = np.isfinite(values)
    ranks = stats.rankdata(np.where(held, values, np.inf), axis=0)
    share = (ranks - 0.5) / np.maximum(held.sum(axis=0), 1)
    scores = np.where(held, stats.norm.ppf(np.clip(share, 1e-9, 1 - 1e-9)), np.nan)
    _, spread = column_moments(scores)
    return _placed(scores / np.where(spread > 0, spread, 1), reference)


def _placed(scores: Floats, reference: Reference) -> Floats:
    return reference.mean + np.nan_to_num(reference.sd) * scores


def _by_quantile(values: Floats, reference: Reference) -> Floats:
    from scipy import stats

    held = np.isfinite(values)
    ranks = stats.rankdata(np.where(held, values, np.inf), axis=1)
    share = (ranks - 0.5) / np.maximum(held.sum(axis=1, keepdims=True), 1)
    return np.where(held, np.quantile(reference.every_value, np.clip(share, 0, 1)), np.nan)


def _as_it_is(values: Floats, reference: Reference) -> Floats:
    return values


MATCHINGS: Final[Mapping[str, Callable[[Floats, Reference], Floats]]] = MappingProxyType(
    {NONE: _as_it_is, "gene": _by_gene, "quantile": _by_quantile, "rank": _by_rank}
)
"""Every matching by its name."""
