"""The part of an answer's page that says what the updates of the model changed."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.answers import wording
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.doses import write_response
from bdrp.report.html.browsable import cut
from bdrp.report.html.parts import Section
from bdrp.report.html.table import Column, Table

MOVED: Final = 10  # chosen: as many as a reader compares
LISTED: Final = 50  # chosen: more stand in the workbook


def describe_changes(answer: Answer) -> Section | None:
    """When the model was updated with what, what of it was this line or drug, and which ranks moved most."""
    changes = answer.changes
    if changes is None:
        return None
    updates = tuple(f"Update {at}: {words.heading(each.describe())}." for at, each in enumerate(changes.history, 1))
    tables = [_list_measured(answer), _list_moved(answer)]
    return Section("changed", "What the update changed", updates, tuple(table for table in tables if table is not None))


def _list_measured(answer: Answer) -> Table | None:
    assert answer.changes is not None
    own = answer.changes.of(answer.column, answer.key)
    if own.empty:
        return None
    key = "drug_id" if answer.about == "line" else "cell_line_id"
    names, history = answer.names[key], answer.changes.history
    records = [
        {
            "name": cut(names.get(getattr(row, key), getattr(row, key))),
            "response": _write(answer, row),
            "update": f"{row.update + 1} ({history[row.update].added[:10]})",
        }
        for row in own.head(LISTED).itertuples(index=False)
    ]
    columns = {
        "name": Column(words.heading(answer.noun[:-1])),
        "response": Column(f"{answer.measure}, {answer.unit.name}", "words"),
        "update": Column("By update", "words"),
    }
    what = "line" if answer.about == "line" else "drug"
    shown = f"the first {LISTED} of " if len(own) > LISTED else ""
    text = f"What the updates hold of this {what}: {shown}{words.count(len(own), 'measurement')}."
    return Table.from_records("Measured since the fit", columns, records, text)


def _write(answer: Answer, row: Any) -> str:
    return write_response(row.response, row.lower_limit, row.upper_limit, answer.unit)


def _list_moved(answer: Answer) -> Table | None:
    pairs = answer.pairs.assign(rank=range(1, len(answer.pairs) + 1))
    moved = pairs.assign(by=(pairs["chance"] - pairs["chance_before"]).abs())
    moved = moved[moved["by"] > 0].sort_values("by", ascending=False, kind="stable").head(MOVED)
    if moved.empty:
        return None
    columns = {
        "name": Column(words.heading(answer.noun[:-1])),
        "before": Column("Chance before", "words"),
        "now": Column("Chance now", "words"),
        "rank_before": Column("Rank before", digits=0),
        "rank": Column("Rank now", digits=0),
    }
    text = "By how much the chance of being active moved, the most first."
    return Table.from_records("What moved most", columns, list(map(_record, _rows(answer, moved))), text)


def _rows(answer: Answer, moved: pd.DataFrame) -> list[Any]:
    name = "drug_name" if answer.about == "line" else "line_name"
    return list(moved.rename(columns={name: "shown"}).itertuples(index=False))


def _record(pair: Any) -> dict[str, Any]:
    return {
        "name": cut(pair.shown),
        "before": wording.write_chance(pair.chance_before),
        "now": wording.write_chance(pair.chance),
        "rank_before": int(pair.rank_before),
        "rank": int(pair.rank),
    }
