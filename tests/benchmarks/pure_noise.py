"""What a model calls ignorance where there is nothing to learn: responses that changed places.

    python tests/benchmarks/pure_noise.py [--splits pair,cell_line,drug] [--method last_layer] [--seed 0]

On the simulated screen, responses permuted with their limits. The true mean of every pair is then one number, so the
error of a predicted mean is known: *owed* is its square, as a share of the responses' variance, and *said* what
the model calls epistemic, as a share of the variance that it predicts.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd

import bdrp
from bdrp.data import sources
from bdrp.data.screen import LIMITS, Screen


def main() -> None:
    """Print a row a split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", default="pair,cell_line,drug")
    parser.add_argument("--method", default="last_layer")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    screen = permute_responses(sources.load("simulated"), arguments.seed)
    rows = [measure(screen, by, arguments.method, arguments.seed) for by in arguments.splits.split(",")]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def permute_responses(screen: Screen, seed: int) -> Screen:
    """The screen with its responses and their limits in other places."""
    columns = ["response", *LIMITS]
    order = np.random.default_rng(seed).permutation(len(screen.responses))
    moved = screen.responses[columns].iloc[order].reset_index(drop=True)
    return replace(screen, responses=screen.responses.assign(**{name: moved[name].to_numpy() for name in columns}))


def measure(screen: Screen, by: str, method: str, seed: int) -> dict[str, object]:
    """What is said and what is owed on the test part of one fit, and the coverage of 90 % intervals."""
    held_out = bdrp.fit(screen, by, method=method, seed=seed, recalibration="identity").held_out_part
    assert held_out is not None
    pred, response = held_out.uncalibrated, held_out.observed["response"].to_numpy()
    low, high = pred.interval(0.9).T
    return {
        "split": by,
        "said": float(np.mean(pred.epistemic_std**2 / pred.std**2)),
        "owed": float(np.mean((pred.mean - screen.responses["response"].mean()) ** 2) / response.var()),
        "coverage": float(np.mean((low <= response) & (response <= high))),
    }


if __name__ == "__main__":
    main()
