"""The scores that IMPROVE's test_scores.json lacks, in bdrp's environment: `python -m examples.improve.columns INFER`.

Beside what `bdrp_infer_improve.py` wrote into the folder INFER it writes test_scores_of_distributions.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

from examples.over_files.distribution_scores import score_distributions

NAMES = {"improve_sample_id": "cell_line_id", "improve_chem_id": "drug_id"}


def score(folder: Path, y: str = "auc") -> dict[str, float]:
    """The CRPS, coverage, width and negative log density of a folder's predictions of the column `y`."""
    table = pd.read_csv(folder / "test_y_data_predicted.csv", dtype=dict.fromkeys(NAMES, str))
    return score_distributions(table.rename(columns={**NAMES, f"{y}_true": "response"}), folder / "predictions.parquet")


def main() -> None:
    folder = Path(sys.argv[1])
    scores = score(folder)
    (folder / "test_scores_of_distributions.json").write_text(json.dumps(scores, indent=4) + "\n", encoding="utf-8")
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
