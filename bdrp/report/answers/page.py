"""The page of an answer, in one file."""

from __future__ import annotations

from typing import Any, Final

from bdrp.report import words
from bdrp.report.answers import definitions, wording
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.axis import Axis
from bdrp.report.answers.changed import describe_changes
from bdrp.report.answers.groups import GROUPS, NOT, SENSITIVE, UNKNOWN
from bdrp.report.answers.summary import list_tiles, summarise
from bdrp.report.answers.yardsticks import HIGHEST_DOSE
from bdrp.report.html.browsable import BrowsableColumn, BrowsableTable, Cell, Group, Row, cut
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section
from bdrp.report.html.table import Column, Table

KEYS: Final = {SENSITIVE: "sensitive", UNKNOWN: "unknown", NOT: "not"}


def render_page(answer: Answer) -> str:
    """The answer as HTML, readable alone."""
    name = cut(answer.name)
    title = (
        f"Which drugs is {name} sensitive to?" if answer.about == "line" else f"Which lines are sensitive to {name}?"
    )
    ranked = answer.count(len(answer.pairs))
    return render(
        kicker="bdrp answer",
        beside="the workbook and the CSV file beside it hold",
        title=title,
        subtitle=f"{ranked}, the surest to be active first. Predicted {answer.measure}, {answer.unit.name}.",
        summary=summarise(answer),
        tiles=list_tiles(answer),
        sections=tuple(section for section in _sections(answer) if section is not None),
    )


def _sections(answer: Answer) -> tuple[Section | None, ...]:
    facts = tuple((name, value) for name, value in (answer.sources or {}).items())
    return (
        Section("answer", f"The {answer.noun}, ranked", (_how_to_read(answer),), browsable=browse(answer)),
        describe_changes(answer),
        _near(answer),
        Section("words", "What the words mean", definitions=definitions.define(answer), open=True),
        Section("sources", "What this was made of", facts=facts),
    )


def browse(answer: Answer) -> BrowsableTable:
    """The table of the page."""
    axis, unit = Axis.over(answer.pairs, answer.unit), answer.unit.name
    marks_threshold = answer.yardstick.name != HIGHEST_DOSE
    first = "Drug" if answer.about == "line" else "Line"
    columns = (
        BrowsableColumn(first, "name"),
        BrowsableColumn("Answer", "group", "answer"),
        BrowsableColumn("Chance of being active", "number", "chance"),
        *([] if answer.changes is None else [BrowsableColumn("Before the update", "number", "before")]),
        BrowsableColumn(f"{answer.measure}{', ' + unit if answer.unit.is_logarithm else ''}", "number", "predicted"),
        BrowsableColumn(f"90 % interval, {unit}", "bar", "interval", sortable=False),
        BrowsableColumn("Measured", "number", "measured"),
        BrowsableColumn("More sensitive than", "number", "share"),
        BrowsableColumn("Measured nearby", "list", "nearby", sortable=False),
    )
    legend = (
        ("tested", "tested doses"),
        ("interval", "predicted median and 90 % interval"),
        ("beyond", "goes on beyond the tested doses"),
        ("threshold", "active to the left of it"),
        ("measured", "measured"),
    )
    hidden = {"threshold"} - ({"threshold"} if marks_threshold else set())
    hidden |= set() if answer.unit.is_logarithm else {"tested", "beyond"}
    rows = tuple(
        _row(answer, axis, pair, at, marks_threshold) for at, pair in enumerate(answer.pairs.itertuples(index=False), 1)
    )
    return BrowsableTable(
        "ranked",
        answer.noun,
        columns,
        rows,
        tuple(Group(KEYS[group], group, definitions.mean(answer, group)) for group in GROUPS),
        axis.ticks,
        tuple(mark for mark in legend if mark[0] not in hidden),
    )


def _row(answer: Answer, axis: Axis, pair: Any, at: int, marks_threshold: bool) -> Row:
    middle, low, high = wording.write_interval(answer, pair)
    near = [(cut(name, 40), response) for name, response in wording.write_near_lines(answer, pair)]
    other = [(cut(name, 40), response or "–") for name, response in wording.write_near_drugs(answer, pair)]
    items = tuple((label, tuple(found)) for label, found in (("Lines", near), ("Drugs", other)) if found)
    return Row(
        KEYS[pair.group],
        (
            _name_cell(answer, pair),
            Cell(pair.group, order=GROUPS.index(pair.group)),
            Cell(wording.write_chance(pair.chance), order=pair.chance),
            *([] if answer.changes is None else [_before(pair, at)]),
            Cell(middle, f"{low} to {high}", order=pair.q50),
            Cell(bar=axis.draw(pair, marks_threshold)),
            Cell(
                wording.write_measured(answer, pair) or "–",
                "since the fit" if getattr(pair, "since", 0) else "",
                order=pair.measured,
            ),
            Cell(words.percent(pair.share_above, 0), order=pair.share_above),
            Cell("–", items=items),
        ),
    )


def _before(pair: Any, at: int) -> Cell:
    moved = "unmoved" if pair.rank_before == at else f"rank {pair.rank_before:,}, now {at:,}"
    return Cell(wording.write_chance(pair.chance_before), moved, order=pair.chance_before)


def _name_cell(answer: Answer, pair: Any) -> Cell:
    if answer.about == "line":
        return Cell(cut(pair.drug_name), "" if pair.drug_name == pair.drug_id else cut(pair.drug_id))
    notes = [] if pair.line_name == pair.cell_line_id else [cut(pair.cell_line_id)]
    notes += [cut(pair.tissue)] if isinstance(pair.tissue, str) and pair.tissue not in ("", "unknown") else []
    return Cell(cut(pair.line_name), " · ".join(notes))


def _how_to_read(answer: Answer) -> str:
    if not answer.unit.is_logarithm:
        return f"A bar is where a measurement is expected, in {answer.unit.name}; low is sensitive."
    return (
        "A bar is where a measurement is expected, on the doses at which the drug was tested. Nothing beyond these "
        "doses is "
        "given a number, nor called sensitive: no assay has seen it."
    )


def _near(answer: Answer) -> Section | None:
    records = answer.near.assign(
        name=[cut(one) for one in answer.near["name"]], id=[cut(one) for one in answer.near["id"]]
    )
    if answer.about == "line":
        if records.empty:
            return None
        columns = {
            "name": Column("Line"),
            "id": Column("Id", "words"),
            "near": Column("Distance", digits=2),
            "measured": Column("Drugs measured", digits=0),
        }
        text = "The lines whose expression is most like it. 1 is the median distance between two training lines."
        return Section(
            "near", "The nearest lines", (text,), (Table.from_records("Lines", columns, records.to_dict("records")),)
        )
    if records.empty:
        return None
    columns = {
        "name": Column("Drug"),
        "id": Column("Id", "words"),
        "near": Column("Tanimoto similarity", digits=2),
        "measured": Column("Lines measured with both", digits=0),
        "correlation": Column("Rank correlation of responses", digits=2),
    }
    text = (
        "Other drugs of the most alike structure. Below a similarity of 0.4 two drugs are hardly more alike than any "
        "two; "
        "the rank correlation says whether the same lines respond to both."
    )
    return Section(
        "near", "The nearest other drugs", (text,), (Table.from_records("Drugs", columns, records.to_dict("records")),)
    )
