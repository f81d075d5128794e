"""The tables of how well a model transfers: scores by class of pairs and adaptation, and what each adaptation found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.html.table import Column, Table, columns_of
from bdrp.report.transferability.figures import COLOURS
from bdrp.report.transferability.targets import NAMES, SOURCE_MEASUREMENT, SOURCE_SCREEN, Target, rows_of, source_rows

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults

_METRICS: Final = {
    "rmse": "RMSE",
    "within_drug_spearman": "Spearman within a drug",
    "nll": "NLL",
    "crps": "CRPS",
    "coverage_90": "90 % coverage",
    "width_90": "Width of 90 % intervals",
}
_DRAWN: Final = {"pairs": "at random", "lines": "line by line", "drugs": "drug by drug"}
_WITH_INTERVALS: Final = ("rmse", "coverage_90")
_BESIDE: Final = (
    "Source screen's measurement: taken as a prediction, on the pairs that both measured. Source screen: the model on "
    "its held-out pairs."
)


def by_class(found: TransferResults, target: Target) -> tuple[Table, Table]:
    """RMSE and coverage of a target, a row a class and a column an adaptation."""
    scores, source = rows_of(found.metrics, target), source_rows(found, target)
    concordance = rows_of(found.concordance, target)
    measured = [_measurement_rmse(concordance)] if len(concordance) else []
    return (
        _compact(
            scores,
            "rmse",
            f"{target['target']}: RMSE",
            [*measured, _on_source(source, "rmse")],
            f"RMSE in {target['unit']}. {_BESIDE}",
        ),
        _compact(
            scores,
            "coverage_90",
            f"{target['target']}: 90 % intervals cover",
            [_on_source(source, "coverage_90")],
            "Share of responses inside; beside it, on the source screen. The folded table below holds all metrics.",
        ),
    )


def all_metrics(found: TransferResults, target: Target) -> Table:
    """Every metric of a target, a row a class, adaptation and number of labelled pairs."""
    title = f"{target['target']}: all metrics, {target['measure']} in {target['unit']}"
    return _every_metric(rows_of(found.metrics, target), title)


def by_drug(found: TransferResults, target: Target) -> Table:
    """Coverage over the drugs of a target, a row a class, adaptation, number of labelled pairs and kind of drugs."""
    columns = {
        "pairs": Column("Pairs and adaptation"),
        "drugs": Column("Drugs"),
        "count": Column("How many"),
        "coverage_90": Column("90 % coverage", kind="share"),
        "lowest": Column("5 % of drugs below", kind="share"),
        "highest": Column("5 % above", kind="share"),
        "below_70": Column("Covered below 70 %", kind="share"),
        "width_90": Column("Width"),
        "rmse": Column("RMSE"),
    }
    rows = rows_of(found.by_drug, target)
    rows = rows[(rows["labelled"] > 0) | (rows["drugs"] == "all")]
    names = map(with_labelled, rows["adaptation"], rows["labelled"])
    named = [f"{seen}: {name}" for seen, name in zip(rows["seen"], names, strict=True)]
    records = rows.assign(pairs=named, count=rows["count"].round().astype(int)).to_dict("records")
    caption = f"Labelled pairs are drawn {_DRAWN[str(found.about['labelling'])]}."
    return Table.from_records(f"{target['target']}: by drug", columns, records, caption)


def on_source(found: TransferResults) -> tuple[Table, ...]:
    """The same metrics of the same models on held-out pairs of the source screen, a table a measure."""
    parts = found.home.groupby("measure", sort=False)
    return tuple(_every_metric(part, f"{found.about['train']}, {measure}") for measure, part in parts)


def adaptations(target: Target) -> Table:
    """What each adaptation took from the labelled pairs, in each draw."""
    found = target["found"]
    names = list(dict.fromkeys(key for draws in found.values() for draw in draws for key in draw))
    rows = tuple(
        (f"{name}, draw {number}", *(draw.get(key) for key in names))
        for name, draws in found.items()
        for number, draw in enumerate(draws, 1)
        if draw
    )
    columns = columns_of("Adaptation and labelled pairs", *map(words.spaced, names))
    caption = (
        "Offset and slope of a recalibration, in the measure's unit as those of drug offsets; SDs of offsets, in SDs "
        "of the training responses, of an update and of what was known of laboratories."
    )
    return Table(f"{target['target']}: what was found in labelled pairs", columns, rows, caption)


def with_labelled(name: str, labelled: int, suffix: str = " labelled") -> str:
    """A predictor and its number of labelled pairs, which raw and the source screen have none of."""
    return f"{name}, {labelled:,}{suffix}" if labelled else NAMES.get(name, name)


def _compact(scores: pd.DataFrame, metric: str, title: str, beside: list[pd.Series], caption: str) -> Table:
    """One metric, a row a class and a column an adaptation; `beside` are further columns, indexed by class."""
    table = scores[scores["figure"] == metric]
    table = table.assign(order=table["adaptation"].map(list(COLOURS).index))
    table = table.sort_values(["order", "labelled"], kind="stable")
    values = table.pivot_table(index="seen", columns=["adaptation", "labelled"], values="value", sort=False)
    sizes = table.groupby("seen")["n"].first()
    heads = (with_labelled(name, labelled, "") for name, labelled in values.columns)
    kind = "share" if metric == "coverage_90" else "number"
    columns = columns_of(*heads, *(str(series.name) for series in beside), kind=kind)
    rows = tuple(
        (seen, int(sizes[seen]), *map(float, values.loc[seen]), *(series.get(seen) for series in beside))
        for seen in dict.fromkeys(scores["seen"])
    )
    return Table(title, (*columns_of("Pairs", "Responses"), *columns), rows, caption)


def _measurement_rmse(concordance: pd.DataFrame) -> pd.Series:
    """The RMSE of the source screen's own measurement, by class."""
    mine = concordance[concordance["adaptation"] == SOURCE_MEASUREMENT]
    return mine.set_index("seen")["rmse"].rename(NAMES[SOURCE_MEASUREMENT])


def _on_source(source: pd.DataFrame, metric: str) -> pd.Series:
    """A metric on held-out pairs of the source screen, by class."""
    if source.empty:
        return pd.Series(dtype=float, name=NAMES[SOURCE_SCREEN])
    return source[source["figure"] == metric].set_index("seen")["value"].rename(NAMES[SOURCE_SCREEN])


def _every_metric(scores: pd.DataFrame, title: str) -> Table:
    keys = ["seen", "adaptation", "labelled", "n"]
    rows: list[tuple[Any, ...]] = []
    for (seen, name, labelled, n), part in scores.groupby(keys, sort=False):
        by_metric = part.set_index("figure")
        written = (_written(by_metric.loc[metric], metric) for metric in _METRICS)
        rows.append((f"{seen}: {with_labelled(name, labelled)}", int(n), *written))
    columns = columns_of("Pairs and adaptation", "Responses", *_METRICS.values())
    return Table(title, columns, tuple(rows), "95 % intervals with cell lines resampled.")


def _written(row: pd.Series, metric: str) -> str:
    """A value, with its interval where it has one that is looked at."""
    write = words.percent if metric == "coverage_90" else words.number
    value, lower, upper = (write(float(row[name])) for name in ("value", "lower", "upper"))
    return f"{value} ({lower} to {upper})" if metric in _WITH_INTERVALS else value
