"""What is said of one pair: its prediction, and what was measured near it. A pair is a row of `Answer.pairs`."""

from __future__ import annotations

import math
from typing import Any

from bdrp.report import words
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.doses import write_response


def write_interval(answer: Answer, pair: Any) -> tuple[str, str, str]:
    """The predicted median and both ends of the 90 % interval, none of them beyond the tested doses."""
    low, middle, high = (
        write_response(getattr(pair, name), pair.lower_limit, pair.upper_limit, answer.unit)
        for name in ("q05", "q50", "q95")
    )
    return middle, low, high


def write_prediction(answer: Answer, pair: Any) -> str:
    """The prediction in words: "IC50 0.0500 µM (90 %: 0.0200 to 0.400)", or "IC50 > 10 µM (90 %: 3.10 to > 10)"."""
    middle, low, high = write_interval(answer, pair)
    between = f"all of the 90 % interval {high}" if low == high else f"90 %: {low} to {high}"
    return f"{answer.measure} {middle} {answer.unit.name} ({between})"


def write_chance(chance: float) -> str:
    """A probability in whole per cent, never as a certainty.

    >>> [write_chance(chance).replace(chr(0x202F), " ") for chance in (0.999, 0.513, 0.0001, float("nan"))]
    ['> 99 %', '51 %', '< 1 %', '–']
    """
    if math.isnan(chance):
        return words.MISSING
    if chance > 0.99:
        return f"> {words.percent(0.99, 0)}"
    return f"< {words.percent(0.01, 0)}" if chance < 0.01 else words.percent(chance, 0)


def write_measured(answer: Answer, pair: Any) -> str:
    """What was measured of the pair itself; "" where nothing was."""
    return _measured(answer, str(pair.drug_id), pair.measured)


def write_near_lines(answer: Answer, pair: Any) -> list[tuple[str, str]]:
    """The nearest lines that were measured with the drug: the name of each, and its response."""
    names = answer.names["cell_line_id"]
    return [
        (str(names.get(one.key, one.key)), _measured(answer, str(pair.drug_id), one.response))
        for one in pair.near_lines
    ]


def write_near_drugs(answer: Answer, pair: Any) -> list[tuple[str, str]]:
    """The most similar other drugs: name with similarity, and their response on the line; "" where none is known."""
    names = answer.names["drug_id"]
    return [
        (f"{names.get(one.key, one.key)} ({one.near:.2f})", _measured(answer, one.key, one.response))
        for one in pair.near_drugs
    ]


def _measured(answer: Answer, drug: str, response: float) -> str:
    if math.isnan(response):
        return ""
    return write_response(response, *answer.doses.get(drug, (math.nan, math.nan)), answer.unit)
