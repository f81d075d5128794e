"""What a fit costs beside trees that users would take: LightGBM and scikit-learn's forest, on the same training rows.

    OMP_NUM_THREADS=1 python tests/benchmarks/trees_beside.py [--root DATA] [--split cell_line]

Whole fits in one process on one thread, in seconds of its CPU, and the RMSE on the test part of a published fold. On
GDSC2 where --root names its files, on the simulated screen otherwise. The trees share no code with bdrp: they read 200
principal components of expression and the folded Morgan fingerprint of a drug, by scikit-learn and RDKit, and give a
mean alone. `last_layer` is `bdrp.fit` with all that it does: both fits, recalibration, and the check of the posterior.
LightGBM is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor

import bdrp
from bdrp.data import sources, splits
from bdrp.data.screen import Screen

Table = np.ndarray
Rows = tuple[Table, Table, Table]
"""Regressors and responses of the training rows, regressors of the test rows."""


def main() -> None:
    """Print a row a method."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--root", type=Path)
    asked.add_argument("--split", default="cell_line")
    given = asked.parse_args()
    screen = sources.load("gdsc2" if given.root else "simulated", given.root)
    split = splits.make(screen, given.split, seed=0, partition="published")
    test, response = (split.parts == "test").to_numpy(), screen.responses["response"].to_numpy()
    rows = regressors(screen, ~test, test)
    print(f"{(~test).sum():,} rows to learn from, {test.sum():,} of the test part\nmethod            CPU s    RMSE")
    ways: dict[str, Callable[[], Table]] = {"forest": lambda: forest(rows)}
    if importlib.util.find_spec("lightgbm"):
        ways["LightGBM"] = lambda: boosted(rows)
    for name, way in ways.items():
        began = time.process_time()
        mean = way()
        show(name, time.process_time() - began, mean, response[test])
    began = time.process_time()
    held_out = bdrp.fit(screen, split, method="last_layer", seed=0).held_out_part
    taken = time.process_time() - began
    assert held_out is not None
    show("last_layer", taken, held_out.predictions.mean, held_out.observed["response"].to_numpy())


def show(name: str, seconds: float, mean: Table, response: Table) -> None:
    """Print a row."""
    print(f"{name:14} {seconds:8.1f} {np.sqrt(np.mean((mean - response) ** 2)):7.3f}", flush=True)


def regressors(screen: Screen, train: Table, test: Table) -> Rows:
    """Components of expression, fitted on the training lines, beside the fingerprints."""
    keys = screen.responses[["cell_line_id", "drug_id"]]
    learned = screen.expression.loc[keys["cell_line_id"][train].unique()]
    filled = screen.expression.fillna(learned.mean())
    components = PCA(min(200, len(learned) - 1), random_state=0).fit(filled.loc[learned.index])
    by_line = pd.DataFrame(components.transform(filled), screen.expression.index)
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    bits = [morgan.GetFingerprintAsNumPy(Chem.MolFromSmiles(smiles)) for smiles in screen.drugs["smiles"]]
    by_drug = pd.DataFrame(bits, screen.drugs.index)
    parts = by_line.loc[keys["cell_line_id"]], by_drug.loc[keys["drug_id"]]
    table = np.concatenate([part.to_numpy(np.float32) for part in parts], axis=1)
    return table[train], screen.responses["response"].to_numpy()[train], table[test]


def forest(rows: Rows) -> Table:
    """100 trees, a square root of the columns at each split."""
    table, response, asked = rows
    trees = RandomForestRegressor(100, max_features="sqrt", min_samples_leaf=3, random_state=0, n_jobs=1)
    return np.asarray(trees.fit(table, response).predict(asked))


def boosted(rows: Rows) -> Table:
    """500 rounds of 63 leaves."""
    from lightgbm import LGBMRegressor

    table, response, asked = rows
    trees = LGBMRegressor(
        n_estimators=500, learning_rate=0.05, num_leaves=63, colsample_bytree=0.3, random_state=0, n_jobs=1, verbose=-1
    )
    return np.asarray(trees.fit(table, response).predict(asked))


if __name__ == "__main__":
    main()
