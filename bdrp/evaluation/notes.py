"""Why a metric is missing or weak, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bdrp.evaluation.by_group import MIN_PAIRS
from bdrp.evaluation.observed import Observed
from bdrp.evaluation.point_metrics import MIN_WITHIN
from bdrp.evaluation.simulated import SimulatedResponses
from bdrp.predictive import PredictiveDistribution


def notes(pred: PredictiveDistribution, seen: Observed, simulated: SimulatedResponses) -> list[str]:
    """One sentence for each thing that the reader of the metrics should know."""
    return [
        *_about_responses(pred, seen),
        *_about_columns(seen),
        *_about_limits(seen),
        *_about_size(pred, seen, simulated),
    ]


def _about_responses(pred: PredictiveDistribution, seen: Observed) -> Iterator[str]:
    if len(seen.response) > 1 and np.ptp(seen.response) == 0:
        yield "All responses are equal: R2 and correlations are not defined."
    if len(pred) > 1 and np.ptp(pred.mean) == 0:
        yield "All predicted means are equal: correlations are not defined."
    if len(pred) > 1 and np.ptp(pred.std) == 0:
        yield "All predicted SDs are equal: they rank nothing, and correlations with the error are not defined."
    if np.all(pred.mean == seen.response):
        yield "Every prediction hits its response exactly: shares of the squared error are not defined."


def _about_columns(seen: Observed) -> Iterator[str]:
    missing = int(np.sum(~np.isfinite(seen.mean_effects)))
    if missing:
        yield (
            f"The mean-effects prediction is unknown for {missing} of {len(seen.response)} pairs: "
            "the mean-effects baseline and the normalised correlation are not given."
        )
    unknown = int(np.sum(np.isnan(seen.lower_limit) & np.isnan(seen.upper_limit)))
    if unknown:
        yield f"The dose limits of {unknown} of {len(seen.response)} pairs are unknown; these count as observed."
    nowhere = int(np.sum(seen.tissues == "unknown"))
    if nowhere:
        yield f"The tissue of {nowhere} of {len(seen.response)} pairs is unknown."


def _about_limits(seen: Observed) -> Iterator[str]:
    known = ~np.isnan(seen.upper_limit)
    if not known.all():
        yield (
            f"The upper limit of {np.sum(~known)} of {len(known)} pairs is unknown: "
            "they are left out of the metrics of right-censored responses (beyond the highest dose)."
        )
    if known.any() and seen.above[known].min() == seen.above[known].max():
        yield (
            f"{'Every' if seen.above[known].all() else 'No'} response lies beyond its highest dose: "
            "AUROC is not defined, and the Brier score has little to tell."
        )


def _about_size(pred: PredictiveDistribution, seen: Observed, simulated: SimulatedResponses) -> Iterator[str]:
    n = len(seen.response)
    if n == 1:
        yield "There is one pair: correlations, R2 and intervals of coverage are not defined."
    if seen.cell_lines.nunique() == 1 or seen.drugs.nunique() == 1:
        yield "There is one cell line or one drug only: how metrics vary between lines and drugs cannot be seen."
    sizes = np.bincount(seen.drug_codes)
    if sizes.max() < MIN_WITHIN:
        yield f"No drug has {MIN_WITHIN} pairs: correlations within drugs are not given."
    elif np.all(pd.Series(pred.mean).groupby(seen.drug_codes).transform("std").fillna(0) < 1e-12):
        yield "The predicted mean is the same for all pairs of a drug: correlations within drugs are not defined."
    if sizes.max() < MIN_PAIRS:
        yield f"No drug has {MIN_PAIRS} pairs: drugs are not ranked by calibration, nor errors within drugs."
    if len(simulated.rows) < n:
        yield f"What chance makes of ENCE and of the rankings was simulated on {len(simulated.rows)} of {n} pairs."
    yield (
        "Chance values (null, if_calibrated) take pairs as independent; pairs of one cell line or one drug err "
        "together, so a calibrated model can stray somewhat further."
    )
