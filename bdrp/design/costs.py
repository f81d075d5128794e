"""What bringing in lines and drugs costs, and the table of a user that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.identifiers import listed
from bdrp.data.user_tables import columns
from bdrp.errors import DataError
from bdrp.fitted.known import find_ids


@dataclass(frozen=True)
class Costs:
    """What it costs to bring in a line or a drug once, in measurements; each measurement costs 1.

    Attributes:
        lines: thawing and growing, by id or name. drugs: ordering and dissolving, by id or name.
        line: of any other line. drug: of any other drug.
        budget: the most that a batch may cost.
    """

    lines: Mapping[str, float] = field(default_factory=dict)
    drugs: Mapping[str, float] = field(default_factory=dict)
    line: float = 0.0
    drug: float = 0.0
    budget: float = float("inf")

    def with_ids(self, lines: pd.Series, drugs: pd.Series) -> Costs:
        """The same by ids alone, from names by cell_line_id and by drug_id.

        Raises:
            DataError: a line or drug is not known.
        """
        return replace(self, lines=_by_id(self.lines, lines, "cell line"), drugs=_by_id(self.drugs, drugs, "drug"))


def read_costs(path: Path | None, line: float = 0.0, drug: float = 0.0, budget: float | None = None) -> Costs:
    """Costs of a table whose rows name a cell_line_id or a drug_id, and a cost; and those of all others.

    Args:
        path: the table, if there is one.
        line: of any other line.
        drug: of any other drug.
        budget: the most that a batch may cost; None for no limit.

    Raises:
        DataError: the table has no such columns, a row names both or neither, or a cost is no number from 0 on.
    """
    most = float("inf") if budget is None else budget
    if path is None:
        return Costs(line=line, drug=drug, budget=most)
    raw = reading.read_table(path)
    headers = {str(one).strip().casefold(): str(one) for one in raw.columns}
    named = {meaning: columns.candidates(raw, meaning) for meaning in ("cell_line_id", "drug_id")}
    if "cost" not in headers or not any(named.values()):
        raise DataError(
            f"{path.name} has the columns {listed(raw.columns)}. Needed are cost, and cell_line_id or drug_id. Rename "
            "or add them."
        )
    cost = reading.numbers(raw, headers["cost"], path)
    keys = {
        meaning: reading.ids(raw, found[0]) if found else pd.Series("", raw.index) for meaning, found in named.items()
    }
    wrong = np.flatnonzero((cost.isna() | (cost < 0)) | ((keys["cell_line_id"] == "") == (keys["drug_id"] == "")))
    if len(wrong):
        raise DataError(
            f"{len(wrong):,} rows of {path.name} have no cost from 0 on, or do not name a line or a drug, one of the "
            f"two (row {listed(wrong + 1)}, the first being 1). Correct them."
        )
    by = {meaning: dict(zip(ids[ids != ""], cost[ids != ""], strict=True)) for meaning, ids in keys.items()}
    return Costs(by["cell_line_id"], by["drug_id"], line, drug, most)


def _by_id(costs: Mapping[str, float], names: pd.Series, what: str) -> dict[str, float]:
    return {one: float(cost) for asked, cost in costs.items() for one in find_ids([asked], names, what)}
