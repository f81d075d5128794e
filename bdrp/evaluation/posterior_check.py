"""Is the posterior believable where it was fitted? Leave-one-out by importance sampling, and replicated responses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.evaluation.observed import Floats, encode_labels
from bdrp.predictive import PosteriorDraws

GOOD_K = 0.7  # Vehtari, Simpson, Gelman, Yao and Gabry 2024: above it, importance sampling cannot be relied on
BINS = 30  # chosen: of the figure that lays replicated responses over the observed ones
ROWS = ("cell_line_id", "drug_id", "elpd", "k_hat", "loo_pit")
STATISTICS: Mapping[str, Callable[[Floats], Floats]] = {
    "mean": lambda values: values.mean(axis=-1),
    "sd": lambda values: values.std(axis=-1),
    "skewness": lambda values: _moment(values, 3),
    "kurtosis": lambda values: _moment(values, 4),
    "q05": lambda values: np.quantile(values, 0.05, axis=-1),
    "q50": lambda values: np.quantile(values, 0.50, axis=-1),
    "q95": lambda values: np.quantile(values, 0.95, axis=-1),
}


@dataclass(frozen=True, repr=False)
class PosteriorCheck(Displayed):
    """What S posterior draws say about N training rows, small enough to be kept with a model.

    Attributes:
        metrics: draws, rows, of_rows (how many the sample was taken from), elpd and elpd_se (the sum over the N rows of
            the log density of each row given all others, and its standard error, whole cell lines varying together),
            p_loo (the effective number of parameters that these rows feel), largest_k, good_k, share_above.
        rows: a row a training row: its keys, elpd, k_hat and loo_pit; its response is not among them.
        statistics: a row a statistic of all N responses together: observed, and lower, median and upper (95 %) and
            p_value (the share of replicates at least as large) over replicated responses.
        densities: a row a bin of the response: left, right, the observed density, and its 95 % range over replicates.
    """

    metrics: Mapping[str, Any]
    rows: pd.DataFrame
    statistics: pd.DataFrame
    densities: pd.DataFrame


def posterior_check(drawn: PosteriorDraws, observed: pd.DataFrame, *, of_rows: int | None = None) -> PosteriorCheck:
    """Check posterior draws against rows that the posterior was fitted to.

    The density of a row given all others is had from the draws given all rows, weighted by one over its likelihood,
    the largest weights smoothed by a generalised Pareto distribution (PSIS-LOO; Vehtari, Gelman and Gabry 2017,
    doi:10.1007/s11222-016-9696-4), as ArviZ does it. Its shape k says how heavy the weights' tail is.

    Args:
        drawn: S independent draws that know N training rows.
        observed: the rows in the same order: cell_line_id, drug_id, response.
        of_rows: how many rows the N were sampled from; N if None.

    Raises:
        DataError: the rows are not those of the draws, or some have no response.
    """
    if len(observed) != len(drawn) or not len(drawn) or not np.all(np.isfinite(drawn.log_likelihood)):
        raise DataError(
            f"{len(observed)} rows for draws that know {len(drawn)}, "
            f"{int(np.sum(~np.isfinite(drawn.log_likelihood)))} of their log densities not finite. "
            "Allowed: the same rows, at least one, each with a response. Pass the training rows that were drawn for."
        )
    response = observed["response"].to_numpy(dtype=np.float64)
    log_weights, k_hat, pit = _leave_one_out(drawn, response)
    elpd = _log_mean(log_weights + drawn.log_likelihood.T, axis=1) + np.log(drawn.draws)
    within = _log_mean(drawn.log_likelihood, axis=0)
    rows = observed[["cell_line_id", "drug_id"]].reset_index(drop=True)
    metrics = {
        "draws": drawn.draws,
        "rows": len(drawn),
        "of_rows": of_rows or len(drawn),
        "elpd": float(elpd.sum()),
        "elpd_se": clustered_se(elpd, observed["cell_line_id"]),
        "p_loo": float(np.sum(within - elpd)),
        "largest_k": float(k_hat.max()),
        "good_k": GOOD_K,
        "share_above": float(np.mean(k_hat > GOOD_K)),
    }
    return PosteriorCheck(
        metrics,
        rows.assign(elpd=elpd, k_hat=k_hat, loo_pit=pit)[list(ROWS)],
        _statistics(drawn.response, response),
        _densities(drawn.response, response),
    )


def clustered_se(values: Floats, groups: pd.Series) -> float:
    """Standard error of the sum of values (N,) whose groups vary together; nan for a single group.

    sqrt(G / (G - 1) * sum over the G groups of (sum within the group of value - mean)^2): the sandwich estimate of
    Liang and Zeger 1986 for a mean, times N.
    """
    where = encode_labels(groups)
    count = int(where.max()) + 1
    if count < 2:
        return float("nan")
    sums = np.bincount(where, weights=values - values.mean())
    return float(np.sqrt(count / (count - 1) * np.sum(np.square(sums))))


def _leave_one_out(drawn: PosteriorDraws, response: Floats) -> tuple[Floats, Floats, Floats]:
    """Smoothed log weights (N, S), their k-hat (N,), and each response's PIT without itself (N,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its own future when it is imported
        import arviz

        weights, k_hat = arviz.psislw(-drawn.log_likelihood.T.copy(), reff=1.0)
        pit = arviz.loo_pit(y=response, y_hat=drawn.response.T, log_weights=np.asarray(weights))
    return np.asarray(weights), np.asarray(k_hat, dtype=np.float64), np.asarray(pit, dtype=np.float64)


def _log_mean(values: Floats, axis: int) -> Floats:
    """The log of the mean of exp(values)."""
    most = values.max(axis=axis)
    return np.asarray(most + np.log(np.mean(np.exp(values - np.expand_dims(most, axis)), axis=axis)))


def _statistics(replicated: Floats, response: Floats) -> pd.DataFrame:
    records = []
    for name, statistic in STATISTICS.items():
        seen, drawn = float(statistic(response)), statistic(replicated)
        low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
        records.append((name, seen, float(low), float(middle), float(high), float(np.mean(drawn >= seen))))
    return pd.DataFrame(records, columns=["statistic", "observed", "lower", "median", "upper", "p_value"])


def _densities(replicated: Floats, response: Floats) -> pd.DataFrame:
    low, high = np.quantile(replicated, [0.001, 0.999])
    edges = np.linspace(min(low, response.min()), max(high, response.max()), BINS + 1)
    width = edges[1] - edges[0]
    counts = np.stack([np.histogram(draw, edges)[0] for draw in replicated]) / (replicated.shape[1] * width)
    lower, upper = np.quantile(counts, [0.025, 0.975], axis=0)
    seen = np.histogram(response, edges)[0] / (len(response) * width)
    return pd.DataFrame({"left": edges[:-1], "right": edges[1:], "observed": seen, "lower": lower, "upper": upper})


def _moment(values: Floats, power: int) -> Floats:
    """Standardised central moment along the last axis; 0 where nothing varies."""
    centred = values - values.mean(axis=-1, keepdims=True)
    std = centred.std(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(std > 0, np.mean(centred**power, axis=-1) / std**power, 0.0))
