"""The page of two drugs on a line, in one file."""

from __future__ import annotations

from typing import Any, Final

from bdrp.report import words
from bdrp.report.answers import groups
from bdrp.report.answers.asking import list_updates
from bdrp.report.answers.groups import GROUPS, NOT, SENSITIVE, UNKNOWN
from bdrp.report.answers.page import KEYS
from bdrp.report.answers.wording import write_chance
from bdrp.report.combinations.asking import Combinations
from bdrp.report.html.browsable import Bar, BrowsableColumn, BrowsableTable, Cell, Group, Row, cut
from bdrp.report.html.page import render
from bdrp.report.html.parts import Definition, Section, Summary, Tile

NO_SYNERGY: Final = (
    "Independent action: a pair does what the better of its two drugs does alone. Nothing was learned from "
    "combinations, and nothing here says of synergy or antagonism."
)
"""What the numbers are, to stand beside them wherever they are shown."""

MOST_ROWS: Final = 2_000
"""Pairs on the page, those that gain most; chosen: the drugs of a screen make 30,000, which nobody reads."""
WORTH_IT: Final = 0.05  # chosen: a gain that a reader would act on
_MARGIN: Final = 0.03  # of a bar's width, at each side; chosen: room for the median's dot and the ticks' labels


def render_page(found: Combinations) -> str:
    """The combinations as HTML, readable alone."""
    table, line = found.table.assign(group=groups.assign(found.table["chance"].to_numpy())), cut(found.line)
    shown = table.head(MOST_ROWS)
    return render(
        kicker="bdrp combine",
        beside="the workbook and the CSV file beside it hold",
        title=f"Which two drugs is {line} sensitive to?",
        subtitle=f"{words.count(len(table), 'pair')} of drugs, ranked by what the second drug adds to the better one.",
        summary=_summarise(found, line),
        tiles=(
            *(
                Tile(words.heading(group), f"{int((table['group'] == group).sum()):,}", "of the pairs")
                for group in GROUPS
            ),
            Tile("Gain 5 % and more", f"{int((table['gain'] >= WORTH_IT).sum()):,}", "of the pairs"),
        ),
        sections=(
            Section("pairs", "The pairs, ranked", _how_to_read(len(shown), len(table)), browsable=_browse(shown)),
            Section("words", "What the words mean", definitions=_define(found), open=True),
            Section("sources", "What this was made of", facts=_list_sources(found)),
        ),
    )


def _summarise(found: Combinations, line: str) -> Summary:
    best = found.table.iloc[0]
    a, b = cut(best["drug_a"], 40), cut(best["drug_b"], 40)
    alone, both = (words.percent(best[name], 0) for name in ("chance_a", "chance"))
    rises = f"the chance that one of the two is active rises from {alone} to {both}"
    if best["gain"] >= WORTH_IT:
        head = f"On {line}, {b} adds most: beside {a} {rises}."
    else:
        head = f"On {line} no second drug adds much: with {b} beside {a} {rises}, and with no other pair by more."
    left_out = f"Without a threshold, and left out: {', '.join(cut(one, 40) for one in found.left_out[:10])}."
    sentences = (f"Active means {found.active_means}.", NO_SYNERGY, *([left_out] if found.left_out else []))
    return Summary("fair" if best["gain"] >= WORTH_IT else "doubt", head, sentences)


def _how_to_read(shown: int, of: int) -> tuple[str, ...]:
    text = (
        "A bar is where the chance of the pair would be found if both experiments were repeated often; the dashed mark "
        "is the better drug alone."
    )
    return (text, *([f"The {shown:,} pairs that gain most of {of:,}."] if shown < of else []))


def _browse(table: Any) -> BrowsableTable:
    columns = (
        BrowsableColumn("Pair", "name"),
        BrowsableColumn("Answer", "group", "answer"),
        BrowsableColumn("The better alone", "number", "alone"),
        BrowsableColumn("The second alone", "number", "alone"),
        BrowsableColumn("The better of both", "number", "chance"),
        BrowsableColumn("90 % interval", "bar", "interval", sortable=False),
        BrowsableColumn("Gain", "number", "gain"),
    )
    meanings = {
        SENSITIVE: "One of the two would be found active with a probability of 90 % or more.",
        UNKNOWN: "Neither is sure. It may go either way: only a measurement tells.",
        NOT: "One of the two would be found active with a probability of 10 % or less.",
    }
    return BrowsableTable(
        "pairs-ranked",
        "pairs",
        columns,
        tuple(map(_row, table.itertuples(index=False))),
        tuple(Group(KEYS[group], group, meanings[group]) for group in GROUPS),
        tuple((_place(share), words.percent(share, 0)) for share in (0.0, 0.5, 1.0)),
        (("interval", "chance and 90 % interval"), ("threshold", "the better drug alone")),
    )


def _row(pair: Any) -> Row:
    bar = Bar(_place(pair.low), _place(pair.high), _place(pair.chance), threshold=_place(pair.chance_a))
    of_repeats = f"{write_chance(pair.low)} to {write_chance(pair.high)}"
    between = f"{write_chance(pair.gain_low)} to {write_chance(pair.gain_high)}"
    return Row(
        KEYS[pair.group],
        (
            Cell(_join(pair.drug_a, pair.drug_b), _join(pair.drug_id_a, pair.drug_id_b)),
            Cell(pair.group, order=GROUPS.index(pair.group)),
            Cell(write_chance(pair.chance_a), cut(pair.drug_a, 24), order=pair.chance_a),
            Cell(write_chance(pair.chance_b), cut(pair.drug_b, 24), order=pair.chance_b),
            Cell(write_chance(pair.chance), of_repeats, order=pair.chance),
            Cell(bar=bar),
            Cell(words.percent(pair.gain, 1), between, order=pair.gain),
        ),
    )


def _join(a: object, b: object) -> str:
    return f"{cut(a, 40)} + {cut(b, 40)}"


def _place(share: float) -> float:
    return _MARGIN + (1 - 2 * _MARGIN) * min(max(share, 0.0), 1.0)


def _define(found: Combinations) -> tuple[Definition, ...]:
    return (
        Definition("answer", "Answer", "What is sure of the better of the two: see the groups above the table."),
        Definition(
            "alone",
            "Alone",
            f"The probability that a measurement of one drug would find {found.active_means}. The better one is the "
            "likelier to be active.",
        ),
        Definition("chance", "The better of both", f"The probability that one of the two is active. {NO_SYNERGY}"),
        Definition(
            "interval",
            "90 % interval",
            "Repeats of both experiments would find the chance inside with a probability of 90 %: it holds what the "
            "model does not know of the line and of both drugs, and what each pair has of its own. "
            f"{found.repeats.describe()}",
        ),
        Definition(
            "gain",
            "Gain",
            "The chance of the better of both less that of the better one alone: what the second drug adds. Below it "
            "the 90 % interval.",
        ),
    )


def _list_sources(found: Combinations) -> tuple[tuple[str, Any], ...]:
    return tuple((found.sources | list_updates(found.updates)).items())
