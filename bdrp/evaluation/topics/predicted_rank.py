"""Are the lines that one would choose for a drug predicted as well as the others?

Who acts on predictions takes the lines that look most sensitive, and so those whose errors make them look so: means
that are shrunken too little disappoint there first, however right they are on average (the optimizer's curse; Smith and
Winkler 2006, doi:10.1287/mnsc.1050.0451). A model whose distributions are true has no such fault: given what was
predicted, its bias is 0 and its coverage nominal at every rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.evaluation.bands import binomial_band, resampled_means
from bdrp.evaluation.curves import covered, is_single_line_and_drug
from bdrp.evaluation.observed import Bools, Floats, Ints, Observed
from bdrp.evaluation.point_metrics import MIN_WITHIN, ranks
from bdrp.evaluation.topics import Topic
from bdrp.predictive import PredictiveDistribution

TENTHS = 10
LEVEL = 0.9
SIMULATED = 10  # chosen: hits of a tenth of the pairs, ten times over, are as many as there are pairs
INTERVALS = ("coverage_90", "bias", "hit_rate")
METRICS = (
    *("coverage_90", "coverage_90_lower", "coverage_90_upper", "bias", "bias_lower", "bias_upper", "width_90"),
    *("hit_rate", "hit_rate_lower", "hit_rate_upper", "hit_rate_if_calibrated"),
)


def score(pred: PredictiveDistribution, observed: Observed, seed: int) -> Topic:
    """Coverage, bias and hits by rank of the predicted mean within its drug, as `by_predicted_rank`, a row a tenth.

    A hit is a response that is itself among the tenth of its drug's most sensitive ones. Ranked are the pairs of drugs
    with at least 10; `null_lower` and `null_upper` hold the coverage of all tenths in 95 % of samples of a calibrated
    model with independent pairs, `_lower` and `_upper` 95 % of what cell lines and drugs, resampled, make of a tenth.
    """
    sizes = np.bincount(observed.drug_codes)
    ranked = sizes[observed.drug_codes] >= MIN_WITHIN
    tenth = np.where(ranked, predicted_tenth(pred.mean, observed.drug_codes), TENTHS)
    table = _by_tenth(_rows(pred, observed, seed), tenth, observed, seed)
    chosen = table[table["tenth"] == 1]
    found: dict[str, Any] = {"drugs": int(np.sum(sizes >= MIN_WITHIN)), "pairs": int(chosen["n"].sum())}
    found |= {name: float(chosen[name].iloc[0]) if len(chosen) else float("nan") for name in METRICS}
    return Topic(found, {"by_predicted_rank": table}, () if len(chosen) else (_why_not(ranked),))


def predicted_tenth(values: Floats, drugs: Ints) -> Ints:
    """The tenth of its drug's values in which each lies, the lowest 0, (N,); those that are equal lie together."""
    return np.asarray(TENTHS * (ranks(values, drugs) - 0.5) // np.bincount(drugs)[drugs], dtype=np.intp)


def _rows(pred: PredictiveDistribution, observed: Observed, seed: int) -> pd.DataFrame:
    """What is averaged over tenths, a row a pair."""
    y, drugs, interval = observed.response, observed.drug_codes, pred.interval(LEVEL)
    # A seed of its own: responses that a user drew with the same seed must not come back as their own null.
    drawn = pred.sample(SIMULATED, int(np.random.default_rng(seed).integers(2**32)))
    columns = {
        "coverage_90": covered(interval, y),
        "bias": pred.mean - y,
        "hit_rate": predicted_tenth(y, drugs) == 0,
        "hit_rate_if_calibrated": np.mean([predicted_tenth(each, drugs) == 0 for each in drawn], axis=0),
        "width_90": interval[:, 1] - interval[:, 0],
    }
    return pd.DataFrame(columns).astype(np.float64)


def _by_tenth(rows: pd.DataFrame, tenth: Ints, observed: Observed, seed: int) -> pd.DataFrame:
    places = [k for k in range(TENTHS) if np.any(tenth == k)]
    means = [rows[tenth == k].mean().to_dict() | _known(rows, tenth == k, observed, seed) for k in places]
    table = pd.DataFrame(means, columns=list(METRICS))
    table.insert(0, "tenth", np.array(places, dtype=np.intp) + 1)
    table.insert(1, "n", np.bincount(tenth, minlength=TENTHS)[places])
    low, high = binomial_band(table["n"].to_numpy(), np.full(len(table), LEVEL), seed) if places else ((), ())
    return table.assign(null_lower=low, null_upper=high)


def _known(rows: pd.DataFrame, chosen: Bools, observed: Observed, seed: int) -> dict[str, float]:
    """The 95 % interval of each mean over the chosen pairs, cell lines and drugs resampled; nan if neither varies."""
    ends: npt.NDArray[np.float64] = np.full((2, len(INTERVALS)), np.nan)
    if not is_single_line_and_drug(observed):
        values = rows.loc[chosen, list(INTERVALS)].to_numpy()
        drawn = resampled_means(values, observed.line_codes[chosen], observed.drug_codes[chosen], seed)
        ends = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {f"{name}_{end}": ends[i, k] for k, name in enumerate(INTERVALS) for i, end in enumerate(("lower", "upper"))}


def _why_not(ranked: Bools) -> str:
    if not ranked.any():
        return f"No drug has {MIN_WITHIN} pairs: lines are not ranked within drugs."
    return "Too many predicted means of a drug are equal: no lines of it are predicted to be its most sensitive ones."
