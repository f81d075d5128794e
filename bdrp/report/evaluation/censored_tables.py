"""The tables of responses beyond the tested doses and of repeats."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bdrp.report.evaluation.censored_definitions import CENSORED_LABELS
from bdrp.report.evaluation.tables import Metrics
from bdrp.report.html.table import Column, Table

_RESAMPLED: Final = "Intervals hold 95 %, cell lines and drugs resampled."


def scores(metrics: Metrics) -> Table:
    """Scores of what was observed, beside those that take extrapolations for measurements."""
    seen, conventional = metrics["as_observed"], metrics["probabilistic"]
    rows = tuple(
        (CENSORED_LABELS[f"as_observed.{key}"], seen[key], seen[f"{key}_inside"], seen[f"{key}_beyond"], plain)
        for key, plain in (("nll", conventional["nll"]), ("crps", conventional["crps"]))
    )
    counts = tuple(
        (CENSORED_LABELS[f"as_observed.{key}"], seen[key], None, seen[key], None) for key in ("above", "below")
    )
    heads = ("All", "Inside the tested doses", "Beyond them", "All, extrapolations taken for measurements")
    columns = (Column("Figure"), *(Column(head) for head in heads))
    return Table(
        "Scored as what was observed",
        columns,
        (*rows, *counts),
        "A response beyond the doses counts as beyond, whatever value was published for it.",
    )


def coverage(metrics: Metrics) -> Table:
    """Coverage of what was observed, a row a level, beside the conventional one."""
    columns = [Column("Central interval")]
    columns += [Column(text, "share") for text in ("Coverage, as observed", "from", "to", "Not contradicted")]
    columns += [Column("Coverage, extrapolations taken for measurements", "share")]
    rows = tuple(
        (
            f"{level} %",
            *(seen[key] for key in ("coverage", "lower", "upper", "compatible")),
            metrics["coverage"][level]["coverage"],
        )
        for level, seen in metrics["as_observed"]["coverage"].items()
    )
    return Table("Coverage of what was observed", tuple(columns), rows, _RESAMPLED)


def beyond(metrics: Metrics) -> Table:
    """The probability of "beyond the highest dose", beside the rival that knows each drug's base rate."""
    seen = metrics["beyond"]
    suffixes = ("_base_rate", "_if_calibrated", "_lower", "_upper")
    names = [key for key in seen if not key.endswith(suffixes)]
    rows = tuple(
        (CENSORED_LABELS[f"beyond.{name}"], seen[name], *(seen.get(f"{name}{suffix}") for suffix in _ORDER))
        for name in names
    )
    heads = ("This model", "from", "to", "One base rate a drug", "If calibrated")
    columns = (Column("Figure"), *(Column(head) for head in heads))
    return Table("Probability of a response beyond the highest dose", columns, rows, _RESAMPLED)


_ORDER = ("_lower", "_upper", "_base_rate", "_if_calibrated")


def bins(curve: pd.DataFrame) -> Table:
    """The reliability figure in numbers."""
    names = ("nominal", "observed", "lower", "upper", "null_lower", "null_upper", "low", "high")
    heads = (
        *("Mean probability", "Share beyond", "from", "to"),
        *("If calibrated, from", "to", "Lowest probability", "Highest"),
    )
    columns = (Column("Bin"), Column("Pairs"), *(Column(head, "share") for head in heads))
    values = zip(curve["n"].astype(int), *(curve[name].tolist() for name in names), strict=True)
    rows = tuple((str(k + 1), *row) for k, row in enumerate(values))
    return Table("Predicted probability and share beyond, by bin", columns, rows, "Bins of equal size by probability.")


def noise(metrics: Metrics) -> Table:
    """The measured noise and the predicted one, over all repeats and over those inside the tested doses."""
    seen = metrics["noise"]
    names = [key for key in seen["all"] if not key.endswith(("_lower", "_upper"))]
    rows = tuple(
        (
            CENSORED_LABELS[f"noise.{name}"],
            *(part.get(f"{name}{end}") for part in (seen["all"], seen["inside_limits"]) for end in _INTERVAL),
        )
        for name in names
    )
    heads = ("All repeats", "from", "to", "All of a set inside the tested doses", "from", "to")
    columns = (Column("Figure"), *(Column(head) for head in heads))
    return Table("Measured noise", columns, rows, f"SDs in {metrics['unit']}, with a 95 % interval.")


_INTERVAL = ("", "_lower", "_upper")


def compounds(table: pd.DataFrame) -> Table:
    """The same for each compound."""
    columns = (
        Column("Compound"),
        Column("Sets"),
        *(Column(text) for text in ("Noise SD", "from", "to", "With offsets", "Aleatoric SD", "RMSE")),
        Column("Extrapolated", "share"),
    )
    keys = ("noise_sd", "noise_sd_lower", "noise_sd_upper", "noise_sd_with_offset", "aleatoric_sd", "rmse")
    values = (table[key].tolist() for key in ("name", "sets", *keys, "extrapolated_share"))
    return Table("Measured noise by compound", columns, tuple(zip(*values, strict=True)), "Most repeats first.")
