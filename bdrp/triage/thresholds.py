"""Thresholds of single drugs, from a table: a response, or a concentration such as a peak level in plasma."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from bdrp.data import reading
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

IN_UNIT, IN_UM = "threshold", "threshold_um"
COLUMNS: Final = (IN_UNIT, IN_UM)


def read_thresholds(path: Path | str) -> dict[str, float]:
    """The response below which a drug's lines count as sensitive, by drug_id.

    Args:
        path: a table of drug_id and either `threshold`, in the measure's unit, or `threshold_um`, a concentration in
            µM, whose natural logarithm is taken.

    Raises:
        DataError: the table cannot be read, has neither or both of the columns, names a drug twice, or lacks a number.
    """
    path = Path(path)
    raw = reading.read_table(path, needs=["drug_id"])
    named = [column for column in COLUMNS if column in raw]
    if len(named) != 1:
        raise DataError(
            f"{path.name} has {' and '.join(named) or 'no threshold'}; its columns are {listed(raw.columns)}. Needed "
            f"is one of {IN_UNIT} (in the measure's unit) and {IN_UM} (in µM). Keep or add that column."
        )
    ids, values = reading.ids(raw, "drug_id"), reading.numbers(raw, named[0], path).to_numpy()
    if named[0] == IN_UM:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values)
    wrong = sorted({*ids[ids.duplicated()], *ids[~np.isfinite(values)]})
    if wrong:
        raise DataError(
            f"{path.name} names {len(wrong)} drugs twice or without a usable threshold: {listed(wrong)}. "
            "Every drug may stand once, with a finite number (above 0 if in µM). Correct these rows."
        )
    return dict(zip(ids, values.tolist(), strict=True))
