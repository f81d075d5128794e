"""Predictions beside what was measured, as the tables of DrEval and IMPROVE hold them, for their own evaluations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, tables
from bdrp.predictive.distribution import KEYS

AREA: Final = "auc_fraction"
DIGITS: Final = 4
"""To which IMPROVE rounds (improvelib.utils.store_predictions_df)."""


def to_dreval(frame: pd.DataFrame, responses: pd.DataFrame, measure: str) -> pd.DataFrame:
    """A row a measured response, as drevalpy's DrugResponseDataset writes and reads itself.

    Args:
        frame: predictions, a row a pair, with `KEYS`, mean and, where known, tissue.
        responses: `KEYS` and response; replicates are rows of their own.
        measure: not written; drevalpy calls every measure response.

    Returns:
        cell_line_name, pubchem_id, response, predictions, and tissue where it is known.
    """
    rows = _beside(frame, responses)
    table = {"cell_line_name": rows[KEYS[0]], "pubchem_id": rows[KEYS[1]], "response": rows["response"]}
    table["predictions"] = rows["mean"]
    return pd.DataFrame(table | ({"tissue": rows["tissue"]} if "tissue" in rows else {}))


def to_improve(frame: pd.DataFrame, responses: pd.DataFrame, measure: str) -> pd.DataFrame:
    """A row a measured response, as IMPROVE's `test_y_data_predicted.csv`: for AUC, auc, auc_true and auc_pred.

    Args:
        frame: as for `to_dreval`.
        responses: as for `to_dreval`, with laboratory, which is IMPROVE's source.
        measure: names the columns; auc_fraction is auc.

    Returns:
        source, improve_chem_id, improve_sample_id, study, then the three, in float32 rounded to `DIGITS`.
    """
    rows = _beside(frame, responses)
    name = "auc" if measure == AREA else measure
    table = pd.DataFrame(
        {"source": rows.get("laboratory", ""), "improve_chem_id": rows[KEYS[1]], "improve_sample_id": rows[KEYS[0]]}
    )
    table["study"] = table["source"]
    for column, values in ((name, "response"), (f"{name}_true", "response"), (f"{name}_pred", "mean")):
        table[column] = rows[values].astype(np.float32).round(DIGITS)
    return table


LAYOUTS: Final[Mapping[str, Callable[[pd.DataFrame, pd.DataFrame, str], pd.DataFrame]]] = {
    "dreval": to_dreval,
    "improve": to_improve,
}
_OWN: Final[Mapping[str, Sequence[str]]] = {
    "dreval": ("cell_line_name", "pubchem_id", "response", "predictions"),
    "improve": ("source", "improve_chem_id", "improve_sample_id", "study"),
}


def check_place(path: Path, layout: str, inputs: Sequence[Path] = ()) -> None:
    """Refuse a place where a table of this layout cannot be written.

    Raises:
        OutputError: there is no such layout; it is no CSV; something else stands there, or it is an input.
    """
    if layout not in LAYOUTS:
        raise OutputError(
            f"There is no layout {layout!r}. Known are {', '.join(LAYOUTS)}; choose one, or none for bdrp's."
        )
    if path.suffix.lower() != ".csv":
        raise OutputError(
            f"A table in the layout of {layout} is CSV, and {path} is asked for. Name it {path.stem or 'table'}.csv."
        )
    outputs.guard({path: outputs.has_columns(_OWN[layout])}, inputs)


def write(frame: pd.DataFrame, responses: pd.DataFrame, measure: str, layout: str, path: Path) -> int:
    """Write predictions in a layout of `LAYOUTS`, whole or not at all; the number of rows.

    Raises:
        OutputError: see `check_place`, or the file cannot be written.
    """
    check_place(path, layout)
    table = LAYOUTS[layout](frame, responses, measure)
    with atomic.refusing("The predictions", path):
        tables.write(table, path, {})
    return len(table)


def _beside(frame: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Every response of a predicted pair with its prediction, in the order of the responses."""
    columns = [*KEYS, "mean", *(["tissue"] if "tissue" in frame else [])]
    kept = [*KEYS, "response", *(["laboratory"] if "laboratory" in responses else [])]
    return responses[kept].merge(frame[columns].drop_duplicates(list(KEYS)), on=list(KEYS), how="inner")
