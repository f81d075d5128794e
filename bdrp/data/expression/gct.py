"""GCT 1.2 and 1.3: genes in rows, with two lines before the header and, in 1.3, rows and columns of annotation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import delimited, reading, unpacking
from bdrp.errors import DataError

_VERSIONS: Final = (b"#1.2", b"#1.3")
_START: Final = 65_536  # bytes, before which a file may have empty lines


def read_gct(path: Path) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Annotation of the genes (genes, columns of text) and values (genes, samples) in float32; None for other text.

    Raises:
        DataError: the file is GCT, and cannot be read or has not the size that its second line says.
    """
    start = unpacking.read_start(path, _START).replace(b"\x00", b"")  # UTF-16 as well
    if not any(version in start for version in _VERSIONS):
        return None
    data = delimited.decode(unpacking.read_bytes(path), path)
    if not data.startswith(_VERSIONS):
        return None
    if not unpacking.is_packed(path):
        delimited.warn_if_cut_short(data, path)
    version, size, rest = _split_head(data, path)
    genes, samples, *more = size
    annotations, described = (more[0], more[1]) if version == "#1.3" else (1, 0)
    form = delimited.read_form(rest, path)
    delimited.check_header(form, path)
    width = 1 + annotations
    if len(form.columns) != width + samples:
        raise _other_size(path, f"{width} + {samples:,} columns", f"{len(form.columns):,}")
    every = range(len(form.columns))
    raw = delimited.parse(rest, form, every, () if described else frozenset(every[width:]), path)
    if len(raw) != genes + described:
        raise _other_size(path, f"{genes:,} genes and {described:,} rows of annotation", f"{len(raw):,} rows")
    raw = raw.iloc[described:].reset_index(drop=True)
    named = pd.DataFrame({str(column): reading.text(raw, column) for column in raw.columns[:width]})
    values = raw.iloc[:, width:]
    if described:
        values = pd.DataFrame({column: reading.numbers(values, str(column), path) for column in values})
    return named, pd.DataFrame(reading.matrix(values, path), columns=values.columns.map(str))


def _split_head(data: bytes, path: Path) -> tuple[str, list[int], bytes]:
    """The version, the sizes of the second line, and the table below."""
    first, second, rest = [*data.replace(b"\r\n", b"\n").split(b"\n", 2), b"", b""][:3]
    version = first.split(b"\t")[0].strip().decode()
    cells = [cell.strip() for cell in second.decode(errors="replace").split("\t") if cell.strip()]
    wanted = 4 if version == "#1.3" else 2
    if len(cells) != wanted or not all(cell.isdecimal() for cell in cells):
        raise DataError(
            f"{path.name} is GCT {version[1:]}, and its second line is {second[:60].decode(errors='replace')!r}. It "
            f"must hold {wanted} whole numbers, the sizes of the table; write or fetch the file again."
        )
    return version, [int(cell) for cell in cells], rest


def _other_size(path: Path, wanted: str, seen: str) -> DataError:
    return DataError(
        f"{path.name} is GCT, and its second line speaks of {wanted}, while it has {seen}. The sizes must agree: the "
        "file may be cut short; fetch or write it again."
    )
