"""A baseline for labelled pairs of a target: each drug's mean residual, drawn to that of all (empirical Bayes).

For pair i of drug j the response less the predicted mean is r = m + d[j] + e, d ~ Normal(0, T^2), e ~ Normal(0, S^2),
with T and S of highest restricted likelihood (Patterson & Thompson 1971) and m its best linear unbiased estimate (a
one-way model of random effects). A drug of n labelled pairs is moved by m + n T^2 / (n T^2 + S^2) times its mean
deviation, one without any by m. Of the model it takes the mean alone; lines, doses and what the model does not know it
takes no note of. One labelled drug says nothing of T, which is then taken for `SINGLE` of the residuals' SD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

from bdrp.predictive.distribution import Floats, Scalable

ROUNDS: Final = 10  # chosen: of expectation-maximisation; offsets then move by less than a hundredth of an SD
SINGLE: Final = 1.0  # chosen: where T begins, and stays where nothing is known of it


@dataclass(frozen=True)
class DrugOffsets:
    """Offsets of drugs in the measure's unit.

    Attributes:
        overall: m. overall_std: its standard error. between: T. within: S.
        by_drug: index drug_id; offset d and the variance of m + d, of the drugs with labelled pairs.
    """

    overall: float
    overall_std: float
    between: float
    within: float
    by_drug: pd.DataFrame

    def __call__(self, pred: Scalable) -> Scalable:
        """The prediction with the drugs' offsets, and with their deviations and the residuals' for its SDs."""
        known = self.by_drug.reindex(pred.keys["drug_id"])
        offset = known["offset"].fillna(0.0).to_numpy()
        variance = known["variance"].fillna(self.between**2 + self.overall_std**2).to_numpy()
        within = np.full(len(pred), self.within)
        return pred.with_moments(pred.mean + self.overall + offset, within, np.sqrt(variance))

    def parameters(self) -> dict[str, Any]:
        """Overall offset, and SDs between drugs and within one."""
        return {"offset": self.overall, "between_drugs": self.between, "within_drug": self.within}


def fit_drug_offsets(pred: Scalable, response: Floats, side: Floats) -> DrugOffsets:
    """Fit the offsets to labelled pairs.

    Args:
        pred: what is predicted for them, n of them, at least 2.
        response: (n,) what was measured, of a capped pair the cap.
        side: (n,) 1 where a cap lies below the true response, -1 where above, 0 where it was measured. Capped ones are
            imputed by expectation-maximisation.
    """
    labels, residual = pred.keys["drug_id"], response - pred.mean
    expected, spare = residual.copy(), np.zeros(len(residual))  # of each residual: its mean and its variance
    for _ in range(ROUNDS if side.any() else 1):
        found = _random_effects(expected, spare, labels)
        expected, spare = _impute(found, residual, side, labels)
    return found


def _random_effects(residual: Floats, spare: Floats, labels: pd.Series) -> DrugOffsets:
    drug, names = pd.factorize(labels)
    size = np.bincount(drug).astype(np.float64)
    mean = np.bincount(drug, weights=residual) / size
    left = float(np.sum((residual - mean[drug]) ** 2) + spare.sum())
    whole = max(float(np.sqrt(residual.var() + spare.mean())), 1e-6)

    def level(between: float, within: float) -> tuple[float, Floats]:
        precision = size / (size * between + within)  # of each drug's mean about the level
        return float(precision @ mean / precision.sum()), precision

    def loss(logs: Floats) -> float:
        between, within = np.exp(2 * logs)
        overall, precision = level(between, within)
        inside = (len(residual) - len(size)) * np.log(within) + left / within
        across = np.log(precision.sum()) - np.log(precision).sum() + precision @ (mean - overall) ** 2
        return float(0.5 * (inside + across))

    bounds = [(np.log(1e-3 * whole), np.log(10 * whole)), (np.log(1e-2 * whole), np.log(10 * whole))]
    logs = minimize(loss, np.log([SINGLE * whole, 0.8 * whole]), method="L-BFGS-B", bounds=bounds).x
    between, within = np.exp(2 * logs)
    overall, precision = level(between, within)
    kept, spread = between * precision, 1 / precision.sum()
    columns = {"offset": kept * (mean - overall), "variance": between * (1 - kept) + (1 - kept) ** 2 * spread}
    overall_std, between_std, within_std = map(float, np.sqrt([spread, between, within]))
    return DrugOffsets(overall, overall_std, between_std, within_std, pd.DataFrame(columns, index=pd.Index(names)))


def _impute(found: DrugOffsets, residual: Floats, side: Floats, labels: pd.Series) -> tuple[Floats, Floats]:
    """Mean and variance of every residual, that of a capped one given that it lies beyond its cap."""
    known = found.by_drug.loc[labels]
    centre, variance = found.overall + known["offset"].to_numpy(), known["variance"].to_numpy() + found.within**2
    scale = np.sqrt(variance)
    z = side * (centre - residual) / scale
    ratio = np.exp(norm.logpdf(z) - norm.logcdf(z))
    capped = side != 0
    mean = np.where(capped, centre + side * scale * ratio, residual)
    return mean, np.where(capped, variance * np.maximum(1 - ratio * (z + ratio), 0.0), 0.0)
