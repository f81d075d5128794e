"""The check of a posterior on its own training rows: made at the fit, kept as plain tables with the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.evaluation import PosteriorCheck, posterior_check
from bdrp.evaluation.inference_data import choose_rows
from bdrp.evaluation.posterior_check import ROWS
from bdrp.files import strict_json, tables

if TYPE_CHECKING:
    from bdrp.features.batch import Batch
    from bdrp.inference.method import Fitted

SUMMARY, TABLE = "posterior.json", "posterior_rows.parquet"
MOST_ROWS = 1000  # chosen: the shares that are shown are then known to 1.6 points; arrays of draws take 60 MB
DRAWS = 2400  # chosen: the fewest for which k-hat is reliable up to 0.7 (1 - 1 / log10(S); Vehtari et al. 2024)
TABLES = {
    "statistics": ["statistic", "observed", "lower", "median", "upper", "p_value"],
    "densities": ["left", "right", "observed", "lower", "upper"],
}
METRICS = {"draws", "rows", "of_rows", "elpd", "elpd_se", "p_loo", "largest_k", "good_k", "share_above"}


def check_posterior(fitted: Fitted, batch: Batch, seed: int) -> PosteriorCheck | None:
    """Draws of the posterior at a random part of its training rows, checked; None for a method without a posterior."""
    import torch  # late: a check that was saved is read without it

    from bdrp.inference.method import HasWeightDraws

    if not isinstance(fitted, HasWeightDraws):
        return None
    rows = batch.train.select(torch.as_tensor(choose_rows(len(batch.train), MOST_ROWS, np.random.default_rng(seed))))
    drawn = fitted.draw_posterior(batch.inputs, rows, draws=DRAWS, seed=seed)
    observed = pd.DataFrame(
        {
            "cell_line_id": np.asarray(batch.inputs.line_ids, dtype=object)[rows.line.numpy()],
            "drug_id": np.asarray(batch.inputs.drug_ids, dtype=object)[rows.drug.numpy()],
            "response": rows.response.numpy(),
        }
    )
    return posterior_check(drawn, observed, of_rows=len(batch.train))


def save_check(checked: PosteriorCheck, into: Path) -> None:
    """Write the check into a model folder."""
    tables.write(checked.rows, into / TABLE, {})
    records = {name: getattr(checked, name).to_dict("records") for name in TABLES}
    strict_json.write(into / SUMMARY, strict_json.plain({"figures": checked.metrics, **records}))


def load_check(path: Path) -> PosteriorCheck | None:
    """The check of a model folder; None where it holds none.

    Raises:
        ValueError, LookupError, TypeError: the files do not hold together.
    """
    if not (path / SUMMARY).exists():
        return None
    content, rows = strict_json.read(path / SUMMARY), pd.read_parquet(path / TABLE)
    metrics = {name: math.nan if value is None else float(value) for name, value in content["figures"].items()}
    tables = {name: pd.DataFrame(content[name]) for name in TABLES}
    if (
        set(metrics) != METRICS
        or list(rows) != list(ROWS)
        or any(list(tables[name]) != columns for name, columns in TABLES.items())
    ):
        raise ValueError(f"{SUMMARY} and {TABLE} are not the check of a posterior")
    numbers = (
        tables["densities"],
        tables["statistics"].drop(columns="statistic"),
        rows[["elpd", "loo_pit"]],
    )
    if not all(np.isfinite(table.to_numpy(np.float64)).all() for table in numbers):
        raise ValueError(f"{SUMMARY} or {TABLE} holds values that are not finite")
    counts = {name: int(metrics[name]) for name in ("draws", "rows", "of_rows")}
    if counts["rows"] != len(rows):
        raise ValueError(f"{TABLE} has {len(rows)} rows where {SUMMARY} says {counts['rows']}")
    return PosteriorCheck(metrics | counts, rows, **tables)
