"""Tables with three header rows, as IMPROVE's benchmark has them: Ensembl ids, Entrez ids and symbols of the genes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import delimited, reading, unpacking
from bdrp.data.expression.layout import keep_highest

_ROWS: Final = 3
_LONGEST: Final = 1 << 23
"""Bytes of a header row; chosen: 60,000 Ensembl ids are 1 MB."""
_ID: Final = "cell_line_id"


def read_stacked(path: Path, notices: list[str]) -> pd.DataFrame | None:
    """The lines in the first column, then a column a gene in float32, by its symbol; None for other text.

    A gene without a symbol goes by its Ensembl id. Of several columns of one symbol the highest on average is kept.

    Args:
        path: the file.
        notices: what was chosen is written here.

    Raises:
        DataError: the file has such headers, and cannot be read.
    """
    heads = _find_heads(path)
    if heads is None:
        return None
    ensembl, _, symbols = heads
    names = [symbol or identifier for identifier, symbol in zip(ensembl, symbols, strict=True)]
    data = delimited.decode(unpacking.read_bytes(path), path).split(b"\n", _ROWS)[_ROWS]
    columns = [_ID, *(str(at) for at in range(len(names)))]
    data = "\t".join(columns).encode() + b"\n" + data
    form = delimited.read_form(data, path)
    every = range(len(form.columns))
    raw = delimited.parse(data, form, every, frozenset(every[1:]), path)
    values = reading.matrix(raw.iloc[:, 1:], path)
    kept = keep_highest(values, names)
    notices.append(
        f"{path.name} has three header rows (Ensembl ids, Entrez ids, symbols): {len(kept):,} genes by their symbol"
        + (
            f", of several of one symbol the highest ({len(names) - len(kept):,} left out)."
            if len(kept) < len(names)
            else "."
        )
    )
    table = pd.DataFrame(values[:, kept], columns=[names[at] for at in kept], copy=False)
    table.insert(0, _ID, raw[_ID])
    return table


def _find_heads(path: Path) -> list[list[str]] | None:
    """The cells of the three header rows but for the first of each; None where the file has others."""
    lines = unpacking.read_start(path, _LONGEST).decode("utf-8-sig", "replace").split("\n", _ROWS)[:_ROWS]
    lines = [line.rstrip("\r") for line in [*lines, "", "", ""][:_ROWS]]
    heads = [[cell.strip().strip('"') for cell in line.split("\t")[1:]] for line in lines]
    ensembl, entrez, symbols = heads
    if not ensembl or not len(ensembl) == len(entrez) == len(symbols):
        return None
    are_ids = np.mean([cell.startswith("ENS") for cell in ensembl]) > 0.5
    are_numbers = np.mean([cell.partition(".")[0].isdecimal() or not cell for cell in entrez]) > 0.9
    are_words = np.mean([not cell[:1].isdecimal() for cell in symbols]) > 0.9
    return heads if are_ids and are_numbers and are_words else None
