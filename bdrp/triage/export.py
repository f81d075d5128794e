"""The queue as files: a workbook or CSV to fill in, JSON lines and Parquet for programs, tasks for Label Studio."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, parquet, strict_json, tables
from bdrp.triage import label_studio
from bdrp.triage.decision import ANSWER
from bdrp.triage.workbook import write_workbook

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
    """Writes queue.csv, .xlsx, .jsonl and .parquet side by side, each whole or not at all.

    In the first two, text that a spreadsheet would run as a formula gets an apostrophe in front, and control
    characters become spaces, so that each pair is one line; numbers are untouched. The others hold the text as it is.

    Args:
        queue: what `rank` returned.
        path: where one of them goes; the others take its name with their own suffix.

    Returns:
        The four paths: CSV, workbook, JSON lines, Parquet.

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
    """Where the four files of a queue go: CSV, workbook, JSON lines, Parquet.

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


def export_tasks(queue: pd.DataFrame, path: Path | str) -> tuple[Path, Path]:
    """Write a queue as tasks that Label Studio imports, and beside them the labelling interface that shows them.

    Args:
        queue: what `rank` returned.
        path: of the tasks, .json; the interface takes its name with .xml.

    Returns:
        The paths of tasks and interface. What Label Studio exports of them as JSON, `bdrp review` reads.

    Raises:
        OutputError: see `task_places`, or they cannot be written.
    """
    tasks, interface = task_places(path)
    with atomic.refusing("The tasks", tasks):
        strict_json.write(tasks, label_studio.tabulate_tasks(queue))
        with atomic.replacing(interface) as beside:
            beside.write_text(label_studio.build_interface(str(queue.attrs.get("unit", ""))), encoding="utf-8")
    return tasks, interface


def task_places(path: Path | str, inputs: Iterable[Path] = ()) -> tuple[Path, Path]:
    """Where tasks for Label Studio and their interface go.

    Raises:
        OutputError: the suffix is not .json, or something would be lost.
    """
    tasks = Path(path)
    if tasks.suffix.lower() != ".json":
        raise OutputError(
            f"Tasks for Label Studio cannot be written as '{tasks.suffix}'. Allowed is .json. Name them tasks.json."
        )
    interface = tasks.with_suffix(".xml")
    outputs.guard({tasks: _holds_tasks, interface: _is_interface}, inputs)
    return tasks, interface


def _holds_tasks(path: Path) -> bool:
    content = strict_json.read(path)
    return isinstance(content, list) and all({"data", "predictions"} == set(task) for task in content)


def _is_interface(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith(label_studio.BEGIN)


def _is_unreviewed(path: Path) -> bool:
    """Whether a file is a queue that nobody has written a decision into yet."""
    if not outputs.has_columns(OWN)(path):
        return False
    answered = [name for name in ANSWER if name in tables.columns(path)]
    if path.suffix == ".parquet":
        answers = pd.read_parquet(path, columns=answered)
    elif path.suffix == ".xlsx":
        answers = pd.read_excel(path, usecols=answered, dtype=str)
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
    parquet.write(bare, path, {b"bdrp": note.encode()})


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": tables.write_csv,
    ".xlsx": write_workbook,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
