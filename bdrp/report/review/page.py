"""The review page: a queue to search, sort and filter, a card a pair, and decisions that stay in the browser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.measures import MEASURES
from bdrp.errors import OutputError
from bdrp.files import outputs, strict_json
from bdrp.predictive import ReadableUnit
from bdrp.report import words
from bdrp.report.answers.axis import Axis
from bdrp.report.html.browsable import BrowsableColumn, BrowsableTable, Cell, Group, Row
from bdrp.report.html.output import write_page
from bdrp.report.html.page import embed, render_template
from bdrp.report.review.cards import Card, make_card
from bdrp.report.review.evidence import Evidence
from bdrp.triage.decision import DECISIONS, FIELDS
from bdrp.triage.review.measured import name_units

GROUPS: Final = (
    Group("open", "to decide", "nobody has decided yet"),
    *(Group(key, label, DECISIONS[key]) for key, label in (
        ("accept", "accepted"), ("reject", "rejected"), ("assay", "assay ordered"), ("skip", "skipped"),
    )),
)  # fmt: skip
KEPT: Final = ("rank", "line_name", "drug_name", "mean", "q05", "q95", "threshold", "priority", "reasons")
"""Columns of the queue that an export repeats behind the decision."""


def guard(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a place where a page cannot go, before any work is done.

    Raises:
        OutputError: the suffix is not .html, or something would be lost.
    """
    if path.suffix.lower() != ".html":
        raise OutputError(
            f"The review page cannot be written as '{path.suffix}'. Allowed is .html. Name it {path.stem or 'review'}"
            ".html."
        )
    outputs.guard({path: outputs.is_page}, inputs)


def write(queue: pd.DataFrame, path: Path | str, evidence: Evidence | None = None) -> Path:
    """Write the page of a queue.

    Args:
        queue: what `triage.rank` returned.
        path: of the page, .html.
        evidence: what a model knows of the pairs; see `gather_evidence`.

    Raises:
        OutputError: it cannot be written, or something would be lost.
    """
    guard(Path(path))
    return write_page(Path(path), render_page(queue, evidence))


def render_page(queue: pd.DataFrame, evidence: Evidence | None = None) -> str:
    """The review page as HTML, whole in itself."""
    evidence = evidence or Evidence()
    unit, measure = ReadableUnit(str(queue.attrs.get("unit", ""))), MEASURES.get(str(queue.attrs.get("measure", "")))
    pairs = _as_pairs(queue)
    axis = Axis.over(pairs, unit)
    cards = [make_card(pair, axis, unit, evidence) for pair in pairs.itertuples(index=False)]
    drugs = {drug: at for at, drug in enumerate(evidence.structures)}
    return render_template(
        "review.html.j2",
        scripts=("browsable.js", "review.js"),
        styles=("browsable.css", "review.css"),
        kicker="bdrp triage",
        title=f"{words.count(len(queue), 'prediction')} to review",
        subtitle="Decide one by one; decisions stay in this browser until you export them. Export before you clear its "
        "data, and hand the file to bdrp review.",
        table=_tabulate(cards),
        cards=cards,
        structures=evidence.structures,
        places=drugs,
        decisions=DECISIONS,
        units=[] if measure is None else list(dict.fromkeys([unit.name, *name_units(measure)]))[:8],
        data=_embed(queue),
        notes=_list_notes(queue, evidence),
    )


def _as_pairs(queue: pd.DataFrame) -> pd.DataFrame:
    """The queue with what a card needs of each pair; the predicted mean stands for the median."""
    empty = {name: "" for name in ("line_name", "model") if name not in queue}
    pairs = queue.assign(q50=queue["mean"], measured=np.nan, **empty)
    for name, key in (("line_name", "cell_line_id"), ("drug_name", "drug_id")):
        pairs[name] = pairs[name].where(pairs[name].fillna("").ne(""), pairs[key])
    return pairs.astype({name: float for name in ("lower_limit", "upper_limit", "threshold")})


def _tabulate(cards: list[Card]) -> BrowsableTable:
    columns = (
        BrowsableColumn("Pair", "name"),
        BrowsableColumn("Rank"),
        BrowsableColumn("Predicted"),
        BrowsableColumn("Chance of a wrong call"),
        BrowsableColumn("Reasons", "list", sortable=False),
        BrowsableColumn("Decision", "group"),
    )
    rows = tuple(
        Row(
            "open",
            (
                Cell(f"{card.drug} on {card.line}", card.ids),
                Cell(str(card.rank), order=card.rank),
                Cell(card.predicted, card.interval, order=card.order),
                Cell(words.percent(card.wrong, 0), order=card.wrong),
                Cell(", ".join(label for label, _ in card.reasons) or "–"),
                Cell("to decide", order=0),
            ),
            opens=at,
        )
        for at, card in enumerate(cards)
    )
    return BrowsableTable("queue", "pairs", columns, rows, GROUPS, explained=False)


def _embed(queue: pd.DataFrame) -> str:
    """The queue for the page's script, as JSON in which no text ends the element that holds it."""
    columns = [name for name in dict.fromkeys((*FIELDS, *KEPT)) if name in queue]
    records = strict_json.plain(queue[columns].to_dict(orient="records"))
    key = hashlib.sha256(json.dumps(records, sort_keys=True).encode()).hexdigest()
    content: dict[str, Any] = {"key": key, "fields": list(FIELDS), "kept": list(KEPT), "pairs": records}
    return embed(content)


def _list_notes(queue: pd.DataFrame, evidence: Evidence) -> list[str]:
    """What stands above the queue: what the model was updated with, and how much is decided and not asked again."""
    updates = list(evidence.updates) or list(queue.attrs.get("updates", ()))
    notes = [f"Since its fit the model was updated: {'; '.join(updates)}."] if updates else []
    reviewed = int(queue.attrs.get("pairs_reviewed", 0))
    if reviewed:
        notes.append(
            f"{words.count(reviewed, 'pair')} decided before {'is' if reviewed == 1 else 'are'} not asked again."
        )
    return notes
