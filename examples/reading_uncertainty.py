"""What a predictive distribution can be asked: noise or ignorance, odds, and sets of pairs.

`python examples/reading_uncertainty.py [FOLDER]`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from bdrp import fit, predict, sources, splits, triage


def main(folder: Path) -> None:
    screen = sources.load("simulated")
    split = splits.make(screen, by="drug", seed=0, calibration=0.2)
    fit(screen, split, seed=0, out=folder / "model", options={"epochs": 3}, progress=False)
    predictions = predict(folder / "model", screen=screen)
    pred = predictions.distribution

    trained = set(split.keys["drug_id"].iloc[split.rows("train")])
    seen = pred.keys["drug_id"].isin(trained).to_numpy()
    print(f"epistemic SD: {pred.epistemic_std[seen].mean():.2f} for training drugs,", end=" ")
    print(f"{pred.epistemic_std[~seen].mean():.2f} for drugs never seen")

    sensitive = pred.cdf(np.log(1.0))  # ln IC50 below ln(1 µM)
    print(f"pairs that respond below 1 µM: {sensitive.sum():.0f} expected, {(sensitive > 0.95).sum()} all but certain")

    line = pred.keys["cell_line_id"] == pred.keys["cell_line_id"].iloc[0]
    together = pred[line.to_numpy()].joint(draws=1000, seed=0)
    best = np.bincount(together.argmin(axis=1), minlength=together.shape[1]) / len(together)
    names = predictions.context["drug_name"][line].to_numpy()
    for drug in np.argsort(best)[::-1][:3]:
        print(f"{names[drug]} has the lowest response on this line with probability {best[drug]:.2f}")

    policy = triage.Policy(sensitivity_threshold=float(np.log(1.0)), most_per_drug=0.1)
    queue = triage.rank(predictions, policy, budget=20)
    print(queue["explanation"].iloc[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
