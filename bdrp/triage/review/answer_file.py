"""Files of decisions as rows of text: CSV, workbooks, JSON, JSON lines, and what Label Studio exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.data import reading
from bdrp.errors import DataError
from bdrp.files import inputs, strict_json
from bdrp.predictive.distribution import KEYS
from bdrp.triage import label_studio
from bdrp.triage.decision import ANSWER, FIELDS
from bdrp.triage.review.cells import ERROR_VALUES

NEEDED: Final = ("decision", *KEYS)
SUFFIXES: Final = (".csv", ".xlsx", ".json", ".jsonl")


def read_answers(path: Path) -> pd.DataFrame:
    """The rows of a file in which a reviewer wrote something: `FIELDS` as text, and `row`, counted from 1.

    Spaces around a cell, and the ".0" that a spreadsheet adds to an id, are gone; other columns are not read.

    Raises:
        DataError: the file cannot be read, or lacks the columns of decision and pair.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"Decisions cannot be read from {path.name}. Allowed are {', '.join(SUFFIXES)}: the queue with its "
            "decision columns filled, or what the review page or Label Studio exports. Save it as one of these."
        )
    raw = _from_json(path) if suffix in (".json", ".jsonl") else reading.read_table(path, needs=NEEDED, wanted=FIELDS)
    rows = pd.DataFrame({name: _ids(raw, name) if name in KEYS else reading.text(raw, name) for name in FIELDS})
    rows["row"] = range(1, len(rows) + 1)
    written = rows[["decision", "comment", "measured"]].ne("").any(axis=1)
    return rows[written].reset_index(drop=True)


def _ids(raw: pd.DataFrame, name: str) -> pd.Series:
    """A column of ids, and a spreadsheet's errors among them as they stand, to be named."""
    texts = reading.text(raw, name)
    return reading.ids(raw, name).where(~texts.isin(ERROR_VALUES), texts)


def _from_json(path: Path) -> pd.DataFrame:
    try:
        content = _read_lines(path) if path.suffix.lower() == ".jsonl" else strict_json.read(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from error
    except strict_json.NotStrictError as error:
        raise DataError(f"{error} Decisions are a list of objects; export them again.") from error
    records = content.get("decisions") if isinstance(content, dict) else content
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise DataError(
            f'{path.name} holds no list of decisions. Allowed: a list of objects, {{"decisions": [...]}}, or what '
            "Label Studio exports as JSON. Export the decisions again."
        )
    if label_studio.is_export(records):
        records = label_studio.read_export(records, path)
    return _table(records, path)


def _read_lines(path: Path) -> list[Any]:
    lines = inputs.read_bytes(path).splitlines()
    return [strict_json.parse(line, f"{path.name}, line {at}") for at, line in enumerate(lines, 1) if line.strip()]


def _table(records: Sequence[Mapping[str, Any]], path: Path) -> pd.DataFrame:
    """The records' `FIELDS` as text; "" where one lacks a field."""
    for at, record in enumerate(records, 1):
        lacking = [name for name in NEEDED if name not in record]
        nested = [name for name in FIELDS if isinstance(record.get(name), dict | list | bool)]
        if lacking or nested:
            raise DataError(
                f"{path.name}, record {at}, {'lacks' if lacking else 'has no text in'} {', '.join(lacking or nested)}. "
                f"Needed are {', '.join(NEEDED)}; {', '.join(ANSWER[1:])} and model may be there. Export them again."
            )
    texts = {name: [_text(record.get(name)) for record in strict_json.plain(records)] for name in FIELDS}
    return pd.DataFrame(texts, dtype="str")


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)
