"""What a probing panel is worth on GDSC2: new lines, k drugs measured on each of them, and the other drugs scored.

    python tests/benchmarks/probing_panels.py --root DATA --models DIR --folds 0 1 2 3 4
    python tests/benchmarks/probing_panels.py --root DATA --models DIR --folds 0 1 --for new-drugs

A model a fold is fitted as `bdrp fit` does, kept in DIR, and taken from there the next time. Its panel is chosen by
`bdrp probe` before any response of the held-out lines is seen; then the responses of its first k drugs on these lines
are added by `bdrp update`, `TOGETHER` lines at a time, and the responses of the other drugs are scored. Every metric
stands beside k = 0 *on the same pairs*: a panel that takes variable drugs out of the score looks good without telling
of any other. Random panels are scored alike. `--for new-drugs` is the mirror: compounds are held out, and k lines are
measured with each of them.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

import bdrp
from bdrp.data import sources, splits
from bdrp.data.screen import Screen
from bdrp.design import NEW_DRUGS, NEW_LINES, Panel, probe
from bdrp.errors import BdrpWarning
from bdrp.fitted.model import TrainedModel

COUNTS = (1, 3, 5, 10, 20)
RANDOM = 2
TOGETHER = 50
KEYS = ["cell_line_id", "drug_id"]


class Side(NamedTuple):
    """What is new, by its column and its split, and what is chosen to measure it by."""

    target: Literal["new-lines", "new-drugs"]
    new: str
    split: str
    chosen: str


SIDES = {
    NEW_LINES: Side(NEW_LINES, "cell_line_id", "cell_line", "drug_id"),
    NEW_DRUGS: Side(NEW_DRUGS, "drug_id", "drug", "cell_line_id"),
}


def main() -> None:
    """Measure and print a table a fold, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--for", dest="target", choices=list(SIDES), default=NEW_LINES)
    given = parser.parse_args()
    side = SIDES[given.target]
    warnings.simplefilter("ignore", BdrpWarning)
    screen = sources.load("gdsc2", given.root)
    tables = []
    for fold in given.folds:
        table = one_fold(fitted(screen, fold, given.models, side), screen, side)
        print(f"fold {fold}\n{table.round(3).to_string(index=False)}", flush=True)
        tables.append(table)
    print(f"mean\n{pd.concat(tables).groupby(['panel', 'k']).mean().round(3).to_string()}")


def fitted(screen: Screen, fold: int, models: Path, side: Side) -> TrainedModel:
    """The default model with the lines, or compounds, of a published fold held out."""
    place = models / f"{'lines' if side.target == NEW_LINES else 'drugs'}-{fold}"
    if place.exists():
        return TrainedModel.load(place)
    start = time.process_time()
    split = splits.make(screen, side.split, seed=0, folds=5, fold=fold, partition="published")
    model = bdrp.fit(screen, split, out=place)
    print(f"fold {fold} fitted in {time.process_time() - start:.0f} CPU s", flush=True)
    return model


def one_fold(model: TrainedModel, screen: Screen, side: Side) -> pd.DataFrame:
    """The panel and random ones at every k."""
    rows = model.held_out().reset_index(drop=True)
    before = model.predict(model.drugs_of(screen), screen.profiles, rows[KEYS]).distribution
    low, high = before.interval(0.9).T
    held_out = rows.assign(before=before.mean, inside=(low <= rows["response"]) & (rows["response"] <= high))
    panel, rng = choose(model, screen, side), np.random.default_rng(0)
    measurable = model.drugs_of(screen).index if side.target == NEW_LINES else screen.expression.index
    panels = {"chosen": [panel.ids]}
    panels["random"] = [rng.permutation(measurable)[: max(COUNTS)].tolist() for _ in range(RANDOM)]
    found = [
        {"panel": name, **scored(model, screen, held_out, one[:k], side)}
        for name, some in panels.items()
        for one in some
        for k in COUNTS
    ]
    return pd.DataFrame(found).groupby(["panel", "k"], as_index=False).mean()


def choose(model: TrainedModel, screen: Screen, side: Side) -> Panel:
    """The panel by `bdrp probe`: of all drugs, or of all lines for the compounds that are held out."""
    drugs, start = model.drugs_of(screen), time.process_time()
    asked = drugs if side.target == NEW_LINES else drugs.loc[model.held_out()["drug_id"].unique()]
    names = screen.drugs["name"] if side.target == NEW_LINES else screen.cell_lines["name"]
    panel = probe(model, asked, screen.profiles, size=max(COUNTS), target=side.target, names=names)
    print(f"panel in {time.process_time() - start:.0f} CPU s: {', '.join(panel.table['name'])}", flush=True)
    expected = panel.table.loc[panel.table["k"].isin(COUNTS), ["k", "rmse_before", "rmse_after", "gain"]]
    print(expected.round(3).to_string(index=False), flush=True)
    return panel


def scored(
    model: TrainedModel, screen: Screen, held_out: pd.DataFrame, panel: Sequence[str], side: Side
) -> dict[str, float]:
    """RMSE and coverage of 90 % of what is not in the panel, without and with it; CPU seconds a new line, or drug."""
    new, found, start = held_out[side.new].unique(), [], time.process_time()
    drugs = model.drugs_of(screen)
    for some in np.array_split(new, -(-len(new) // TOGETHER)):
        here = held_out[held_out[side.new].isin(some)]
        lines, probed = here["cell_line_id"].unique(), here[side.chosen].isin(panel)
        profiles = {name: table.loc[table.index.isin(lines)] for name, table in screen.profiles.items()}
        updated = model.update(here[probed].drop(columns=["before", "inside"]), drugs=drugs, profiles=profiles)
        rest = here[~probed].reset_index(drop=True)
        after = updated.predict(drugs, profiles, rest[KEYS]).distribution
        low, high = after.interval(0.9).T
        y = rest["response"].to_numpy()
        found.append(np.stack([rest["before"] - y, after.mean - y, rest["inside"], (low <= y) & (y <= high)]))
    seconds = (time.process_time() - start) / len(new)
    errors = np.concatenate(found, axis=1).astype(float)
    before, after = np.sqrt(np.mean(errors[:2] ** 2, axis=1))
    inside, covered = errors[2:].mean(axis=1)
    row = {"k": len(panel), "k = 0": before, "coverage at 0": inside, "RMSE": after, "coverage": covered}
    row["CPU s each"] = seconds
    print(", ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    return {name: float(value) for name, value in row.items()}


if __name__ == "__main__":
    main()
