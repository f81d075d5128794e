"""CCLE's points through `bdrp.data.dose_response` to AUC with their SDs, fitted with and without the SDs.

    python tests/benchmarks/known_variance_ccle.py DATA [METHOD ...]

Two splits and three folds each, without recalibration and on the same held-out rows: NLL, coverage of 90 % intervals
overall and of the better and the worse measured half, RMSE, and the noise that is learned. docs/curves.md has what it
printed.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import bdrp
from bdrp import evaluation
from bdrp.data import dose_response, sources, splits
from bdrp.data.dose_response import screen_tables
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning

POINTS = "ccle/CCLE_NP24.2009_Drug_data_2015.02.24.csv.gz"
FOLDS = 3


def load(data: Path, folder: Path) -> Screen:
    """AUC of the curves fitted anew, on GDSC's expression."""
    fitted = dose_response.fit(dose_response.read(data / POINTS))
    screen_tables.write(fitted, folder / "screen")
    structures = pd.read_csv(data / "ccle" / "ccle_drug_smiles.csv", dtype=str)
    structures.dropna(subset="smiles")[["drug", "smiles"]].to_csv(folder / "drugs.csv", index=False)
    return sources.load(
        "tables",
        responses=folder / "screen" / "auc_fraction.csv",
        drugs=folder / "drugs.csv",
        expression=data / "gdsc" / "Cell_line_RMA_proc_basalExp.txt.gz",
        cell_lines=data / "annotation" / "model_list.csv.gz",
        measure="auc_fraction",
    )


def score(screen: Screen, split: splits.Split, method: str, sd: np.ndarray) -> dict[str, float]:
    """One fit, scored on the held-out rows as they were measured."""
    model = bdrp.fit(screen, split, method=method, recalibration="identity", refit=False, progress=False)
    part = model.held_out_part
    assert part is not None
    scores = evaluation.score(part.predictions, part.observed).metrics
    known = sd if "response_sd" in screen.responses else np.zeros_like(sd)
    inside = np.abs(part.predictions.cdf(part.observed["response"].to_numpy()) - 0.5) <= 0.45
    precise = sd < np.median(sd)
    return {
        "nll": scores["probabilistic"]["nll"],
        "coverage_90": inside.mean(),
        "precise_half": inside[precise].mean(),
        "imprecise_half": inside[~precise].mean(),
        "rmse": scores["point"]["rmse"],
        "noise_sd": float(np.sqrt(np.mean(np.maximum(part.predictions.aleatoric_std**2 - known**2, 0)))),
    }


def main(data: Path, methods: list[str]) -> None:
    """A row a method, split and table, the mean of the folds, and in how many of them the NLL fell."""
    with tempfile.TemporaryDirectory() as folder:
        told = load(data, Path(folder))
    untold = replace(told, responses=told.responses.drop(columns="response_sd"))
    found = []
    for method in methods:
        for by in ("pair", "cell_line"):
            for fold in range(FOLDS):
                split = splits.make(told, by, fold=fold)
                sd = np.nan_to_num(told.responses.iloc[split.rows("test")]["response_sd"].to_numpy())
                for known, screen in (("not read", untold), ("read", told)):
                    scores = score(screen, split, method, sd)
                    found.append({"method": method, "by": by, "sd": known, "fold": fold, **scores})
                    print(found[-1], flush=True)
    table = pd.DataFrame(found)
    print(table.groupby(["method", "by", "sd"]).mean().drop(columns="fold").round(4).to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore", BdrpWarning)
    main(Path(sys.argv[1]), sys.argv[2:] or ["ridge", "mean_effects"])
