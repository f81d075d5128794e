"""The queue as files: CSV for a spreadsheet, JSON lines for programs, Parquet for tables."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, strict_json, tables
from bdrp.predictive.distribution import KEYS
from bdrp.triage.decision import ANSWER

OWN: Final = (
    "rank",
    "cell_line_id",
    "drug_id",
    "priority",
    "reasons",
    "explanation",
    "decision",
    "reviewer",
    "comment",
)
"""Columns by which a queue is known, of earlier versions too."""


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
        OutputError: see `places`, or the files cannot be written.
    """
    finals = places(path)
    clean = tables.encodable(queue)
    with atomic.refusing("The queue", finals[0].parent), ExitStack() as together:
        _check_targets(finals)
        besides = [together.enter_context(atomic.replacing(final)) for final in finals]
        for beside, write in zip(besides, _WRITERS.values(), strict=True):
            write(clean, beside)
    return finals


def places(path: Path | str, inputs: Iterable[Path] = ()) -> list[Path]:
    """Where the three files of a queue go: CSV, JSON lines, Parquet.

    Args:
        path: of one of them.
        inputs: the files that the queue is made of.

    Raises:
        OutputError: the suffix is another, or something would be lost: an input, a file of a model, what is no queue,
            or a queue in which reviewers have written.
    """
    stem = _stem(Path(path))
    finals = [stem.with_name(stem.name + suffix) for suffix in _WRITERS]
    outputs.guard(dict.fromkeys(finals, _is_unreviewed), inputs)
    return finals


def _is_unreviewed(path: Path) -> bool:
    """Whether a file is a queue that nobody has written a decision into yet."""
    if not outputs.has_columns(OWN)(path):
        return False
    answered = [name for name in ANSWER if name in tables.columns(path)]
    if path.suffix == ".parquet":
        answers = pd.read_parquet(path, columns=answered)
    elif path.suffix == ".jsonl":
        answers = pd.read_json(path, lines=True, dtype=False)[answered]
    else:
        answers = pd.read_csv(path, usecols=answered, dtype=str, keep_default_na=False)
    return bool(answers.fillna("").eq("").all(axis=None))


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
            raise IsADirectoryError(errno.EISDIR, f"{final} is a folder")


def _write_jsonl(queue: pd.DataFrame, path: Path) -> None:
    records = strict_json.plain(queue.to_dict(orient="records"))
    strict_json.write_lines(path, records)


def _write_parquet(queue: pd.DataFrame, path: Path) -> None:
    bare = queue.copy()
    bare.attrs = {}
    note = strict_json.text(strict_json.plain(queue.attrs, other=str), indent=None, ascii_only=True)
    tables.write_parquet(bare, path, {b"bdrp": note.encode()})


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": tables.write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
