"""A card a pair: what was predicted, why it is asked about, and what a reviewer looks at beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bdrp.predictive import ReadableUnit
from bdrp.report import words
from bdrp.report.answers.axis import Axis
from bdrp.report.answers.doses import write_response
from bdrp.report.html.browsable import Bar, cut
from bdrp.report.review.evidence import Entries, Evidence
from bdrp.triage.reasons import MEANINGS, is_beyond_doses


@dataclass(frozen=True)
class Card:
    """What stands on the card of one pair; `ticks` are of the bar's axis, all other texts are to be read.

    Attributes:
        wrong: the chance that the call is wrong.
        order: the predicted mean, in the measure's unit.
        reasons: label and meaning.
        contributions: what, how much with its sign, and where its bar begins and how wide it is, 0 to 1.
    """

    rank: int
    drug_id: str
    drug: str
    line: str
    ids: str
    predicted: str
    interval: str
    unit: str
    call: str
    wrong: float
    order: float
    bar: Bar
    ticks: tuple[tuple[float, str], ...]
    reasons: tuple[tuple[str, str], ...]
    explanation: str
    near_lines: Entries
    near_drugs: Entries
    similar: str
    contributions: tuple[tuple[str, str, float, float], ...]
    changed: str


def make_card(pair: Any, axis: Axis, unit: ReadableUnit, evidence: Evidence) -> Card:
    """The card of one row of a queue."""
    low, middle, high, threshold = (
        write_response(value, pair.lower_limit, pair.upper_limit, unit)
        for value in (pair.q05, pair.q50, pair.q95, pair.threshold)
    )
    key = str(pair.cell_line_id), str(pair.drug_id)
    side = "sensitive" if pair.mean < pair.threshold else "not sensitive"
    if is_beyond_doses(pair.mean, pair.threshold, pair.upper_limit):
        side = "beyond the tested doses, and so not sensitive at any"
    codes = [code for code in str(pair.reasons or "").split(";") if code in MEANINGS]
    ids = [key[1] if pair.drug_name != pair.drug_id else "", key[0] if pair.line_name != pair.cell_line_id else ""]
    tissue = pair.tissue if isinstance(pair.tissue, str) and pair.tissue not in ("", "unknown") else ""
    return Card(
        int(pair.rank),
        key[1],
        cut(pair.drug_name),
        cut(pair.line_name),
        " · ".join(cut(one) for one in (*ids, tissue) if one),
        middle,
        f"{low} to {high}",
        unit.name,
        f"{side}: the threshold is {threshold} {unit.name}",
        float(pair.wrong_side_probability),
        float(pair.q50),
        axis.draw(pair, math.isfinite(pair.threshold)),
        axis.ticks,
        tuple((words.spaced(code), MEANINGS[code]) for code in codes),
        str(pair.explanation),
        evidence.near_lines.get(key, ()),
        evidence.near_drugs.get(key, ()),
        cut(pair.nearest_drugs or "", 200),
        _bars(evidence.contributions.get(key, ())),
        evidence.changed.get(key, ""),
    )


def _bars(steps: tuple[tuple[str, float], ...]) -> tuple[tuple[str, str, float, float], ...]:
    """Each contribution with its bar, on one axis over all sums from the first to the last."""
    ends, total = [], 0.0
    for _, value in steps:
        ends.append((total, total + value))
        total += value
    # The first step is where the sum begins, and has no length of its own.
    places = [(end, end) if at == 0 else (start, end) for at, (start, end) in enumerate(ends)]
    low = min((min(place) for place in places), default=0.0)
    span = max((max(place) for place in places), default=1.0) - low or 1.0
    return tuple(
        (cut(step, 40), words.signed(value), (min(place) - low) / span, abs(place[1] - place[0]) / span)
        for (step, value), place in zip(steps, places, strict=True)
    )
