"""What only a simulated screen can show: predictions against the truth, over seeds and splits.

    python tests/benchmarks/simulated_truth.py [--seeds 0 1 2]

For every seed and split: coverage of recalibrated 90 % intervals over held-out responses, the correlation of predicted
aleatoric SD with the true noise SD, and the ratio of the epistemic SD on unseen drugs to that on unseen pairs.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from bdrp.data import splits
from bdrp.data.sources.simulated import simulate
from bdrp.experiments import run


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--splits", nargs="*", default=["pair", "cell_line", "drug"])
    arguments = parser.parse_args()
    print("| seed | split | n | RMSE | 90 % coverage | before | noise SD correlation | epistemic SD |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for seed in arguments.seeds:
        simulation = simulate(seed)
        epistemic = {}
        for by in arguments.splits:
            figures = one(simulation, by, seed)
            epistemic[by] = figures[-1]
            print(f"| {seed} | {by} | " + " | ".join(f"{value:.3f}" for value in figures) + " |", flush=True)
        if {"pair", "drug"} <= set(epistemic):
            print(
                f"| {seed} | epistemic SD, unseen drugs / unseen pairs | {epistemic['drug'] / epistemic['pair']:.2f} |"
            )


def one(simulation: Any, by: str, seed: int) -> tuple[float, ...]:
    """Figures of fold 0."""
    model = run.fit(simulation.screen, splits.make(simulation.screen, by, seed=seed), seed=seed)
    pred, raw, observed = model.held_out_predictions(), model.held_out_uncalibrated(), model.held_out()
    truth = simulation.truth.pairs.set_index(["cell_line_id", "drug_id"])
    noise = truth.loc[list(zip(observed["cell_line_id"], observed["drug_id"], strict=True)), "noise_sd"].to_numpy()
    return (
        len(observed),
        float(np.sqrt(np.mean((pred.mean - observed["response"]) ** 2))),
        covered(pred, observed),
        covered(raw, observed),
        float(np.corrcoef(noise, pred.aleatoric_std)[0, 1]),
        float(np.sqrt(pred.epistemic.mean())),
    )


def covered(pred: Any, observed: Any) -> float:
    """Share of responses within their 90 % interval."""
    low, high = pred.interval(0.9).T
    return float(((low <= observed["response"]) & (observed["response"] <= high)).mean())


if __name__ == "__main__":
    main()
