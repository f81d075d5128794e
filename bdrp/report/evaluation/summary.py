"""The summary: what the report says before any metric, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bdrp.report.html.parts import Summary
from bdrp.report.words import count, number, percent

NEAR = 0.02  # chosen: two percentage points either way is what the project asks of its own default at 90 %
USEFUL_GAIN = 0.05  # chosen: an SD that lowers the RMSE of the surest tenth by less ranks nothing worth the name
FEWEST_PAIRS = 35  # chosen: with fewer, chance alone moves the coverage of 90 % intervals by more than ten points
FEWEST_RANKED = 100  # chosen: a tenth of fewer is under ten pairs, whose RMSE says nothing

_WHERE = {
    "pair": "of pairs that were held out, their drugs and cell lines known",
    "cell_line": "of cell lines that the model never saw",
    "drug": "to drugs that the model never saw",
    "scaffold": "to drugs whose scaffold the model never saw",
    "tissue": "of cell lines whose tissue the model never saw",
    "both": "of cell lines and to drugs that the model never saw",
    "assay": "to compounds that are new to their laboratory, which others in training may have measured",
    "file": "of the pairs that the split file sets aside",
}


@dataclass(frozen=True)
class Evidence:
    """The metrics that a summary rests on; None where one does not exist for these pairs."""

    pairs: int
    split: str
    unit: str
    measure: str
    coverage_90: float
    coverage_lower: float | None
    coverage_upper: float | None
    width_90: float
    rmse: float
    baseline_rmse: float | None
    surest_tenth_rmse: float | None
    baseline_tenth_rmse: float | None
    censored: float | None


def summarise(seen: Evidence) -> Summary:
    """Put the evidence into words."""
    nominal = abs(seen.coverage_90 - 0.9) <= NEAR
    better = seen.baseline_rmse is None or seen.rmse < seen.baseline_rmse
    sentences = (_width(seen), _accuracy(seen), _ranking(seen), _censored(seen), _few(seen))
    fair = nominal and better and seen.pairs >= FEWEST_PAIRS
    return Summary("fair" if fair else "doubt", _headline(seen, nominal), tuple(text for text in sentences if text))


def held_out_responses(split: str) -> str:
    """What the held-out responses are, by the name of the split: "responses of cell lines that the model never saw"."""
    return f"responses {_WHERE.get(split, 'of held-out pairs')}"


def _headline(seen: Evidence, nominal: bool) -> str:
    covered = f"90 % intervals cover {percent(seen.coverage_90)} of {seen.pairs:,} {held_out_responses(seen.split)}"
    if seen.pairs < FEWEST_PAIRS:
        return f"{covered}: too few to tell whether that is their nominal level."
    if nominal:
        return f"{covered}: they cover at their nominal level."
    if _chance_may_explain(seen):
        return f"{covered}: not their nominal level, though chance may explain it."
    if seen.coverage_90 < 0.9:
        return f"{covered}: they are too narrow, and the predictions too sure of themselves."
    return f"{covered}: they are too wide, and the predictions less sure than they could be."


def _chance_may_explain(seen: Evidence) -> bool:
    """Whether the interval of the coverage, cell lines and drugs resampled, holds 90 %."""
    known = seen.coverage_lower is not None and seen.coverage_upper is not None
    return known and float(seen.coverage_lower or 0) <= 0.9 <= float(seen.coverage_upper or 0)


def _width(seen: Evidence) -> str:
    text = f"The 90 % intervals are {number(seen.width_90, 2)} {seen.unit} wide on average"
    if seen.measure.startswith("ln_") and seen.width_90 < 20:
        text += f", from end to end a factor of {number(math.exp(seen.width_90), 0)} in concentration"
    return text + "."


def _accuracy(seen: Evidence) -> str:
    text = f"The predicted means are off by {number(seen.rmse, 2)} {seen.unit} (RMSE)"
    if seen.baseline_rmse is None:
        return text + "."
    change = 1 - seen.rmse / seen.baseline_rmse if seen.baseline_rmse > 0 else 0.0
    baseline = f"the mean-effects baseline (drug plus cell line), which is off by {number(seen.baseline_rmse, 2)}"
    if change <= 0:
        return f"{text}, no better than {baseline}: do not use them for anything that drug means could not do."
    return f"{text}, {percent(change, 0)} less than {baseline}."


def _ranking(seen: Evidence) -> str:
    if seen.surest_tenth_rmse is None or seen.pairs < FEWEST_RANKED or not seen.rmse > 0:
        return ""
    useful = 1 - seen.surest_tenth_rmse / seen.rmse >= USEFUL_GAIN
    ranks = "ranks errors" if useful else "does not tell good predictions from bad ones"
    text = f"The predicted SD {ranks}: among the tenth of pairs with the smallest SD the RMSE is "
    text += f"{number(seen.surest_tenth_rmse, 2)}, against {number(seen.rmse, 2)} for all"
    if seen.baseline_tenth_rmse is None:
        return f"{text}."
    return f"{text} and {number(seen.baseline_tenth_rmse, 2)} when ranked by nothing but each drug's usual error."


def _censored(seen: Evidence) -> str:
    if not seen.censored:
        return ""
    return (
        f"{percent(seen.censored, 0)} of these responses are censored: they lie outside the doses that were tested, "
        "and nobody observed what the curve fit extrapolated there. For those, the metrics say how well the fit is "
        "predicted, not the cell line's behaviour."
    )


def _few(seen: Evidence) -> str:
    if seen.pairs >= 200:
        return ""
    return (
        f"With {count(seen.pairs, 'pair')} every number here is rough; look at the chance bands before believing a "
        "difference."
    )
