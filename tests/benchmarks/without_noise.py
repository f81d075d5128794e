"""What the habit costs of reading MC dropout as the SD of ten passes, with no noise term.

    python tests/benchmarks/without_noise.py COMPARISON [--split cell_line] [--passes 10]

Takes the mc_dropout runs of a comparison. *As the habit has it*: a normal whose SD is the sample SD of so many passes,
each of which has the mean and the epistemic variance that 100 passes found. *Recalibrated*: the same, scaled by the
factor that the held-out pairs of the next fold ask for. Beside both the method's own predictions, noise and all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp import calibration
from bdrp.fitted.held_out import HeldOut
from bdrp.predictive import Normal, PredictiveDistribution
from bdrp.studies.execution import records

HEAD = ("fold", "predictions", "90 % coverage", "width", "NLL", "CRPS")


def main() -> None:
    """Print a row a fold and way of reading, then the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--split", default="cell_line")
    parser.add_argument("--passes", type=int, default=10)
    arguments = parser.parse_args()
    runs = held_out(arguments.comparison, arguments.split)
    habits = {fold: habit(run, arguments.passes, fold) for fold, run in runs.items()}
    folds, rows = list(runs), []
    for (fold, run), other in zip(runs.items(), folds[1:] + folds[:1], strict=True):
        factor = calibration.fit("variance_scaling", habits[other], runs[other].observed["response"].to_numpy())
        read = {
            "SD of passes": habits[fold],
            "SD of passes, recalibrated": factor(habits[fold]),
            "mc_dropout, before recalibration": run.uncalibrated,
            "mc_dropout": run.predictions,
        }
        rows += [(fold, name, *metrics(pred, run.observed)) for name, pred in read.items()]
    table = pd.DataFrame(rows, columns=HEAD)
    print(table.round(3).to_string(index=False))
    print(table.groupby("predictions", sort=False)[list(HEAD[2:])].mean().round(3).to_string())


def held_out(comparison: Path, split: str) -> dict[int, HeldOut]:
    """The test parts of mc_dropout's runs, by fold."""
    found = {}
    for path in sorted((comparison / records.RUNS).glob("*/record.json")):
        config = pd.read_json(path, typ="series")["config"]
        if (config["method"], config["split"]["by"]) == ("mc_dropout", split):
            found[config["split"]["fold"]] = HeldOut.load(path.parent)
    return dict(sorted(found.items()))


def habit(run: HeldOut, passes: int, seed: int) -> Normal:
    """Normals with the sample SD of so many passes and nothing else."""
    pred, rng = run.uncalibrated, np.random.default_rng(seed)
    sampled = pred.epistemic * rng.chisquare(passes - 1, len(pred)) / (passes - 1)
    return Normal(pred.keys, pred.measure, pred.mean, np.zeros(len(pred)), np.maximum(sampled, 1e-6), unit=pred.unit)


def metrics(pred: PredictiveDistribution, observed: pd.DataFrame) -> tuple[float, ...]:
    """Coverage and width of 90 % intervals, NLL, CRPS."""
    response = observed["response"].to_numpy()
    low, high = pred.interval(0.9).T
    covered = (low <= response) & (response <= high)
    return (
        float(covered.mean()),
        float((high - low).mean()),
        -float(pred.log_prob(response).mean()),
        float(pred.crps(response).mean()),
    )


if __name__ == "__main__":
    main()
