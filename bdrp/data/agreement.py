"""Inter-laboratory concordance: how well two screens agree on the same pairs, which bounds any transfer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.screen import Screen, is_censored
from bdrp.errors import DataError

FEWEST: Final = 20
"""Pairs of a drug from which its own correlation is counted; chosen: its standard error is then about 0.2."""


@dataclass(frozen=True)
class AgreementMetrics:
    """What two screens say of N pairs, x in the first and y in the second; each the mean of its replicates.

    Attributes:
        pairs, lines, drugs: how many of each.
        pearson, spearman: over all pairs; NaN below two pairs, or where one side is constant. Differences between
            drugs make up most of it.
        within_drug_pearson, within_drug_spearman: the median over drugs with `FEWEST` pairs; NaN where there is none.
        rmse: root mean (x - y)^2, in the measure's unit.
        bias: mean x - y.
        noise_sd: SD(x - y) / sqrt(2), the noise of one laboratory if both have as much; drug-wise offsets included.
        within_drug_noise_sd: the same, of x - y less each drug's mean of it.
    """

    pairs: int
    lines: int
    drugs: int
    pearson: float
    spearman: float
    within_drug_pearson: float
    within_drug_spearman: float
    rmse: float
    bias: float
    noise_sd: float
    within_drug_noise_sd: float


@dataclass(frozen=True)
class Agreement:
    """Two harmonised screens on the pairs that both measured.

    A model that learned the first perfectly, noise and all, would correlate with the second as the first does: with
    `pearson`. One that learned what both share could reach sqrt(`pearson`), if both are equally noisy (Spearman, Am.
    J. Psychol. 1904, 15, 72). A transfer that scores clearly above the latter has probably seen the second.

    Attributes:
        first, second: the screens' names.
        measure: what was compared, and `unit` its unit.
        every: all pairs.
        observed: the pairs that neither screen extrapolated or capped; None where no limits are known.
        by_drug: a row a drug (structure key): name, pairs, pearson, spearman, bias.
        table: a row a pair: cell_line_id, drug_id, first, second, extrapolated.
    """

    first: str
    second: str
    measure: str
    unit: str
    every: AgreementMetrics
    observed: AgreementMetrics | None
    by_drug: pd.DataFrame
    table: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """The metrics, ready for JSON."""
        summary = {"first": self.first, "second": self.second, "measure": self.measure, "unit": self.unit}
        return {**summary, "every": asdict(self.every), "observed": asdict(self.observed) if self.observed else None}


def measure_agreement(first: Screen, second: Screen) -> Agreement:
    """Compare two screens of `harmonise`.

    Raises:
        DataError: they are in different measures, or share no pair.
    """
    if first.measure.name != second.measure.name:
        raise DataError(
            f"{first.name} is in {first.measure.name} and {second.name} in {second.measure.name}. One measure is "
            "needed; bring them to one with harmonise."
        )
    table = _pairs(first).merge(_pairs(second), on=["cell_line_id", "drug_id"], suffixes=("_first", "_second"))
    if table.empty:
        raise DataError(
            f"{first.name} and {second.name} share no pair of line and drug. Shared ids are needed; bring them to "
            "shared keys with harmonise, and see its report."
        )
    beyond = table.pop("beyond_first") | table.pop("beyond_second")
    limited = bool(table.pop("limited_first").any() or table.pop("limited_second").any())
    table = table.rename(columns={"response_first": "first", "response_second": "second"}).assign(extrapolated=beyond)
    observed = _metrics(table[~table["extrapolated"]]) if limited and not table["extrapolated"].all() else None
    by_drug = _by_drug(table)
    by_drug.insert(0, "name", first.drugs["name"].reindex(by_drug.index))
    measure = first.measure
    return Agreement(first.name, second.name, measure.name, measure.unit, _metrics(table), observed, by_drug, table)


def _pairs(screen: Screen) -> pd.DataFrame:
    """A row a pair: the mean response, whether any replicate lies beyond a limit, and whether one has a limit."""
    rows = screen.responses
    rows["beyond"] = is_censored(rows)
    rows["limited"] = rows["upper_limit"].notna() | rows["lower_limit"].notna()
    summary = {"response": "mean", "beyond": "any", "limited": "any"}
    return rows.groupby(["cell_line_id", "drug_id"], as_index=False).agg(summary)


def _metrics(table: pd.DataFrame) -> AgreementMetrics:
    difference = table["first"] - table["second"]
    centred = difference - difference.groupby(table["drug_id"]).transform("mean")
    drugs = _by_drug(table)
    enough = drugs[drugs["pairs"] >= FEWEST]
    free = len(table) - len(drugs)  # a mean was taken out of each drug
    return AgreementMetrics(
        pairs=len(table),
        lines=int(table["cell_line_id"].nunique()),
        drugs=len(drugs),
        pearson=_correlation(table, "pearson"),
        spearman=_correlation(table, "spearman"),
        within_drug_pearson=float(enough["pearson"].median()),
        within_drug_spearman=float(enough["spearman"].median()),
        rmse=float(np.sqrt((difference**2).mean())),
        bias=float(difference.mean()),
        noise_sd=float(difference.std() / np.sqrt(2)),
        within_drug_noise_sd=float(np.sqrt((centred**2).sum() / free / 2)) if free else float("nan"),
    )


def _by_drug(table: pd.DataFrame) -> pd.DataFrame:
    """Pairs, pearson, spearman and bias of each drug, by drug_id."""
    rows = {
        drug: {
            "pairs": len(own),
            "pearson": _correlation(own, "pearson"),
            "spearman": _correlation(own, "spearman"),
            "bias": float((own["first"] - own["second"]).mean()),
        }
        for drug, own in table.groupby("drug_id")
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("drug_id")


def _correlation(table: pd.DataFrame, method: str) -> float:
    """Pearson's or Spearman's correlation; NaN where a side does not vary."""
    from scipy import stats

    x, y = table["first"].to_numpy(), table["second"].to_numpy()
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float((stats.pearsonr if method == "pearson" else stats.spearmanr)(x, y).statistic)
