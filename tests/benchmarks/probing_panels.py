"""What a probing panel is worth on GDSC2: new lines, k drugs measured on each of them, and the other drugs scored.

    python tests/benchmarks/probing_panels.py --root DATA --models DIR --folds 0 1 2 3 4

A model a fold is fitted as `bdrp fit` does, kept in DIR, and taken from there the next time. Its panel is chosen by
`bdrp probe` before any response of the held-out lines is seen; then the responses of its first k drugs on these lines
are added by `bdrp update`, `LINES` lines at a time, and the responses of the other drugs are scored. Every figure
stands beside k = 0 *on the same pairs*: a panel that takes variable drugs out of the score looks good without telling
of any other. Random panels are scored alike.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import bdrp
from bdrp.data import sources, splits
from bdrp.data.screen import Screen
from bdrp.design import probe
from bdrp.errors import BdrpWarning
from bdrp.fitted.model import TrainedModel

COUNTS = (1, 3, 5, 10, 20)
RANDOM = 2
LINES = 50
KEYS = ["cell_line_id", "drug_id"]


def main() -> None:
    """Measure and print a table a fold, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    warnings.simplefilter("ignore", BdrpWarning)
    screen = sources.load("gdsc2", given.root)
    tables = []
    for fold in given.folds:
        table = one_fold(fitted(screen, fold, given.models), screen)
        print(f"fold {fold}\n{table.round(3).to_string(index=False)}", flush=True)
        tables.append(table)
    print(f"mean\n{pd.concat(tables).groupby(['panel', 'k']).mean().round(3).to_string()}")


def fitted(screen: Screen, fold: int, models: Path) -> TrainedModel:
    """The default model with the lines of a published fold held out."""
    place = models / f"lines-{fold}"
    if place.exists():
        return TrainedModel.load(place)
    start = time.process_time()
    split = splits.make(screen, "cell_line", seed=0, folds=5, fold=fold, partition="published")
    model = bdrp.fit(screen, split, out=place)
    print(f"fold {fold} fitted in {time.process_time() - start:.0f} CPU s", flush=True)
    return model


def one_fold(model: TrainedModel, screen: Screen) -> pd.DataFrame:
    """The panel and random ones at every k."""
    drugs, rng = model.drugs_of(screen), np.random.default_rng(0)
    start = time.process_time()
    panel = probe(model, drugs, screen.expression, size=max(COUNTS))
    print(f"panel in {time.process_time() - start:.0f} CPU s: {', '.join(panel.table['name'])}", flush=True)
    rows = [{"panel": "chosen", **scored(model, screen, panel.ids[:k])} for k in COUNTS]
    for _ in range(RANDOM):
        other = rng.permutation(drugs.index)[: max(COUNTS)].tolist()
        rows += [{"panel": "random", **scored(model, screen, other[:k])} for k in COUNTS]
    return pd.DataFrame(rows).groupby(["panel", "k"], as_index=False).mean()


def scored(model: TrainedModel, screen: Screen, panel: Sequence[str]) -> dict[str, float]:
    """RMSE of the drugs that are not in the panel, without and with it; coverage of 90 %; CPU seconds a line."""
    held_out = model.held_out()
    lines, found, start = held_out["cell_line_id"].unique(), [], time.process_time()
    drugs = model.drugs_of(screen)
    for some in np.array_split(lines, -(-len(lines) // LINES)):
        here = held_out[held_out["cell_line_id"].isin(some)]
        probed, expression = here["drug_id"].isin(panel), screen.expression.loc[some]
        updated = model.update(here[probed], drugs=drugs, profiles=expression)
        rest = here[~probed].reset_index(drop=True)
        before, after = (m.predict(drugs, expression, rest[KEYS]).distribution for m in (model, updated))
        low, high = after.interval(0.9).T
        y = rest["response"].to_numpy()
        found.append(np.stack([before.mean - y, after.mean - y, (low <= y) & (y <= high)]))
    seconds = (time.process_time() - start) / len(lines)
    errors = np.concatenate(found, axis=1)
    before, after = np.sqrt(np.mean(errors[:2] ** 2, axis=1))
    row = {"k": len(panel), "k = 0": before, "RMSE": after, "coverage": errors[2].mean(), "CPU s a line": seconds}
    print(", ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    return {name: float(value) for name, value in row.items()}


if __name__ == "__main__":
    main()
