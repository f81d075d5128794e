"""The expression that a model was trained on, as far as its scaler keeps it: what a new cohort is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.expression.genes import joining_key
from bdrp.data.expression.scale import Scale, column_moments, find_scale, tell_scale
from bdrp.data.identifiers import listed

Floats = npt.NDArray[np.float64]

LEAST_SD: Final = 1e-6
"""SD below which a gene does not vary."""
SCORES: Final = np.array([NormalDist().inv_cdf((at + 0.5) / 21) for at in range(21)])
"""Normal scores that stand for the values of a gene."""
MOST_COMPONENTS: Final = 20
"""Components that tell how genes go together; chosen: they are the surest, and more cost time."""


@dataclass(frozen=True)
class Reference:
    """Training expression by gene, and how genes go together.

    Attributes:
        genes: G names.
        mean: (G,) over the training lines. sd: (G,) NaN where a gene does not vary.
        loadings: (G, K) components of the standardised genes, each divided by its SD; K may be 0.
        scale: what the values are.
        skewness: (G,) of the training lines; None where it was not kept.
    """

    genes: tuple[str, ...]
    mean: Floats
    sd: Floats
    loadings: Floats = field(repr=False)
    scale: Scale
    skewness: Floats | None = field(default=None, repr=False)

    @classmethod
    def of_moments(
        cls,
        genes: tuple[str, ...],
        mean: Floats,
        sd: Floats,
        loadings: Floats,
        scale: str | None = None,
        skewness: Floats | None = None,
    ) -> Reference:
        """From what a scaler keeps, where an SD of 1 and no loading stand for a gene that does not vary.

        Where no scale was recorded, it is told by means and SDs as by values.
        """
        size = np.abs(loadings).max(axis=1, initial=0.0)
        sd = np.where((sd == 1.0) & (size <= 1e-9 * size.max(initial=0.0)), np.nan, sd)
        if scale is None:
            told = tell_scale(mean + np.nan_to_num(sd) * SCORES[:, None])
        return cls(genes, mean, sd, loadings, told if scale is None else find_scale(scale), skewness)

    @classmethod
    def of_table(cls, table: pd.DataFrame) -> Reference:
        """From the training lines themselves (lines, genes); how genes go together is left out."""
        values = table.to_numpy(np.float64)
        mean, sd = column_moments(values)
        sd = np.where(sd > LEAST_SD, sd, np.nan)
        return cls(tuple(map(str, table.columns)), mean, sd, np.empty((len(mean), 0)), tell_scale(values))

    @cached_property
    def directions(self) -> tuple[Floats, Floats]:
        """The leading components: orthonormal (G, K'), and their variances (K',), of standardised genes."""
        length = np.linalg.norm(self.loadings, axis=0)
        kept = np.flatnonzero(length > 0)[:MOST_COMPONENTS]
        return self.loadings[:, kept] / length[kept], 1 / length[kept] ** 2

    @cached_property
    def columns(self) -> pd.Index:
        """The genes as pandas looks them up."""
        return pd.Index(self.genes, dtype="str")

    @cached_property
    def mean_ranks(self) -> Floats:
        """(G,) rank of each gene's mean."""
        return rank_values(self.mean)

    def select(self, genes: npt.NDArray[np.bool_]) -> Reference:
        """Of some of the genes, (G,); itself where these are all."""
        if genes.all():
            return self
        names = tuple(np.array(self.genes, dtype=object)[genes])
        skewness = None if self.skewness is None else self.skewness[genes]
        return Reference(names, self.mean[genes], self.sd[genes], self.loadings[genes], self.scale, skewness)

    @cached_property
    def varying(self) -> Reference:
        """Of the genes that vary."""
        return self.select(np.isfinite(self.sd))

    @cached_property
    def every_value(self) -> Floats:
        """Values of all genes together, ascending: each gene as normal about its mean."""
        return np.sort((self.mean + np.nan_to_num(self.sd) * SCORES[:, None]).ravel())

    def name_genes(self, table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """The table under the names of these genes where it has them under others, and which those are.

        `TP53 (7157)` is TP53, SEPT9 is SEPTIN9, Trp53 is not TP53; a name that could be of two genes stays.
        """
        absent, found = np.ones(len(self.genes), dtype=bool), self.columns.get_indexer(table.columns)
        absent[found[found >= 0]] = False
        if not absent.any():
            return table, []
        missing = set(self.columns[absent])
        mine = _unique({gene: joining_key(gene) for gene in missing})
        spare = [str(name) for name in table.columns if name not in self.genes]
        theirs = _unique({name: joining_key(name) for name in spare})
        renamed = {name: mine[key] for key, name in theirs.items() if key in mine}
        return (table.rename(columns=renamed) if renamed else table), [f"{a} as {b}" for a, b in renamed.items()]

    def values_of(self, table: pd.DataFrame) -> Floats:
        """(L, G) of a table in the order of these genes; NaN where it lacks one."""
        return table.reindex(columns=self.columns).to_numpy(np.float64)

    def standardise(self, values: Floats) -> Floats:
        """(L, G) in SDs from the mean; NaN for a gene that does not vary."""
        return (values - self.mean) / self.sd

    def describe(self) -> str:
        """The scale and the range that nearly all training values are in."""
        low, high = self.every_value[[0, -1]]
        return f"{self.scale.label}, about {low:.3g} to {high:.3g} (such as {listed(self.genes, 2)})"


def rank_values(values: Floats) -> Floats:
    """(G,) ranks from 1, equal values sharing their mean.

    >>> rank_values(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def _unique(keys: dict[str, str]) -> dict[str, str]:
    """Names by their key, without keys that several share."""
    names: dict[str, str] = {}
    for name, key in keys.items():
        names[key] = "" if key in names else name
    return {key: name for key, name in names.items() if name}
