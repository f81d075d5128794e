"""What only a simulated screen can show: predictions against the truth, over seeds and splits.

    python tests/benchmarks/simulated_truth.py [--seeds 0 1 2] [--methods last_layer] [--option likelihood=censored]

For every seed, method and split: coverage of recalibrated 90 % intervals over held-out responses, the correlation of
predicted aleatoric SD with the true noise SD, the epistemic SD, and, over the held-out pairs that were extrapolated
beyond the highest dose, the error of the predicted mean about the ln IC50 of the generative curve: bias and RMSE.
With --capped, responses beyond the highest dose are reported at it, as CCLE does, instead of extrapolated.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

import bdrp
from bdrp.data import splits
from bdrp.data.sources.simulated import simulate

METRICS = (
    "n", "RMSE", "90 % coverage", "before", "noise SD correlation", "epistemic SD", "bias beyond", "RMSE beyond",
)  # fmt: skip


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--splits", nargs="*", default=["pair", "cell_line", "drug"])
    parser.add_argument("--methods", nargs="*", default=["last_layer"])
    parser.add_argument("--option", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--capped", action="store_true", help="report responses beyond the highest dose at it")
    arguments = parser.parse_args()
    options = dict(option.split("=", 1) for option in arguments.option)
    head = ("seed", "method", "split", *METRICS)
    print("| " + " | ".join(head) + " |\n" + "| --- " * len(head) + "|")
    for seed in arguments.seeds:
        simulation = capped(simulate(seed)) if arguments.capped else simulate(seed)
        for method in arguments.methods:
            for by in arguments.splits:
                metrics = one(simulation, by, seed, method, options)
                print(
                    f"| {seed} | {method} | {by} | " + " | ".join(f"{value:.3f}" for value in metrics) + " |",
                    flush=True,
                )


def one(simulation: Any, by: str, seed: int, method: str, options: dict[str, str]) -> tuple[float, ...]:
    """Metrics of fold 0, in the order of METRICS."""
    split = splits.make(simulation.screen, by, seed=seed)
    model = bdrp.fit(simulation.screen, split, method=method, options=options, seed=seed)
    pred, raw, observed = model.held_out_predictions(), model.held_out_uncalibrated(), model.held_out()
    pairs = list(zip(observed["cell_line_id"], observed["drug_id"], strict=True))
    truth = simulation.truth.pairs.set_index(["cell_line_id", "drug_id"]).loc[pairs]
    beyond = (observed["response"] >= observed["upper_limit"]).to_numpy()
    error = (pred.mean - truth["true_ln_ic50"].to_numpy())[beyond]
    return (
        len(observed),
        float(np.sqrt(np.mean((pred.mean - observed["response"]) ** 2))),
        covered(pred, observed),
        covered(raw, observed),
        correlation(truth["noise_sd"].to_numpy(), pred.aleatoric_std),
        float(np.sqrt(pred.epistemic.mean())),
        float(error.mean()),
        float(np.sqrt(np.mean(error**2))),
    )


def capped(simulation: Any) -> Any:
    """The same with no response beyond its highest dose."""
    responses = simulation.screen.responses
    cut = responses.assign(response=responses["response"].clip(upper=responses["upper_limit"]))
    return replace(simulation, screen=replace(simulation.screen, responses=cut))


def correlation(left: Any, right: Any) -> float:
    """Pearson's; 0 where one side does not vary."""
    return float(np.corrcoef(left, right)[0, 1]) if np.std(right) > 0 else 0.0


def covered(pred: Any, observed: Any) -> float:
    """Share of responses within their 90 % interval."""
    low, high = pred.interval(0.9).T
    return float(((low <= observed["response"]) & (observed["response"] <= high)).mean())


if __name__ == "__main__":
    main()
