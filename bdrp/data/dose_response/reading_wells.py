"""Wells or viabilities from a table, whatever its layout: the columns say which it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import reading
from bdrp.data.dose_response import plates, points
from bdrp.data.dose_response.layouts import gdsc_raw, tidy, wide_points
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

LAYOUTS: Final = (gdsc_raw.DESCRIPTION, wide_points.DESCRIPTION, tidy.DESCRIPTION)


def read(path: str | Path, *, dose_unit: str | None = None) -> points.Points:
    """The points of the curves that a table holds, normalised by plate where they are raw.

    Args:
        path: CSV, TSV, Parquet or a workbook, packed or not.
        dose_unit: m, mm, um, nm or pm, where neither a header nor the range of the doses tells.

    Raises:
        DataError: the table cannot be read, or is of no known layout, or see `plates.normalise` and `points.check`.
    """
    path, notices = Path(path), []
    columns = _columns(path)
    if gdsc_raw.recognises(columns):
        found = plates.normalise(gdsc_raw.read(path, dose_unit, notices), notices, path)
    elif wide_points.recognises(columns):
        found = points.Points(wide_points.read(path, dose_unit, notices), notices=tuple(notices))
    elif tidy.recognises(columns) and tidy.find(columns, "signal"):
        found = plates.normalise(tidy.read_wells(path, dose_unit, notices), notices, path)
    elif tidy.recognises(columns):
        table = tidy.read_viabilities(path, dose_unit, notices)
        table["viability"] = points.in_fractions(table["viability"], notices)
        found = points.Points(table, notices=tuple(notices))
    else:
        raise DataError(
            f"{path.name} is no table of wells that is known. Its columns are {listed(sorted(columns), 12)}. Allowed: "
            f"{'; or '.join(LAYOUTS)}. Rename its columns to one of these."
        )
    return points.check(found, path)


def _columns(path: Path) -> frozenset[str]:
    """The headers of a table, from its first rows where it is text."""
    if path.suffix.lower() in (".parquet", ".pq"):
        import pyarrow.parquet

        try:
            return frozenset(pyarrow.parquet.read_schema(path).names)
        except (pyarrow.ArrowException, OSError):
            pass  # the reader says what is wrong
    return frozenset(map(str, reading.read_table(path).columns))
