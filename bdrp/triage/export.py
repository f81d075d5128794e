"""The queue as files: CSV for a spreadsheet, JSON lines for programs, Parquet for tables."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bdrp.errors import OutputError

FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula or a command (OWASP, CSV injection), with the full-width forms."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def export(queue: pd.DataFrame, path: Path | str) -> list[Path]:
    """Writes queue.csv, queue.jsonl and queue.parquet side by side, each whole or not at all.

    In the CSV, text that a spreadsheet would run as a formula gets an apostrophe in front, and control characters
    become spaces, so that each pair is one line; numbers are untouched. The other two hold the text as it is.

    Args:
        queue: what `rank` returned.
        path: where the CSV goes; the others take its name with their own suffix.

    Returns:
        The three paths: CSV, JSON lines, Parquet.

    Raises:
        OutputError: the suffix is another, or the files cannot be written.
    """
    stem = _stem(Path(path))
    clean = _encodable(queue)
    finals = [stem.with_name(stem.name + suffix) for suffix in _WRITERS]
    partials = [final.with_name(f".{final.name}.part") for final in finals]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        _check_targets(finals)
        for partial, write in zip(partials, _WRITERS.values(), strict=True):
            write(clean, partial)
        for partial, final in zip(partials, finals, strict=True):
            os.replace(partial, final)
    except OSError as error:
        for partial in partials:
            with suppress(OSError):
                partial.unlink()
        raise OutputError(
            f"The queue could not be written to {stem.parent}: {error}. A folder with write permission and free space "
            "is needed. Choose another place."
        ) from error
    return finals


def neutralised(text: str) -> str:
    r"""Text that no spreadsheet runs, on one line: an apostrophe in front of a formula, spaces for control characters.

    >>> neutralised("=1+1"), neutralised("Nutlin-3a (-)"), neutralised("\t-2")
    ("'=1+1", 'Nutlin-3a (-)', "' -2")
    """
    line = _CONTROLS.sub(" ", text)
    return f"'{line}" if line.lstrip().startswith(FORMULA_STARTS) else line


def _stem(path: Path) -> Path:
    if path.name in ("", ".."):
        raise OutputError(f"The queue cannot be written to {path}: a folder. It is a file. Name it {path}/queue.csv.")
    if path.suffix in _WRITERS or not path.suffix:
        return path.with_suffix("")
    raise OutputError(
        f"The queue cannot be written as '{path.suffix}'. Allowed are {', '.join(_WRITERS)}. Name it queue.csv."
    )


def _check_targets(finals: list[Path]) -> None:
    for final in finals:
        if final.is_dir():
            raise IsADirectoryError(f"{final} is a folder")


def _texts(queue: pd.DataFrame) -> list[str]:
    return [name for name in queue.columns if not pd.api.types.is_numeric_dtype(queue[name])]


def _encodable(queue: pd.DataFrame) -> pd.DataFrame:
    """Text with what UTF-8 or a table cannot hold (lone surrogates, NUL) replaced."""
    texts = {name: [_safe(value) for value in queue[name]] for name in _texts(queue)}
    return queue.assign(**{name: pd.Series(values, index=queue.index, dtype="str") for name, values in texts.items()})


def _safe(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).encode("utf-8", "replace").decode().replace("\0", "?")


def _write_csv(queue: pd.DataFrame, path: Path) -> None:
    guarded = {name: queue[name].map(neutralised) for name in _texts(queue)}
    queue.assign(**guarded).to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def _write_jsonl(queue: pd.DataFrame, path: Path) -> None:
    records = queue.to_dict(orient="records")
    lines = [json.dumps({key: _plain(value) for key, value in record.items()}, allow_nan=False) for record in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_parquet(queue: pd.DataFrame, path: Path) -> None:
    bare = queue.copy()
    bare.attrs = {}
    table = pa.Table.from_pandas(bare, preserve_index=False)
    note = json.dumps(queue.attrs, default=str).encode()
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), b"bdrp": note}), path)


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
