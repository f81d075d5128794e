"""What was measured: on the pair itself, on the lines nearest to its line, on all lines of its drug."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from bdrp.predictive.distribution import Floats
from bdrp.report.answers.yardsticks import ENOUGH

NEAREST: Final = 3  # chosen: as many as a reader compares


class Neighbour(NamedTuple):
    """A line or a drug near another, and the response that was measured there; NaN where none was.

    Attributes:
        key: its id.
        near: distance of a line, similarity of a drug.
        response: in the measure's unit.
    """

    key: str
    near: float
    response: float


@dataclass(frozen=True)
class Measured:
    """The responses of a screen: cell_line_id, drug_id, response; none at all where there is no screen."""

    responses: pd.DataFrame

    @cached_property
    def grid(self) -> pd.DataFrame:
        """Lines x drugs, the mean of repeats; NaN where a pair was not measured."""
        return self.responses.groupby(["cell_line_id", "drug_id"])["response"].mean().unstack()

    def of_pairs(self, pairs: pd.DataFrame) -> Floats:
        """(N,) what was measured of these very pairs; NaN where nothing was."""
        lines = self.grid.index.get_indexer(pd.Index(pairs["cell_line_id"]))
        drugs = self.grid.columns.get_indexer(pd.Index(pairs["drug_id"]))
        if self.grid.empty:
            return np.full(len(pairs), np.nan)
        return np.where((lines >= 0) & (drugs >= 0), self.grid.to_numpy()[lines, drugs], np.nan)

    def share_above(self, pairs: pd.DataFrame, predicted: Floats) -> Floats:
        """(N,) share of the other lines measured with the drug that are less sensitive than was predicted.

        NaN where fewer than `ENOUGH` were measured.
        """
        shares = np.full(len(pairs), np.nan)
        by_drug = {drug: self.grid[drug].dropna() for drug in self.grid.columns.intersection(pairs["drug_id"].unique())}
        for row, (line, drug) in enumerate(zip(pairs["cell_line_id"], pairs["drug_id"], strict=True)):
            others = by_drug.get(drug, pd.Series(dtype=float))
            others = others[others.index != line]
            if len(others) >= ENOUGH:
                shares[row] = float((others > predicted[row]).mean())
        return shares

    def on_nearest_lines(self, pairs: pd.DataFrame, distances: pd.DataFrame) -> list[tuple[Neighbour, ...]]:
        """For each pair the nearest other lines that were measured with its drug, nearest first.

        Args:
            pairs: cell_line_id and drug_id.
            distances: from the lines of the pairs (rows) to all lines (columns).
        """
        shared = self.grid.index.intersection(distances.columns)
        values, away = self.grid.loc[shared], distances[shared]
        orders = {
            line: away.columns[np.argsort(row, kind="stable")]
            for line, row in zip(away.index, away.to_numpy(), strict=True)
        }
        found = []
        for line, drug in zip(pairs["cell_line_id"], pairs["drug_id"], strict=True):
            column = values[drug] if drug in values else pd.Series(dtype=float)
            near = column.reindex(orders[line]).drop(line, errors="ignore").dropna().head(NEAREST)
            found.append(tuple(Neighbour(str(one), float(away.at[line, one]), float(near[one])) for one in near.index))
        return found

    def on_nearest_drugs(self, pairs: pd.DataFrame, similarity: pd.DataFrame) -> list[tuple[Neighbour, ...]]:
        """For each pair the drugs most similar to its own, with what was measured of them on its line.

        Args:
            pairs: cell_line_id and drug_id.
            similarity: of the drugs of the pairs (rows) to trained ones (columns); NaN where they are the same drug.
        """
        near = {drug: row.dropna().nlargest(NEAREST) for drug, row in similarity.iterrows()}
        keys = [
            (line, drug, one, value)
            for line, drug in zip(pairs["cell_line_id"], pairs["drug_id"], strict=True)
            for one, value in near[drug].items()
        ]
        asked = pd.DataFrame(keys, columns=["cell_line_id", "of", "drug_id", "near"])
        asked["response"] = self.of_pairs(asked)
        held: dict[tuple[str, str], list[Neighbour]] = {}
        for line, of, one, value, response in asked.itertuples(index=False):
            held.setdefault((line, of), []).append(Neighbour(str(one), float(value), float(response)))
        return [tuple(held.get(pair, ())) for pair in zip(pairs["cell_line_id"], pairs["drug_id"], strict=True)]
