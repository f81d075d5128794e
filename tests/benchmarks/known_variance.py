"""What known variances of measurements are worth: the simulated screen, measured with errors of known SD.

    python tests/benchmarks/known_variance.py [METHOD] [SEED ...]

Errors of SD 0.1 to 2.5 ln(µM), log-uniform, are added to every response, and one fit reads them while another does not.
Both are scored on the same held-out pairs as they were measured, and their aleatoric SD is held against the truth of
the simulation: that of repeated experiments, which are without the errors that were added.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd

import bdrp
from bdrp import evaluation
from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.data.simulation.truth import Truth
from bdrp.data.sources import simulated

LEAST_SD, MOST_SD = 0.1, 2.5


def measure_with_errors(screen: Screen, seed: int) -> Screen:
    """The screen, its responses with errors of known SD; without limits, which an error would cross."""
    rng, rows = np.random.default_rng(seed), screen.responses
    sd = np.exp(rng.uniform(np.log(LEAST_SD), np.log(MOST_SD), len(rows)))
    response = rows["response"] + sd * rng.standard_normal(len(rows))
    rows = rows.assign(response=response, lower_limit=np.nan, upper_limit=np.nan, response_sd=sd)
    return replace(screen, responses=rows)


def compare(seed: int, method: str, by: str) -> pd.DataFrame:
    """A row a fit: with and without the known SDs, before recalibration."""
    world = simulated.simulate(seed)
    told = measure_with_errors(world.screen, seed)
    untold = replace(told, responses=told.responses.drop(columns="response_sd"))
    split = splits.make(told, by, seed=seed)
    return pd.DataFrame(
        [{"seed": seed, "by": by, "known": known, **_score(each, split, method, world.truth, told)}
         for known, each in (("without", untold), ("with", told))]
    )  # fmt: skip


def _score(screen: Screen, split: splits.Split, method: str, truth: Truth, told: Screen) -> dict[str, float]:
    model = bdrp.fit(screen, split, method=method, recalibration="identity", refit=False, progress=False)
    held_out = model.held_out_part
    assert held_out is not None
    scores = evaluation.score(held_out.predictions, held_out.observed).metrics
    sd = told.responses.iloc[split.rows("test")]["response_sd"].to_numpy()
    true = held_out.observed[["cell_line_id", "drug_id"]].merge(truth.pairs, how="left")
    pred = held_out.predictions
    known = sd if "response_sd" in screen.responses else np.zeros_like(sd)
    noise = np.sqrt(np.maximum(pred.aleatoric_std**2 - known**2, 0))
    inside = np.abs(pred.cdf(held_out.observed["response"].to_numpy()) - 0.5) <= 0.45
    precise = sd < np.median(sd)
    return {
        "nll": scores["probabilistic"]["nll"],
        "crps": scores["probabilistic"]["crps"],
        "coverage_90": inside.mean(),
        "precise_half": inside[precise].mean(),
        "imprecise_half": inside[~precise].mean(),
        "rmse": scores["point"]["rmse"],
        "rmse_of_truth": float(np.sqrt(np.mean((pred.mean - true["mean"]) ** 2))),
        "noise_sd": float(np.sqrt(np.mean(noise**2))),
        "true_noise_sd": float(np.sqrt(np.mean(true["noise_sd"] ** 2))),
    }


if __name__ == "__main__":
    chosen, *seeds = sys.argv[1:] or ["last_layer"]
    found = [compare(int(seed), chosen, by) for seed in seeds or ["0"] for by in ("pair", "cell_line")]
    print(pd.concat(found).round(3).to_string(index=False))
