"""The columns that DrEval's board lacks, in bdrp's environment.

`python -m examples.dreval.columns results/RUN/DATASET KEPT OUT.csv` writes a row a model, test mode and split: what
DrEval itself says of predicted means (RMSE and Pearson correlation) and, beside it, of the distributions that a model
keeps: the share of responses in its 90 % intervals, their mean width, the CRPS and the negative log density. The CRPS
of a model that predicts a number alone is its absolute error.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from examples.dreval.address import address
from examples.over_files.distribution_scores import score_distributions

NAMES: Final = {"cell_line_name": "cell_line_id", "pubchem_id": "drug_id"}


def tabulate(results: Path, kept: Path) -> pd.DataFrame:
    """A row a table of predictions below a data set's results, by mode, model and split.

    Args:
        results: a folder a test mode, as drevalpy leaves them.
        kept: Parquet files of distributions, named by the `address` of their means.
    """
    rows = []
    for path in sorted(results.glob("L?O/*/predictions/predictions_split_*.csv")):
        table = pd.read_csv(path, dtype=dict.fromkeys(NAMES, str)).rename(columns=NAMES)
        found = kept / f"{address(table['predictions'])}.parquet"
        of = {"mode": path.parts[-4], "model": path.parts[-3], "split": int(path.stem.rpartition("_")[2])}
        rows.append(of | score_means(table) | (score_distributions(table, found) if found.is_file() else {}))
    return pd.DataFrame(rows)


def score_means(table: pd.DataFrame) -> dict[str, float]:
    """n, RMSE and Pearson correlation of predictions beside responses; the CRPS is the mean absolute error."""
    error = table["predictions"] - table["response"]
    correlation = table["predictions"].corr(table["response"])
    return {
        "n": len(table),
        "rmse": float(np.sqrt((error**2).mean())),
        "pearson": float(correlation),
        "crps": float(error.abs().mean()),
    }


def main() -> None:
    results, kept, out = map(Path, sys.argv[1:])
    table = tabulate(results, kept)
    table.to_csv(out, index=False)
    of_models = table.drop(columns=["split", "n"]).groupby(["mode", "model"], sort=False)
    print(of_models.mean().round(3).to_string(na_rep="–"))


if __name__ == "__main__":
    main()
