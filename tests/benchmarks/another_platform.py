"""What a cohort of another platform costs a model, and what matching its expression gives back.

    python tests/benchmarks/another_platform.py DATA [--epochs 15]

A model is fitted on GDSC2 (array intensities, RMA) without a fifth of its lines. Of those of these lines that CCLE has
sequenced, expression is given to it as log2(TPM + 1): CCLE's own z-scores of RNA-seq on the genes that both have, at
levels and SDs of genes that are made up (`SENSITIVITY`, `LEVEL_NOISE`, `SD_NOISE`), as the public table keeps none.
Predictions are scored against GDSC2's responses, so that nothing but the expression is of another laboratory.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import sources, splits
from bdrp.data.expression import admit, measure_shift
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError
from bdrp.fitted.fit import fit
from bdrp.fitted.model import TrainedModel

SENSITIVITY: Final = 1.4
"""log2 TPM that a doubling on an array makes: arrays see less of a change."""
LEVEL_NOISE: Final = 1.3
"""SD over genes of log2 TPM about 1.4 (RMA - 3.5): probes bind as they like."""
SD_NOISE: Final = 0.25
"""SD over genes of ln(SD of log2 TPM / (1.4 SD of RMA))."""
SIZES: Final = (0, 20, 5)
"""Lines of a cohort; 0 is all. Of few, several cohorts are drawn."""
HOW: Final = ("none", "gene", "quantile", "rank")


def shared_genes(screen: Screen, zscores: pd.DataFrame) -> Screen:
    """The screen with the genes that both have."""
    genes = [gene for gene in screen.expression.columns if gene in zscores.columns]
    parts = {name: getattr(screen, name) for name in Screen.__dataclass_fields__}
    return Screen(**{**parts, "profiles": {"expression": screen.expression[genes]}})


def as_log2_tpm(zscores: pd.DataFrame, arrays: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """log2(TPM + 1) of the lines: their own z-scores, at made-up levels and SDs of genes."""
    rng = np.random.default_rng(seed)
    genes = list(arrays.columns)
    level = SENSITIVITY * (arrays.mean() - 3.5) + rng.normal(0, LEVEL_NOISE, len(genes))
    sd = SENSITIVITY * arrays.std() * np.exp(rng.normal(0, SD_NOISE, len(genes)))
    return (level + zscores[genes] * sd).clip(lower=0).astype(np.float32)


def scores(model: TrainedModel, screen: Screen, expression: pd.DataFrame, how: str) -> dict[str, float]:
    """RMSE, median Spearman within a drug, coverage of 90 % intervals, and the largest absolute mean."""
    rows = screen.responses[screen.responses["cell_line_id"].isin(expression.index)].reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        try:
            found = model.predict(screen.drugs, expression, rows[["cell_line_id", "drug_id"]], match=how)
        except DataError as error:
            return {"refused": 1.0, "why": str(error)}  # type: ignore[dict-item]
    pred, seen = found.distribution, rows["response"].to_numpy()
    low, high = pred.interval(0.9).T
    table = rows.assign(mean=pred.mean)
    within = [
        one["mean"].corr(one["response"], method="spearman") for _, one in table.groupby("drug_id") if len(one) > 4
    ]
    return {
        "pairs": float(len(rows)),
        "rmse": float(np.sqrt(np.mean((pred.mean - seen) ** 2))),
        "within": float(np.median(within)) if within else float("nan"),
        "covered": float(np.mean((low <= seen) & (seen <= high))),
        "sd": float(np.mean(pred.std)),
        "lowest": float(pred.mean.min()),
        "highest": float(pred.mean.max()),
    }


def main() -> None:
    """Fit, predict in every way, print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--draws", type=int, default=4)
    asked = parser.parse_args()
    zscores = sources.load("ccle", asked.data, "auc_fraction", profile="rnaseq_z").expression
    screen = shared_genes(sources.load("gdsc2", asked.data), zscores)
    split = splits.make(screen, by="cell_line", seed=0)
    model = fit(screen, split, options={"epochs": asked.epochs}, refit=False)
    test = screen.responses["cell_line_id"].iloc[split.rows("test")].unique()
    lines = [line for line in zscores.index if line in set(test)]
    other = as_log2_tpm(zscores, screen.expression).loc[lines]
    print(f"{screen.expression.shape[1]} genes, {len(test)} test lines, {len(lines)} of them in CCLE")
    print(measure_shift(other, model.training_expression))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            admit(other, model.training_expression)
        except DataError as error:
            print("REFUSED:", error)
    print(*[f"WARNED: {one.message}" for one in caught], sep="\n")
    rows = []
    for size in SIZES:
        rng = np.random.default_rng(1)
        draws = [rng.choice(lines, size, replace=False) for _ in range(asked.draws)] if size else [lines]
        own = pd.DataFrame([scores(model, screen, screen.expression.loc[draw], "none") for draw in draws])
        rows.append({"lines": size or len(lines), "input": "arrays", **own.mean()})
        for how in HOW:
            each = pd.DataFrame([scores(model, screen, other.loc[draw], how) for draw in draws])
            rows.append({"lines": size or len(lines), "input": how, **each.drop(columns="why", errors="ignore").mean()})
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
