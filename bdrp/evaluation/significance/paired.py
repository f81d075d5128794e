"""Methods side by side: the same pairs, or the same blocks, in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import Floats
from bdrp.evaluation.significance.metrics import find_metric, require_columns

PLACE = ("repeat", "fold", "seed", "cell_line_id", "drug_id")  # what says which prediction a row is


def iterate_splits(table: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """What holds for a part of the table and the part itself: splits ask different questions and are never pooled."""
    if "split" not in table.columns:
        yield {}, table
        return
    for name, part in table.groupby("split", sort=False):
        yield {"split": name}, part


def group_by_method(rows: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Each method's rows, all in one order that does not depend on how they were stacked.

    Raises:
        DataError: the methods did not predict the same pairs, or their responses differ.
    """
    require_columns(rows, ["method", "cell_line_id", "drug_id"])
    place = [name for name in PLACE if name in rows.columns]
    ordered = rows.sort_values([*place, "response"], kind="stable")
    parts = {str(name): part.reset_index(drop=True) for name, part in ordered.groupby("method", sort=False)}
    names = [str(name) for name in pd.unique(rows["method"])]
    first = parts[names[0]][[*place, "response"]]
    for name in names[1:]:
        if not parts[name][[*place, "response"]].equals(first):
            raise DataError(
                f"Methods were not scored on the same responses: {names[0]} has {len(first)} rows and {name} "
                f"{len(parts[name])}, and they do not match by {', '.join(place)} and response. Allowed: the same "
                "held-out pairs with the same responses for every method. Compare them on one split and one screen."
            )
    return {name: parts[name] for name in names}


def pivot_blocks(values: pd.DataFrame, block: Sequence[str]) -> pd.DataFrame:
    """Values with a row a block and a column a method; what else tells rows apart, such as seeds, is averaged.

    Raises:
        DataError: there are fewer than two methods or blocks, or a method lacks a block.
    """
    require_columns(values, [*block, "method", "value"])
    wide = values.pivot_table(index=list(block), columns="method", values="value", aggfunc="mean", dropna=False)
    wide = wide[list(pd.unique(values["method"]))]
    wide = wide.loc[wide.notna().any(axis=1)]
    named = ", ".join(block)
    if wide.shape[0] < 2 or wide.shape[1] < 2:
        raise DataError(
            f"There is nothing to compare: {wide.shape[1]} methods on {wide.shape[0]} blocks ({named}). Allowed: at "
            "least two of each. Evaluate another method, or more folds."
        )
    if wide.isna().any(axis=None):
        lacking = wide.columns[wide.isna().any()]
        raise DataError(
            f"Some methods lack a value: {', '.join(map(str, lacking))}, in {int(wide.isna().any(axis=1).sum())} of "
            f"{len(wide)} blocks ({named}). Allowed: a finite value for every method in every block. Evaluate what is "
            "missing, or leave those blocks out for all."
        )
    return wide


@dataclass(frozen=True)
class Contrast:
    """Two methods on the same blocks.

    Attributes:
        labels: split and metric where given, method and other.
        method: values of the one, (n,).
        other: values of the other, (n,).
    """

    labels: Mapping[str, object]
    method: Floats
    other: Floats

    @property
    def differences(self) -> Floats:
        """Method less other, (n,)."""
        return self.method - self.other


def iterate_contrasts(values: pd.DataFrame, block: Sequence[str]) -> Iterator[list[Contrast]]:
    """All pairs of methods, a list for each split and metric: the families that p-values are corrected in."""
    for labels, wide in iterate_metrics(values, block):
        columns = {str(name): wide[name].to_numpy(np.float64) for name in wide.columns}
        yield [
            Contrast({**labels, "method": one, "other": two}, columns[one], columns[two])
            for one, two in combinations(columns, 2)
        ]


def iterate_metrics(values: pd.DataFrame, block: Sequence[str]) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Labels and blocks x methods of each split and metric in a table of `tabulate`.

    Raises:
        DataError: as in `blocks_of`, or the metric is unknown.
    """
    require_columns(values, ["figure"])
    for labels, part in iterate_splits(values):
        for name, some in part.groupby("figure", sort=False):
            find_metric(str(name))
            yield {**labels, "figure": str(name)}, pivot_blocks(some, block)
