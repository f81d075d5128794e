"""How far the expression of one laboratory is from another's: on the lines that both have, and on all lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from bdrp.data.screen import Screen


@dataclass(frozen=True)
class ExpressionShift:
    """Two screens of `harmonise`, genes in SDs of the first one's lines; NaN where no line is shared.

    Attributes:
        lines: shared lines. genes: genes that both have.
        batch: mean over genes of |mean difference| on the shared lines: the same cells, so this is the laboratories'.
        batch_share: share of the shared profiles' variance that the laboratory explains, over all genes.
        profile_pearson: median over shared lines of the correlation of a line's two standardised profiles.
        composition: mean over genes of |difference of the means| over all lines: other lines, and the batch.
    """

    lines: int
    genes: int
    batch: float
    batch_share: float
    profile_pearson: float
    composition: float

    def summary(self) -> dict[str, Any]:
        """The metrics by name."""
        return asdict(self)


def measure_expression_shift(first: Screen, second: Screen) -> ExpressionShift:
    """Compare the expression of two harmonised screens."""
    one, two = first.expression, second.expression
    genes = [gene for gene in one.columns if gene in two.columns and one[gene].std() > 0]
    centre, spread = one[genes].mean(), one[genes].std()
    here, there = (one[genes] - centre) / spread, (two[genes] - centre) / spread
    lines = here.index.intersection(there.index)
    a, b = here.loc[lines], there.loc[lines]
    offset = (b - a).mean()
    return ExpressionShift(
        lines=len(lines),
        genes=len(genes),
        batch=float(offset.abs().mean()),
        batch_share=_share(a, b, offset),
        profile_pearson=float(a.corrwith(b, axis=1).median()) if len(lines) else float("nan"),
        composition=float((there.mean() - here.mean()).abs().mean()),
    )


def _share(a: pd.DataFrame, b: pd.DataFrame, offset: pd.Series) -> float:
    """Sum of squares between the two laboratories' gene means, over that of all values about their joint means."""
    if a.empty:
        return float("nan")
    both = np.concatenate([a.to_numpy(np.float64), b.to_numpy(np.float64)])
    total = float(np.nansum((both - np.nanmean(both, axis=0)) ** 2))
    between = float(len(a) * (offset**2).sum() / 2)  # each mean lies half the offset from the joint one
    return between / total if total > 0 else float("nan")
