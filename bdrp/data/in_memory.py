"""Tables that are handed over in Python become the raw tables that files are read into, and meet the same checks.

A frame, a dict, a Series or a list is what a file would hold; `user_tables.columns` knows its columns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.data.delimited import plain
from bdrp.data.user_tables.columns import ALIASES
from bdrp.errors import DataError

Given = str | os.PathLike[str] | pd.DataFrame | pd.Series | Mapping[Any, Any] | Sequence[Any]
"""A table: the path of a file, or anything that holds one."""


@dataclass(frozen=True)
class Table:
    """What a table is of.

    Attributes:
        name: in messages.
        columns: what the parts of an entry mean where they have no name: of a Series, its index and then its values.
        example: of a small one.
    """

    name: str
    columns: tuple[str, ...]
    example: str


DRUGS: Final = Table("drugs", ("drug_id", "smiles"), '{"erlotinib": "C#Cc1cccc(…)c1"}')
PAIRS: Final = Table("pairs", ("cell_line_id", "drug_id"), '[("MCF7", "erlotinib")]')
MEASURED: Final = Table("measurements", ("cell_line_id", "drug_id", "response"), '{("MCF7", "erlotinib"): 1.2}')
EXPRESSION: Final = Table("expression", (), '{"TP53": 5.1, "EGFR": 7.3} of one sample')


def is_path(given: object) -> bool:
    """Whether it names a file."""
    return isinstance(given, str | os.PathLike)


def name_table(given: object, of: Table) -> Path:
    """What messages call it by its name: the path of a file; of a table in memory, what it is."""
    return Path(given) if isinstance(given, str | os.PathLike) else Path(of.name)


def tabulate(given: object, of: Table) -> pd.DataFrame:
    """The raw table of what is no file; an index that says something is its first column.

    >>> tabulate({"ethanol": "CCO", "benzene": "c1ccccc1"}, DRUGS)
       drug_id    smiles
    0  ethanol       CCO
    1  benzene  c1ccccc1
    >>> tabulate([("line", "ethanol")], PAIRS)
      cell_line_id  drug_id
    0         line  ethanol

    Raises:
        DataError: it is no table, or an empty one.
    """
    frame = _as_frame(given, of)
    if frame is None:
        raise DataError(
            f"{of.name} is a {type(given).__name__}. Allowed: a DataFrame, a Series, a dict, a list, or the path of a "
            f"file. Convert it, as in {of.name} = {of.example}."
        )
    raw = _with_index(frame, of)
    if raw.empty and not raw.columns.size:
        raise DataError(f"{of.name} holds nothing. At least one row is needed, as in {of.example}. Give some.")
    return raw.rename(columns=lambda column: str(column).strip())


def _as_frame(given: object, of: Table) -> pd.DataFrame | None:
    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, pd.Series):
        return _of_series(given, of)
    if isinstance(given, Mapping):
        return _of_mapping(given, of)
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return _of_entries(list(given), of)
    return None


def _of_series(given: pd.Series, of: Table) -> pd.DataFrame:
    if not of.columns:  # one sample: its values by gene
        name = "sample" if given.name is None else str(given.name)
        return given.to_frame().T.set_axis(pd.Index([name], name="cell_line_id"), axis=0)
    *keys, value = of.columns
    named = given.name if given.name is not None and len(keys) > 1 else value
    levels = [own or key for own, key in zip(given.index.names, keys, strict=False)]
    return given.rename_axis(index=levels).reset_index(name=named)


def _of_mapping(given: Mapping[Any, Any], of: Table) -> pd.DataFrame:
    values = list(given.values())
    if values and all(isinstance(value, Mapping | pd.Series) for value in values) and not of.columns:
        return pd.DataFrame.from_dict({key: dict(value) for key, value in given.items()}, orient="index")
    if any(isinstance(value, Sequence | pd.Series) and not isinstance(value, str) for value in values):
        return pd.DataFrame(dict(given))
    if any(isinstance(key, str) and _is_known(key, of) for key in given):
        return pd.DataFrame([dict(given)])
    return _of_series(pd.Series(dict(given), dtype=object).infer_objects(), of)


def _of_entries(given: list[Any], of: Table) -> pd.DataFrame | None:
    if all(isinstance(entry, Mapping) for entry in given):
        return pd.DataFrame(given, columns=None if given else list(of.columns))
    if of is DRUGS and all(isinstance(entry, str) for entry in given):
        return pd.DataFrame({"smiles": given})
    widths = {len(entry) for entry in given if isinstance(entry, Sequence) and not isinstance(entry, str)}
    if widths == {len(of.columns)} and all(not isinstance(entry, str) for entry in given):
        return pd.DataFrame(given, columns=list(of.columns))
    return None


def _is_known(key: str, of: Table) -> bool:
    return any(plain(key) in ALIASES.get(column, (column,)) for column in of.columns)


def _with_index(frame: pd.DataFrame, of: Table) -> pd.DataFrame:
    """The frame with its index as columns, unless that only counts rows."""
    index = frame.index
    if isinstance(index, pd.MultiIndex) or index.name is not None:
        return frame.reset_index()
    counts = isinstance(index, pd.RangeIndex) or (bool(of.columns) and pd.api.types.is_integer_dtype(index.dtype))
    first = of.columns[0] if of.columns else ""
    if counts or first in frame.columns:
        return frame.reset_index(drop=True)
    return frame.reset_index(names=first)
