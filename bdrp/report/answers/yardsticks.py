"""What counts as active: a response below a threshold of the drug's own, never above its highest tested dose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution, ReadableUnit
from bdrp.predictive.distribution import Floats
from bdrp.report import words
from bdrp.report.answers import concentrations

HIGHEST_DOSE: Final = "highest_dose"
QUANTILE: Final = "quantile"
SHARE: Final = 0.1  # chosen, as in `triage.Policy`: a drug is of interest for about one line in ten
ENOUGH: Final = 10  # lines; chosen: of fewer no tenth can be told


@dataclass(frozen=True)
class Yardstick:
    """Which responses count as active.

    Attributes:
        name: what was asked for.
        thresholds: by drug_id, in the measure's unit; NaN where there is none.
        meaning: when a response is active, to stand behind "active means".
        capped: drugs whose threshold would lie above their highest tested dose, and was taken down to it.
    """

    name: str
    thresholds: pd.Series
    meaning: str
    capped: tuple[str, ...] = ()


def choose(
    name: str | None,
    *,
    unit: ReadableUnit,
    highest: pd.Series,
    responses: pd.DataFrame,
    drug_names: pd.Series,
    share: float = SHARE,
    table: Path | None = None,
) -> Yardstick:
    """The yardstick of that name.

    Args:
        name: highest_dose, quantile, or a column of `table`; None takes the highest dose where responses are
            concentrations and any is known, else the quantile.
        unit: of the responses.
        highest: by drug_id, the highest tested dose in the measure's unit, NaN where not known.
        responses: cell_line_id, drug_id, response: what the quantile is of.
        drug_names: by drug_id.
        share: of a drug's lines that lie below its quantile.
        table: with a drug's id or name, and concentrations, a column each.

    Raises:
        DataError: there is no such yardstick for these responses, or no drug has it.
    """
    chosen = name or (HIGHEST_DOSE if unit.is_logarithm and highest.notna().any() else QUANTILE)
    if chosen != QUANTILE and not unit.is_logarithm:
        raise DataError(
            f"The yardstick {chosen!r} is a concentration, and responses are in {unit.name or 'no known unit'}. "
            f"Allowed for these is {QUANTILE}. Take it, or a model of ln IC50."
        )
    if chosen == HIGHEST_DOSE:
        return _highest_dose(highest)
    if chosen == QUANTILE:
        return _own_quantile(responses, highest, drug_names, share)
    return _concentration(chosen, table, highest, drug_names)


def find_chances(distribution: PredictiveDistribution, yardstick: Yardstick) -> Floats:
    """(N,) the probability of a response below the threshold; NaN where there is none."""
    thresholds = yardstick.thresholds.reindex(distribution.keys["drug_id"]).to_numpy(dtype=float)
    known = np.isfinite(thresholds)
    chance = np.full(len(thresholds), np.nan)
    chance[known] = distribution[known].cdf(thresholds[known])
    return chance


def _highest_dose(highest: pd.Series) -> Yardstick:
    if highest.isna().all():
        raise DataError(
            "The highest tested dose of no drug is known, so nothing can be called active below it. Allowed: drugs "
            f"with max_conc_um, or the yardstick {QUANTILE} or a column of concentrations. Add the doses, or choose "
            "another."
        )
    return Yardstick(HIGHEST_DOSE, highest, "a response below the drug's highest tested dose")


def _own_quantile(responses: pd.DataFrame, highest: pd.Series, drug_names: pd.Series, share: float) -> Yardstick:
    if not 0 < share < 1:
        raise DataError(f"The share is {share!r}. It must lie between 0 and 1, such as 0.1 for a tenth of the lines.")
    by_line = responses.groupby(["drug_id", "cell_line_id"])["response"].mean().groupby("drug_id")
    quantiles = by_line.quantile(share).where(by_line.size() >= ENOUGH).reindex(drug_names.index)
    if quantiles.isna().all():
        raise DataError(
            f"No drug has responses of {ENOUGH} lines, so none has a quantile of its own. Allowed: more lines, or "
            f"the yardstick {HIGHEST_DOSE}. Give the screen that was measured, or choose another yardstick."
        )
    meaning = f"a response among the most sensitive {words.percent(share, 0)} of the drug's own lines"
    return _capped(QUANTILE, quantiles, highest, meaning)


def _concentration(column: str, path: Path | None, highest: pd.Series, drug_names: pd.Series) -> Yardstick:
    if path is None:
        raise DataError(
            f"The yardstick {column!r} is neither {HIGHEST_DOSE} nor {QUANTILE}, and there is no table of "
            "concentrations whose column it could be. Allowed: one of the two, or a column of a table with a row a "
            "drug. Give the table too."
        )
    known = concentrations.read(path, column, drug_names)
    return _capped(column, known, highest, f"a response below the drug's {column}, a concentration that was given")


def _capped(name: str, thresholds: pd.Series, highest: pd.Series, meaning: str) -> Yardstick:
    """Thresholds no higher than the highest tested dose: what lies beyond it no assay has seen."""
    limit = highest.reindex(thresholds.index)
    above = thresholds > limit
    return Yardstick(name, thresholds.where(~above, limit), meaning, tuple(map(str, thresholds.index[above])))
