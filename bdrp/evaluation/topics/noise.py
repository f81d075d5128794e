"""How far repeats of one experiment scatter: the measured noise, which no model can predict away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bdrp.evaluation.observed import Floats, Observed
from bdrp.evaluation.topics import Topic
from bdrp.predictive import PredictiveDistribution

RESAMPLED = 1000  # chosen: 2.5 % quantiles rest on 25 values each
COLUMNS = ("compound", "name", "sets", "rows", "extrapolated_share")
METRICS = ("noise_sd", "noise_sd_lower", "noise_sd_upper", "noise_sd_with_offset", "aleatoric_sd", "rmse")


def score(pred: PredictiveDistribution, observed: Observed, seed: int) -> Topic:
    """The noise that repeats show, over all of them and, as `noise_by_compound`, a row a compound."""
    rows = find_repeats(pred, observed)
    return Topic(noise_metrics(rows, seed), {"noise_by_compound": by_compound(rows, seed)}, tuple(_notes(observed)))


def noise_metrics(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    """The noise SD of a single measurement, of all repeats and of those inside the limits, beside the predicted one.

    Args:
        rows: what `find_repeats` returned.
        seed: of the resampling.

    Returns:
        For `all` repeats and for those whose whole set lies `inside_limits`: see `noise_floor`; and numbers of rows,
        sets, cell lines and compounds.
    """
    inside = rows[~rows.groupby("set")["extrapolated"].transform("any").astype(bool)]
    return {"all": _counted(rows, seed), "inside_limits": _counted(inside, seed)}


def find_repeats(pred: PredictiveDistribution, seen: Observed) -> pd.DataFrame:
    """The pairs whose line and compound were measured more than once, a row a measurement; a set is one such group.

    `weight` is a set's degrees of freedom shared among its rows, (m - 1) / m: under independent noise of variances v
    the sum of squared `residual`s (from the set's mean) has the expectation sum(weight * v).
    """
    columns = {"line": seen.cell_lines, "compound": seen.compounds, "drug": seen.drugs, "name": seen.drug_names}
    table = pd.DataFrame(columns).assign(
        response=seen.response,
        aleatoric=pred.aleatoric,
        squared_error=np.square(pred.mean - seen.response),
        extrapolated=seen.is_censored,
    )
    table["set"] = table.groupby(["line", "compound"], sort=False).ngroup()
    size = table.groupby("set")["response"].transform("size")
    rows = table[size > 1].reset_index(drop=True)
    members = size[size > 1].to_numpy(dtype=np.float64)
    mean = rows.groupby("set")["response"].transform("mean")
    return rows.assign(weight=(members - 1) / members, residual=rows["response"] - mean)


def noise_floor(rows: pd.DataFrame, seed: int) -> dict[str, float]:
    """The SD of a single measurement about its set's mean, and what the model says on the same rows.

    `noise_sd` is the root of the sets' pooled variance after each drug id's mean deviation from its sets is taken off,
    with a 95 % interval (cell lines resampled; nan for one line). `noise_sd_with_offset` leaves it in, and with it
    what differs between the ids of a compound, such as batch or dose range: a model that learns each id apart can
    know it, one that knows compounds only cannot. `aleatoric_sd` is what `noise_sd` would be on average if the
    predicted aleatoric variances were the noise; `rmse` is the model's error.
    """
    freedom = float(rows["weight"].sum())
    if not freedom:
        return dict.fromkeys(METRICS, float("nan"))
    squares = square_residuals(rows)
    low, high = _resampled(squares, rows, seed)
    return {
        "noise_sd": _root(squares.sum(skipna=False), freedom),
        "noise_sd_lower": low,
        "noise_sd_upper": high,
        "noise_sd_with_offset": _root(rows["residual"].pow(2).sum(), freedom),
        "aleatoric_sd": _root((rows["weight"] * rows["aleatoric"]).sum(), freedom),
        "rmse": _root(rows["squared_error"].sum(), len(rows)),
    }


def square_residuals(rows: pd.DataFrame) -> pd.Series:
    """(n,) squared residuals of repeats, each drug id's mean deviation from its sets taken off and made up for.

    Under independent noise of variances v their sum has the expectation sum(weight * v).
    """
    freedom = float(rows["weight"].sum())
    left = freedom - float((rows.groupby("compound")["drug"].nunique() - 1).sum())
    offset = rows.groupby(["compound", "drug"])["residual"].transform("mean")
    return (rows["residual"] - offset).pow(2) * _ratio(freedom, left)


def by_compound(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """`noise_floor` of each compound, the one with most sets first."""
    found = [
        {
            "compound": compound,
            "name": " / ".join(sorted(some["name"].unique())),
            "sets": int(some["set"].nunique()),
            "rows": len(some),
            "extrapolated_share": float(some["extrapolated"].mean()),
            **noise_floor(some, seed),
        }
        for compound, some in rows.groupby("compound", sort=True)
    ]
    table = pd.DataFrame(found, columns=[*COLUMNS, *METRICS])
    return table.sort_values("sets", ascending=False, kind="stable", ignore_index=True)


def _notes(seen: Observed) -> Iterator[str]:
    pairs = pd.DataFrame({"lines": seen.cell_lines, "compounds": seen.compounds})
    sets = pairs[pairs.duplicated(keep=False)].drop_duplicates()
    if sets.empty:
        yield "No cell line was measured twice with one compound: the noise floor is not known."
        return
    compounds, lines = (f"{sets[name].nunique()} of {pairs[name].nunique()} {name}" for name in pairs.columns[::-1])
    yield (
        f"The noise floor rests on {len(sets)} sets of repeats ({compounds}, {lines}): "
        "the others may be noisier or less noisy."
    )


def _counted(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    several = {"sets": "set", "cell_lines": "line", "compounds": "compound"}
    return {
        "rows": len(rows),
        **{name: int(rows[column].nunique()) for name, column in several.items()},
        **noise_floor(rows, seed),
    }


def _ratio(freedom: float, left: float) -> float:
    """What makes up for the offsets: a compound's ids cost a degree of freedom each but one; nan if none is left.

    Exact where all sets of a compound have the same ids.
    """
    return freedom / left if left > 1e-9 else float("nan")


def _resampled(squares: pd.Series, rows: pd.DataFrame, seed: int) -> tuple[float, float]:
    sums = rows.assign(square=squares).groupby("line")[["square", "weight"]].sum(min_count=1).to_numpy()
    lines = len(sums)
    if lines < 2 or np.isnan(sums).any():
        return float("nan"), float("nan")
    drawn: Floats = np.random.default_rng(seed).multinomial(lines, np.full(lines, 1 / lines), size=RESAMPLED) @ sums
    low, high = np.quantile(np.sqrt(drawn[:, 0] / drawn[:, 1]), [0.025, 0.975])
    return float(low), float(high)


def _root(total: float, over: float) -> float:
    return float(np.sqrt(total / over))
