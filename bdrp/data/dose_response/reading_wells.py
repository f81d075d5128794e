"""Wells or viabilities from a table, whatever its layout: the columns say which it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

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
    path = Path(path)
    notices: list[str] = []
    raw = reading.read_table(path)
    columns = frozenset(map(str, raw.columns))
    if gdsc_raw.recognises(columns):
        found = plates.normalise(gdsc_raw.read(raw, path, notices), notices, path)
    elif wide_points.recognises(columns):
        found = points.Points(wide_points.read(raw, path))
    elif tidy.recognises(columns) and tidy.find(columns, "signal"):
        found = plates.normalise(tidy.read_wells(raw, path, dose_unit, notices), notices, path)
    elif tidy.recognises(columns):
        table = tidy.read_viabilities(raw, path, dose_unit, notices)
        found = points.Points(points.in_fractions(table, path, notices))
    else:
        raise DataError(
            f"{path.name} is no table of wells that is known. Its columns are {listed(raw.columns, 12)}. Allowed: "
            f"{'; or '.join(LAYOUTS)}. Rename its columns to one of these."
        )
    return points.check(replace(found, notices=tuple(notices)), path)
