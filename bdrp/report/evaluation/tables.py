"""The tables of the report: every metric of scores.json that is not drawn stands in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from bdrp.report.definitions import LABELS, STATISTICS
from bdrp.report.html.table import Column, Table, columns_of
from bdrp.report.words import count, heading

Metrics = Mapping[str, Any]
ACCEPTED: Final = (80, 50)
"""Percent of the pairs, of `bdrp.evaluation.selective.RETAINED_SHARES`."""
_ACCEPTED: Final = (
    "The others would be measured or reviewed first. 100 % is what a random choice leaves. Within a drug, each drug's "
    "own surest pairs are accepted, and drugs count alike; one SD a drug tells nothing there and leaves 100 %."
)


def accuracy(metrics: Metrics) -> Table:
    """Point metrics beside those of the mean-effects baseline."""
    point, baseline = metrics["point"], metrics.get("naive") or {}
    rows = tuple((_label("point", key), value, baseline.get(key)) for key, value in point.items())
    return Table(
        "Accuracy of the predicted mean",
        columns_of("Metric", "This model", "Mean-effects baseline"),
        rows,
        _caption("The predicted mean", metrics),
    )


def distributions(metrics: Metrics, before: Metrics | None) -> Table:
    """Scores of whole distributions."""
    return _beside(metrics, before, "probabilistic", f"Scores, and mean predicted SDs in {metrics['unit']}.")


def coverage(metrics: Metrics, before: Metrics | None) -> Table:
    """Coverage, width and interval score, a row a level."""
    columns = [Column("Central interval"), Column("Coverage", "share"), Column("from", "share"), Column("to", "share")]
    columns += [Column(f"Mean width, {metrics['unit']}"), Column("Interval score")]
    rows = [
        (f"{level} %", *_of(seen, "coverage", "lower", "upper", "width", "interval_score"))
        for level, seen in metrics["coverage"].items()
    ]
    if before is not None:
        columns += [
            Column("Coverage before recalibration", "share"),
            Column("Width before"),
            Column("Interval score before"),
        ]
        rows = [
            (*row, *_of(before["coverage"][level], "coverage", "width", "interval_score"))
            for row, level in zip(rows, metrics["coverage"], strict=True)
        ]
    return Table(
        "Coverage and width",
        tuple(columns),
        tuple(rows),
        "Coverage with its 95 % interval, cell lines and drugs resampled.",
    )


def calibration(metrics: Metrics, before: Metrics | None) -> Table:
    """Calibration metrics beside what chance alone would make them."""
    seen = metrics["calibration"]
    names = [key for key in seen if not key.endswith(("_null_mean", "_null_q95"))]
    rows = [(_label("calibration", name), *_of(seen, name, f"{name}_null_mean", f"{name}_null_q95")) for name in names]
    columns = columns_of("Metric", "This model", "If calibrated: mean by chance", "If calibrated: 95 % stay below")
    if before is not None:
        columns += (Column("Before recalibration"),)
        rows = [(*row, before["calibration"].get(name)) for row, name in zip(rows, names, strict=True)]
    return Table(
        "Calibration",
        columns,
        tuple(rows),
        "Calibration metrics are never 0 in a finite sample: read each beside its chance value.",
    )


def ranking(metrics: Metrics) -> Table:
    """How well the SD ranks errors, beside the baseline, the random order and the oracle."""
    seen = metrics["selective"]
    suffixes = ("_oracle", "_random", "_if_calibrated")
    names = [key for key in seen if not key.startswith("drug_sd_") and not key.endswith(suffixes)]
    rows = tuple(
        (
            _label("selective", name),
            *_of(seen, name, f"drug_sd_{name}", f"{name}_random", f"{name}_oracle", f"{name}_if_calibrated"),
        )
        for name in names
    )
    heads = columns_of(
        "Metric", "Predicted SD", "One SD a drug", "Random order", "Oracle", "Predicted SD, if calibrated"
    )
    return Table("Ranking of errors", heads, rows, "Does a small predicted SD mean a small error?")


def accepted(metrics: Metrics) -> Table:
    """What is left of the squared error if the surest 80 and 50 % of pairs are accepted, overall and within a drug."""
    seen = metrics["selective"]
    keys = ("kept_at_{}", "drug_sd_kept_at_{}", "kept_at_{}_oracle", "within_drug_kept_at_{}")
    rows = tuple(
        (f"the surest {percent} %", *_of(seen, *(key.format(percent) for key in keys))) for percent in ACCEPTED
    )
    shares = ("by predicted SD", "by one SD a drug", "oracle", "within a drug, by predicted SD")
    columns = (Column("Accepted"), *(Column(name, "share") for name in shares))
    return Table("Squared error of the accepted pairs, as a share of all pairs'", columns, rows, _ACCEPTED)


def censored(metrics: Metrics) -> Table:
    """The same metrics on uncensored and on censored responses."""
    seen = metrics["extrapolated"]
    keys = ("n", "rmse", "bias", "mae", "nll", "crps", "coverage_90", "width_90", "interval_score_90")
    unknown = seen.get("unknown_limits_share")
    columns = (
        Column("Responses"),
        Column("Pairs"),
        *columns_of("RMSE", "Bias", "MAE", "NLL", "CRPS"),
        Column("90 % coverage", "share"),
        *columns_of("90 % width", "90 % interval score"),
    )
    rows = tuple(
        (name, *_of(seen.get(key) or {}, *keys))
        for name, key in (("Uncensored, within tested doses", "observed"), ("Censored", "extrapolated"))
    )
    caption = "" if not unknown else "Responses whose tested doses are unknown count as uncensored."
    return Table("Uncensored and censored responses", columns, rows, caption)


def shares(metrics: Metrics) -> Table:
    """How much of the held-out responses is censored."""
    keys = ("share", "unknown_limits_share")
    rows = tuple((LABELS[f"extrapolated.{key}"], metrics["extrapolated"].get(key)) for key in keys)
    return Table("Doses", (Column("Tested doses"), Column("Share of held-out pairs", "share")), rows)


def counts(metrics: Metrics) -> Table:
    """What the held-out pairs consist of."""
    rows = tuple(("Responses" if key == "pairs" else heading(key), value) for key, value in metrics["n"].items())
    return Table("Held-out pairs", columns_of("Held out", "How many"), rows)


_GROUP_COLUMNS: Final = {
    "n": Column("Pairs"),
    "cell_lines": Column("Cell lines"),
    "coverage_50": Column("50 % coverage", "share"),
    "coverage_80": Column("80 %", "share"),
    "coverage_90": Column("90 %", "share"),
    "coverage_90_lower": Column("from", "share"),
    "coverage_90_upper": Column("to", "share"),
    "coverage_95": Column("95 %", "share"),
    "width_50": Column("50 % width", digits=2),
    "width_80": Column("80 %", digits=2),
    "width_90": Column("90 %", digits=2),
    "width_95": Column("95 %", digits=2),
    "rmse": Column("RMSE"),
    "bias": Column("Bias"),
    "pearson": Column("Pearson"),
    "nll": Column("NLL"),
    "crps": Column("CRPS"),
    "mean_std": Column("Mean SD"),
    "epistemic_share": Column("Epistemic share", "share"),
    "extrapolated_share": Column("Censored", "share"),
    "p_value": Column("p, 90 % coverage"),
    "p_holm": Column("p, Holm"),
}


def by_group(groups: pd.DataFrame, what: str) -> Table:
    """Every metric of every group, the largest first."""
    known = {key: column for key, column in _GROUP_COLUMNS.items() if key in groups.columns}
    others = {key: Column(heading(key)) for key in groups.columns if key not in {*_GROUP_COLUMNS, "group", "name"}}
    return Table.from_records(
        f"All metrics of {count(len(groups), what)}",
        {"group": Column(what.capitalize()), **known, **others},
        groups.assign(group=_names(groups)).to_dict("records"),
        f"Coverage and width of central intervals, errors and ranks, by {what}.",
    )


def worst_groups(groups: pd.DataFrame) -> Table:
    """The groups whose coverage is furthest from the nominal level, for their number of pairs."""
    columns = {
        "group": Column("Group"),
        "kind": Column("Kind"),
        "n": Column("Pairs"),
        "coverage_90": Column("90 % coverage", "share"),
        "lower": Column("from", "share"),
        "upper": Column("to", "share"),
        "p_value": Column("p"),
        "p_holm": Column("p, Holm"),
    }
    records = groups.assign(group=_names(groups)).to_dict("records")
    caption = (
        "Exact binomial test of 90 % coverage in each group, and the same corrected for the number of groups (Holm). "
        "Small: not chance."
    )
    return Table.from_records("Worst-calibrated groups", columns, records, caption)


def split_parts(summary: Metrics) -> Table:
    """Counts of pairs, cell lines and drugs a part."""
    parts = summary.get("parts") if isinstance(summary.get("parts"), Mapping) else summary
    counted = [(name, seen) for name, seen in (parts or {}).items() if isinstance(seen, Mapping)]
    keys = list(
        dict.fromkeys(key for _, seen in counted for key, value in seen.items() if isinstance(value, (int, float)))
    )
    rows = tuple((heading(name) or "Unused", *(seen.get(key) for key in keys)) for name, seen in counted)
    return Table("Parts", columns_of("Part", *map(heading, keys)), rows)


def leave_one_out(metrics: Metrics) -> Table:
    """Leave-one-out of training rows by importance sampling."""
    names = ("elpd", "elpd_se", "p_loo", "largest_k", "share_above")
    rows = tuple((_label("posterior", name), metrics[name]) for name in names)
    caption = "Sums over the sampled training rows; the standard error lets whole cell lines vary together."
    return Table("Leave-one-out", columns_of("Metric", "This model"), rows, caption)


def replicated(statistics: pd.DataFrame) -> Table:
    """Statistics of training responses beside their replicates."""
    columns = columns_of(
        "Statistic", "Observed", "Replicated: from", "median", "to", "Share of replicates at least as large"
    )
    caption = "Ranges hold 95 % of the replicates. A share near 0 or 1 is a feature that the model does not reproduce."
    rows = tuple((STATISTICS.get(name, name), *seen) for name, *seen in statistics.itertuples(index=False, name=None))
    return Table("Replicated responses", columns, rows, caption)


def _beside(metrics: Metrics, before: Metrics | None, section: str, caption: str) -> Table:
    rows: Iterable[tuple[Any, ...]] = ((_label(section, key), value) for key, value in metrics[section].items())
    columns = columns_of("Metric", "This model")
    if before is not None:
        columns += (Column("Before recalibration"),)
        rows = ((_label(section, key), value, before[section].get(key)) for key, value in metrics[section].items())
    return Table("The whole distribution", columns, tuple(rows), caption)


def _names(groups: pd.DataFrame) -> list[str]:
    """Each group's name, with its id where the two differ."""
    return [
        str(name) if str(name) == str(group) else f"{name} [{group}]"
        for name, group in zip(groups["name"], groups["group"], strict=True)
    ]


def _of(metrics: Metrics, *keys: str) -> Sequence[Any]:
    return [metrics.get(key) for key in keys]


def _label(section: str, key: str) -> str:
    return LABELS.get(f"{section}.{key}", heading(key))


def _caption(what: str, metrics: Metrics) -> str:
    return f"{what} against the response, {metrics['measure']} in {metrics['unit']}."
