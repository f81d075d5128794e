"""The page of an answer, in one file."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.answers import definitions, wording
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.axis import Axis
from bdrp.report.answers.groups import GROUPS, NOT, SENSITIVE, UNKNOWN
from bdrp.report.answers.yardsticks import HIGHEST_DOSE
from bdrp.report.html.browsable import BrowsableColumn, BrowsableTable, Cell, Group, Row, cut
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary, Tile
from bdrp.report.html.table import Column, Table

KEYS: Final = {SENSITIVE: "sensitive", UNKNOWN: "unknown", NOT: "not"}
NAMED: Final = 3  # in a sentence
UNLIKE: Final = 0.95  # chosen, as in `triage.Policy`: further from training lines than nearly all of these are
ENOUGH_CLAIMS: Final = 20  # chosen: a share of fewer says little


def render_page(answer: Answer) -> str:
    """The answer as HTML, readable alone."""
    name = cut(answer.name)
    title = (
        f"Which drugs is {name} sensitive to?" if answer.about == "line" else f"Which lines are sensitive to {name}?"
    )
    ranked = _count(answer, len(answer.pairs))
    return render(
        kicker="bdrp answer",
        beside="the workbook and the CSV file beside it hold",
        title=title,
        subtitle=f"{ranked}, the surest to be active first. Predicted {answer.measure}, {answer.unit.name}.",
        summary=_summary(answer),
        tiles=_tiles(answer),
        sections=tuple(section for section in _sections(answer) if section is not None),
    )


def _sections(answer: Answer) -> tuple[Section | None, ...]:
    facts = tuple((name, value) for name, value in (answer.sources or {}).items())
    return (
        Section("answer", f"The {_noun(answer)}, ranked", (_how_to_read(answer),), browsable=browse(answer)),
        _near(answer),
        Section("words", "What the words mean", definitions=definitions.define(answer), open=True),
        Section("sources", "What this was made of", facts=facts),
    )


def browse(answer: Answer) -> BrowsableTable:
    """The table of the page."""
    axis, unit = Axis.of(answer), answer.unit.name
    marks_threshold = answer.yardstick.name != HIGHEST_DOSE
    first = "Drug" if answer.about == "line" else "Line"
    columns = (
        BrowsableColumn(first, "name"),
        BrowsableColumn("Answer", "group", "answer"),
        BrowsableColumn("Chance of being active", "number", "chance"),
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
    rows = tuple(_row(answer, axis, pair, marks_threshold) for pair in answer.pairs.itertuples(index=False))
    return BrowsableTable(
        "ranked",
        _noun(answer),
        columns,
        rows,
        tuple(Group(KEYS[group], group, definitions.mean(answer, group)) for group in GROUPS),
        axis.ticks,
        tuple(mark for mark in legend if mark[0] not in hidden),
    )


def _row(answer: Answer, axis: Axis, pair: Any, marks_threshold: bool) -> Row:
    middle, low, high = wording.write_interval(answer, pair)
    near = [(cut(name, 40), response) for name, response in wording.write_near_lines(answer, pair)]
    other = [(cut(name, 40), response or "–") for name, response in wording.write_near_drugs(answer, pair)]
    items = tuple((label, tuple(found)) for label, found in (("Lines", near), ("Drugs", other)) if found)
    share = "–" if pd.isna(pair.share_above) else words.percent(pair.share_above, 0)
    chance = "–" if pd.isna(pair.chance) else write_chance(pair.chance)
    return Row(
        KEYS[pair.group],
        (
            _name_cell(answer, pair),
            Cell(pair.group, order=GROUPS.index(pair.group)),
            Cell(chance, order=pair.chance),
            Cell(middle, f"{low} to {high}", order=pair.q50),
            Cell(bar=axis.draw(pair, marks_threshold)),
            Cell(wording.write_measured(answer, pair) or "–", order=pair.measured),
            Cell(share, order=pair.share_above),
            Cell("–", items=items),
        ),
    )


def write_chance(chance: float) -> str:
    """A probability in whole per cent, never as a certainty.

    >>> write_chance(0.999), write_chance(0.513).replace(chr(0x202F), " "), write_chance(0.0001)[0]
    ('> 99\\u202f%', '51 %', '<')
    """
    if chance > 0.99:
        return f"> {words.percent(0.99, 0)}"
    return f"< {words.percent(0.01, 0)}" if chance < 0.01 else words.percent(chance, 0)


def _name_cell(answer: Answer, pair: Any) -> Cell:
    if answer.about == "line":
        return Cell(cut(pair.drug_name), "" if pair.drug_name == pair.drug_id else cut(pair.drug_id))
    notes = [] if pair.line_name == pair.cell_line_id else [cut(pair.cell_line_id)]
    notes += [cut(pair.tissue)] if isinstance(pair.tissue, str) and pair.tissue not in ("", "unknown") else []
    return Cell(cut(pair.line_name), " · ".join(notes))


def _summary(answer: Answer) -> Summary:
    counts, pairs, name = answer.counts(), answer.pairs, cut(answer.name)
    sure = pairs[pairs["group"] == SENSITIVE]
    called = "drug_name" if answer.about == "line" else "line_name"
    first = ", ".join(cut(one, 40) for one in sure[called].head(NAMED))
    more = f" and {len(sure) - NAMED:,} more" if len(sure) > NAMED else ""
    where = f"on {name}" if answer.about == "line" else f"to {name}"
    if sure.empty:
        headline = (
            f"No {_noun(answer)[:-1]} is sure to be {'active' if answer.about == 'line' else 'sensitive'} {where}."
        )
    elif answer.about == "line":
        headline = f"{_count(answer, len(sure))} {_are(len(sure))} sure to be active on {name}: {first}{more}."
    else:
        headline = f"{_count(answer, len(sure))} {_are(len(sure))} sure to be sensitive to {name}: {first}{more}."
    sentences = [
        f"Active means {answer.yardstick.meaning}. {_count(answer, counts[NOT])} {_are(counts[NOT])} sure not to be; of "
        f"{counts[UNKNOWN]:,} the model does not know: measure {'it' if counts[UNKNOWN] == 1 else 'them'}.",
        *_cautions(answer),
    ]
    return Summary("doubt" if sure.empty or len(sentences) > 1 else "fair", headline, tuple(sentences))


def _cautions(answer: Answer) -> list[str]:
    pairs, cautions = answer.pairs, []
    far = pairs["line_distance_percentile"] > UNLIKE
    if far.all():
        cautions.append(
            "By expression the line is further from all that the model was trained on than nearly all of those are from each other."
            if answer.about == "line"
            else "All of the lines are unlike any that the model was trained on."
        )
    doses = int(pairs.drop_duplicates("drug_id")["upper_limit"].isna().sum())
    if answer.unit.is_logarithm and doses:
        cautions.append(
            f"The tested doses of {words.count(doses, 'drug')} are not known: whether a prediction lies beyond "
            "them cannot be told."
        )
    capped = pairs["drug_id"].isin(answer.yardstick.capped)
    if capped.any():
        cautions.append(
            f"For {words.count(int(pairs.loc[capped, 'drug_id'].nunique()), 'drug')} the yardstick lies above the "
            "highest tested dose; active then means below that dose."
        )
    return cautions


def _tiles(answer: Answer) -> tuple[Tile, ...]:
    counts, record = answer.counts(), answer.record
    what = "of this line's drugs" if answer.about == "line" else "of this drug's lines"
    tiles = [Tile(words.heading(group), f"{counts[group]:,}", what) for group in GROUPS]
    if record is not None:
        for label, right, claims in (
            (f"Right when “{SENSITIVE}”", record.sensitive_right, record.sensitive),
            (f"Right when “{NOT}”", record.others_right, record.others),
        ):
            if claims >= ENOUGH_CLAIMS:
                tiles.append(
                    Tile(
                        label,
                        words.percent(right / claims, 0),
                        f"of {claims:,} such answers, held out by {record.held_out}",
                    )
                )
    measured = int(answer.pairs["measured"].notna().sum())
    tiles.append(Tile("Measured already", f"{measured:,}", f"of {len(answer.pairs):,} pairs"))
    return tuple(tiles)


def _how_to_read(answer: Answer) -> str:
    if not answer.unit.is_logarithm:
        return f"A bar is where a measurement is expected, in {answer.unit.name}; low is sensitive."
    return (
        "A bar is where a measurement is expected, on the doses at which the drug was tested. Nothing beyond these doses is "
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
        "Other drugs of the most alike structure. Below a similarity of 0.4 two drugs are hardly more alike than any two; "
        "the rank correlation says whether the same lines respond to both."
    )
    return Section(
        "near", "The nearest other drugs", (text,), (Table.from_records("Drugs", columns, records.to_dict("records")),)
    )


def _noun(answer: Answer) -> str:
    return "drugs" if answer.about == "line" else "lines"


def _count(answer: Answer, many: int) -> str:
    return words.count(many, _noun(answer)[:-1])


def _are(many: int) -> str:
    return "is" if many == 1 else "are"
