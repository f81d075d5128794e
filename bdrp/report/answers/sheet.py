"""An answer as a spreadsheet: a row a pair, what each column means, and how it looks in a workbook."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bdrp.files.workbook import Look
from bdrp.predictive.readable import round_significant
from bdrp.report.answers import wording
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.groups import NOT, SENSITIVE, UNKNOWN

FILLS: Final = {SENSITIVE: "CFE8DF", UNKNOWN: "FBE6CF", NOT: "E4E8EB"}
CHANGED: Final = {
    "chance_before": "The probability of being active as the model knew it from its fit alone, before its updates.",
    "rank_before": "The rank that it gave.",
    "measured_since_fit": "How many measurements of this very line and drug the updates hold.",
}
"""The columns of a model that was updated."""
KNOWN_BY: Final = ("rank", "cell_line_id", "drug_id", "answer", "chance_active", "in_words")
"""Columns by which an earlier answer is known."""


def tabulate(answer: Answer) -> pd.DataFrame:
    """The rows of the spreadsheet, in the order of the answer; numbers have three significant digits."""
    pairs, suffix, rows = answer.pairs, answer.unit.suffix, list(answer.pairs.itertuples(index=False))
    line = {"line_name": pairs["line_name"], "cell_line_id": pairs["cell_line_id"], "tissue": pairs["tissue"]}
    drug = {"drug_name": pairs["drug_name"], "drug_id": pairs["drug_id"]}
    first, last = (drug, line) if answer.about == "line" else (line, drug)
    read = answer.unit.read
    numbers = {
        f"predicted{suffix}": read(pairs["q50"]),
        f"low{suffix}": read(pairs["q05"]),
        f"high{suffix}": read(pairs["q95"]),
        f"active_below{suffix}": read(pairs["threshold"]),
        f"lowest_dose{suffix}": read(pairs["lower_limit"]),
        f"highest_dose{suffix}": read(pairs["upper_limit"]),
        f"measured{suffix}": read(pairs["measured"]),
    }
    if not answer.unit.is_logarithm:
        numbers = {name: values for name, values in numbers.items() if "dose" not in name}
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(pairs) + 1),
            **first,
            "answer": pairs["group"],
            "chance_active": pairs["chance"].round(3),
            **({} if answer.changes is None else _compare(pairs)),
            "in_words": [wording.write_prediction(answer, pair) for pair in rows],
            **{name: round_significant(values) for name, values in numbers.items()},
            "more_sensitive_than": pairs["share_above"].round(3),
            "measured_on_nearest_lines": [_join(wording.write_near_lines(answer, pair)) for pair in rows],
            "nearest_other_drugs": [_join(wording.write_near_drugs(answer, pair)) for pair in rows],
            **last,
        }
    )


def _compare(pairs: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "chance_before": pairs["chance_before"].round(3),
        "rank_before": pairs["rank_before"],
        "measured_since_fit": pairs["since"].astype(int),
    }


def look(answer: Answer) -> Look:
    """The legend of the workbook, what the answer was made of, and its colours."""
    suffix, unit = answer.unit.suffix, answer.unit.name
    doses = {
        f"lowest_dose{suffix}": f"The lowest dose at which the drug was tested, in {unit}.",
        f"highest_dose{suffix}": f"The highest dose at which the drug was tested, in {unit}.",
    }
    legend = {
        "rank": "1 is the surest to be active.",
        "answer": f"'{SENSITIVE}': active with a probability of {answer.sure:.0%} or more. '{NOT}': of "
        f"{1 - answer.sure:.0%} or less. '{UNKNOWN}': the model does not know.",
        "chance_active": f"The probability of being active; active means {answer.yardstick.meaning}.",
        **({} if answer.changes is None else CHANGED),
        "in_words": "The prediction in words; nothing beyond the tested doses is given a number.",
        f"predicted{suffix}": f"The median of the predicted {answer.measure}, in {unit}. Where it lies above "
        "highest_dose it is an extrapolation that no assay at these doses could confirm.",
        f"low{suffix}": f"A measurement lies between low and high with a probability of 90 %; in {unit}.",
        f"high{suffix}": "See low.",
        f"active_below{suffix}": f"The threshold of being active, in {unit}; never above the highest tested dose.",
        **(doses if answer.unit.is_logarithm else {}),
        f"measured{suffix}": f"What was measured of this very line and drug, in {unit}; empty where nothing was.",
        "more_sensitive_than": "The share of the lines measured with this drug that are less sensitive than predicted.",
        "measured_on_nearest_lines": f"The three lines of the most alike expression that were measured with this drug: "
        f"{answer.measure} in {unit}.",
        "nearest_other_drugs": "The three drugs of the most alike structure, with their Tanimoto similarity, and what "
        "was measured of them on this line.",
        "line_name": "The name of the cell line or sample; cell_line_id is its id.",
        "drug_name": "The name of the drug; drug_id is the id of its assay.",
        "tissue": "Where the line comes from.",
    }
    notes = {key: str(value) for key, value in (answer.sources or {}).items()}
    notes["For"] = "Research only. Cell lines in a dish; no decision about the treatment of any patient."
    formats = {"chance_active": "0.0%", "chance_before": "0.0%", "more_sensitive_than": "0%"}
    return Look(legend, notes, formats, {"answer": FILLS}, frozen=3)


def _join(near: list[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {response or 'not measured'}" for name, response in near)
