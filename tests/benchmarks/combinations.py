"""Does P(the better of two drugs is active) come true? On simulated lines that no model has seen, whose truth is known.

    python tests/benchmarks/combinations.py --models DIR --folds 0 1 2
    python tests/benchmarks/combinations.py --models DIR --folds 0 --worlds 1 2      # other simulated screens

A model a fold of cell lines is fitted as `bdrp fit` does, kept in DIR, and taken from there the next time. For every
held-out line and every pair of different compounds the chance that the better of the two is active, under independent
action, is held against the truth: the chance that repeated experiments on this line report one of the two below its
threshold. Beside it stands the chance if what is not known of the two had nothing in common (the product of single
chances). Thresholds are each drug's highest dose, or its own quantile over the lines of the screen.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

import bdrp
from bdrp.data import splits
from bdrp.data.sources import simulated
from bdrp.design.candidates import cross
from bdrp.design.combinations import combine
from bdrp.design.repeats import RepeatShare, measure_repeats
from bdrp.errors import BdrpWarning
from bdrp.fitted.model import TrainedModel

BINS = np.array([0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0])


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--worlds", type=int, nargs="*", default=[0], help="seeds of the simulated screen")
    parser.add_argument("--lines", type=int, default=10, help="of each fold")
    given = parser.parse_args()
    warnings.simplefilter("ignore", BdrpWarning)
    found: dict[str, list[pd.DataFrame]] = {"highest dose": [], "quantile 0.2": []}
    for seed in given.worlds:
        world = simulated.simulate(seed)
        for fold in given.folds:
            model = fitted(world, given.models / (f"lines-{fold}" if seed == 0 else f"world-{seed}-lines-{fold}"), fold)
            repeats = measure_repeats(model, world.screen)
            print(f"world {seed}, fold {fold}: {repeats.describe()}", flush=True)
            for yardstick, share in zip(found, (None, 0.2), strict=True):
                found[yardstick].append(one_fold(model, world, share, given.lines, repeats).assign(world=seed))
    for yardstick, tables in found.items():
        show(yardstick, pd.concat(tables))


def fitted(world: simulated.Simulation, place: Path, fold: int) -> TrainedModel:
    """The default model with a fifth of the lines held out."""
    if place.exists():
        return TrainedModel.load(place)
    return bdrp.fit(world.screen, splits.make(world.screen, "cell_line", folds=5, fold=fold), out=place)


def one_fold(
    model: TrainedModel, world: simulated.Simulation, share: float | None, lines: int, repeats: RepeatShare
) -> pd.DataFrame:
    """Every pair of drugs on some held-out lines: chance, if_unrelated, and the truth."""
    screen, drugs = world.screen, model.drugs_of(world.screen)
    by_drug = screen.responses.groupby("drug_id")
    threshold = (by_drug["upper_limit"].median() if share is None else by_drug["response"].quantile(share))[drugs.index]
    truth = world.truth.pairs.set_index(["cell_line_id", "drug_id"])
    tables = []
    for line in model.held_out()["cell_line_id"].unique()[:lines]:
        pairs = cross([line], drugs.index)
        pred = model.predict(drugs, screen.expression, pairs).distribution
        found = combine(pred, threshold.to_numpy(), repeats=repeats)
        flat = combine(pred, threshold.to_numpy())[["a", "b", "low", "high"]]
        found = found.merge(flat, on=["a", "b"], suffixes=("", "_flat"))
        true = truth.loc[pd.MultiIndex.from_frame(pairs)]
        single = norm.cdf((threshold.to_numpy() - true["mean"].to_numpy()) / true["noise_sd"].to_numpy())
        a, b = found["a"].to_numpy(), found["b"].to_numpy()
        known = drugs["structure_key"].to_numpy()
        tables.append(
            found.assign(
                line=line,
                truth=1 - (1 - single[a]) * (1 - single[b]),
                true_gain=(1 - single[a]) * single[b],
            )[known[a] != known[b]]
        )
    return pd.concat(tables)


def show(yardstick: str, table: pd.DataFrame) -> None:
    """Reliability in bins of the chance; scores and bias of it and of the product of single chances."""
    print(f"\n{yardstick}: {len(table):,} pairs of drugs on {len(table[['world', 'line']].drop_duplicates())} lines")
    for name in ("chance", "if_unrelated", "chance_a"):
        brier = (table["truth"] * (1 - table[name]) ** 2 + (1 - table["truth"]) * table[name] ** 2).mean()
        print(f"{name:13s} mean {table[name].mean():.4f} (true {table['truth'].mean():.4f}), Brier {brier:.4f}")
    middle = table["chance"].between(0.2, 0.8)
    for suffix in ("", "_flat"):
        low, high = table[f"low{suffix}"], table[f"high{suffix}"]
        outside = np.maximum(low - table["truth"], table["truth"] - high)
        for name, some in (("all", np.full(len(table), True)), ("chance 0.2 to 0.8", middle)):
            inside, near, width = outside[some].le(0).mean(), outside[some].le(0.02).mean(), (high - low)[some].mean()
            whole = table["truth"].between(np.floor(100 * low) / 100, np.ceil(100 * high) / 100)[some].mean()
            share = "repeats not known" if suffix else "repeats known"
            held = f"{inside:.3f} ({whole:.3f} read at whole percents, {near:.3f} within 0.02 of it), width {width:.3f}"
            print(f"the true chance in the 90 % interval, {share}, {name}: {held}")
    outside = np.maximum(table["gain_low"] - table["true_gain"], table["true_gain"] - table["gain_high"])[middle]
    inside, near = outside.le(0).mean(), outside.le(0.02).mean()
    print(f"the true gain in its interval, chance 0.2 to 0.8: {inside:.3f} ({near:.3f} within 0.02 of it)")
    gains = table[["gain", "true_gain"]].mean()
    print(f"gain over the drug that looks better alone: {gains['gain']:.4f}, true {gains['true_gain']:.4f}")
    which = pd.cut(table["chance"], BINS, include_lowest=True)
    by_bin = table.groupby(which, observed=True)[["chance", "if_unrelated", "truth"]].mean()
    print(by_bin.assign(n=table.groupby(which, observed=True).size()).round(3).to_string())


if __name__ == "__main__":
    main()
