"""Predictions of any number of pairs into a file, part by part: in bounded memory, and resumable.

Each part is a whole file of predictions beside the result; the last step joins them. A run that was killed goes on
behind its last part, and ends with the very file that an unbroken run writes: parts depend on the question and on the
memory that was asked for, and on nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from torch import Tensor

import bdrp
from bdrp.engines import LOCAL, Engine
from bdrp.errors import DataError, OutputError
from bdrp.files import atomic, parquet, strict_json, tables
from bdrp.files.parts import Parts
from bdrp.fitted.question import Question
from bdrp.predictive import storage
from bdrp.predictive.selection import Selection

GIB: Final = 1024**3
MEMORY: Final = 0.25
"""GiB that the pairs in work may take, beside the model and the tables; chosen: a part takes some seconds."""

Report = Callable[[int, int], None]
"""Is told how many parts are finished, of how many."""


@dataclass(frozen=True)
class Streamed:
    """What was written.

    Attributes:
        asked: pairs that were predicted.
        kept: rows of the file.
        laboratory: see `Predictions.laboratory`; of several parts, `width_ratio` is the mean of their medians.
        updates: see `Predictions.updates`.
        resumed: parts that an earlier run had finished.
    """

    asked: int
    kept: int
    laboratory: Mapping[str, Any] | None
    updates: tuple[str, ...]
    resumed: int


@dataclass(frozen=True)
class Task:
    """A question in parts.

    Attributes:
        question: what is asked.
        selection: which rows are kept.
        slices: the parts.
    """

    question: Question
    selection: Selection
    slices: list[slice]

    def write(self, number: int, path: Path) -> None:
        """Answer a part into a file.

        Raises:
            DataError: see `Question.answer`.
            OutputError: the file cannot be written.
        """
        self.selection.select(self.question.answer(self.slices[number])).save(path)


def stream(
    question: Question,
    out: Path | str,
    *,
    memory: float = MEMORY,
    selection: Selection | None = None,
    report: Report = lambda finished, parts: None,
    engine: Engine = LOCAL,
    workers: int = 1,
) -> Streamed:
    """Answer a question into a file, in its place when all of it is there.

    Args:
        question: what is asked of which model.
        out: .parquet, or .csv or .xlsx to look at, which are not written in bounded memory.
        memory: GiB that the pairs in work may take, beside the model and the tables. It decides the parts, and so the
            order of the rows where there are several: a part after the other, each a line after the other.
        selection: which rows are kept, with which quantiles; all if None.
        report: is called with each finished part.
        engine: who answers the parts.
        workers: how many parts at a time, where the engine is not this process; each takes `memory`.

    Raises:
        DataError: see `Question.answer`; or there is not as much memory, or an engine that is not there.
        OutputError: the file or its parts cannot be written, or an interrupted run of another question lies there.
    """
    out, selection = Path(out), selection or Selection()
    storage.check_place(out)
    slices = question.parts(_bytes(memory))
    _check_rows(question, out, selection)
    parts = Parts.open(out, _digest(question, selection, slices), len(slices))
    resumed = len(slices) - len(parts.missing)
    report(resumed, len(slices))
    for done, _ in enumerate(_answered(Task(question, selection, slices), parts, engine, workers), resumed + 1):
        report(done, len(slices))
    try:
        note, kept = _join(parts, out, selection)
    except parquet.NotParquetError as error:
        raise OutputError(
            f"The parts of the result cannot be joined: {error}. All of them must be as they were written. Remove the "
            "damaged one, and run the command again: it alone is made anew."
        ) from error
    parts.remove()
    return Streamed(len(question), kept, note.get("laboratory"), question.model.updates, resumed)


def _answered(task: Task, parts: Parts, engine: Engine, workers: int) -> Iterator[int]:
    """Answer the parts that are missing; their numbers, each when it is in its place."""
    if engine != LOCAL and parts.missing:
        from bdrp.fitted.stream_on_ray import answer_on_cluster

        yield from answer_on_cluster(task, parts, engine, workers)
        return
    read = 0
    for number in parts.missing:
        if task.slices[number].stop > read:
            read = task.question.read_ahead(task.slices[number].start)
        task.write(number, parts.path(number))
        parts.keep(number)
        yield number


def _join(parts: Parts, out: Path, selection: Selection) -> tuple[dict[str, Any], int]:
    """Write the result; its metadata and how many rows it has."""
    note, rows = _merged(parts.paths)
    suffix = out.suffix.lower()
    with atomic.refusing("The predictions", out):
        if suffix == ".parquet" and parts.count == 1:
            atomic.move(parts.path(0), out)
        elif suffix == ".parquet" and selection.top is None:
            with atomic.replacing(out) as beside:
                parquet.join(parts.paths, beside, storage.to_metadata(note))
        else:
            frame = _lowest(map(parquet.read_part, parts.paths), selection)
            storage.write_table(frame, out, note)
            rows = len(frame)
    return note, rows


def _lowest(found: Iterable[Any], selection: Selection) -> pd.DataFrame:
    """The rows of all parts that are kept; no more than they, and one part, are in memory."""
    kept: list[pd.DataFrame] = []
    for table in found:
        kept.append(table.to_pandas())
        if selection.top is not None:
            kept = [selection.lowest(pd.concat(kept, ignore_index=True))]
    return pd.concat(kept, ignore_index=True)


def _merged(paths: Iterable[Path]) -> tuple[dict[str, Any], int]:
    """The metadata of all parts as those of one file, and the number of their rows."""
    notes = [parquet.read_metadata(path) for path in paths]
    rows = sum(count for _, count in notes)
    first = strict_json.parse(notes[0][0][storage.METADATA_KEY], "the metadata of a part")
    laboratories = [strict_json.parse(each[storage.METADATA_KEY], "").get("laboratory") for each, _ in notes]
    if laboratories[0] is not None:
        ratios = [each["width_ratio"] for each in laboratories]
        first["laboratory"]["width_ratio"] = sum(ratios) / len(ratios)
    return first, rows


def _bytes(memory: float) -> int:
    """The memory that was asked for.

    Raises:
        DataError: there is not as much.
    """
    import psutil

    free = psutil.virtual_memory().available / GIB
    if not 0 < memory <= free:
        raise DataError(
            f"Pairs may take {memory:g} GiB of memory at a time. Allowed: more than 0 and at most the "
            f"{free:.2g} GiB that are free. Ask for less, such as --memory {min(MEMORY, free / 2):.2g}."
        )
    return int(memory * GIB)


def _check_rows(question: Question, out: Path, selection: Selection) -> None:
    """Refuse before any work what a workbook cannot hold."""
    everything = selection.top is None and selection.below is None
    if out.suffix.lower() == ".xlsx" and everything and len(question) > tables.MOST_ROWS:
        raise OutputError(
            f"A workbook cannot hold {len(question):,} rows. A sheet has room for {tables.MOST_ROWS:,} below its "
            "header. Write .parquet or .csv, or keep fewer with --top or --below."
        )


def _digest(question: Question, selection: Selection, slices: list[slice]) -> str:
    """A checksum of all that decides what the parts hold."""
    lines, sha = question.lines, hashlib.sha256()
    said = [bdrp.__version__, question.model.digest, question.laboratories, selection, slices[0], len(question)]
    sha.update(repr([*said, lines.line_ids]).encode())
    for tensor in (*lines.lines.values(), lines.components, lines.line_effect):
        sha.update(_raw(tensor))
    for table in (question.drugs, question.by_line, question.pairs):
        if table is not None:
            sha.update(repr(list(table.columns)).encode())
            sha.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    return sha.hexdigest()


def _raw(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()
