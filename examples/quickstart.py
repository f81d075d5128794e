"""The whole job on the simulated screen: fit, evaluate, predict what was not measured, queue what to review.

A few epochs keep it to seconds; leave `epochs` out for a real fit. `python examples/quickstart.py [FOLDER]`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bdrp import evaluate, fit, predict, sources, splits, triage


def main(folder: Path) -> None:
    screen = sources.load("simulated")
    split = splits.make(screen, by="cell_line", seed=0)
    print(screen)

    fit(screen, split, method="last_layer", seed=0, out=folder / "model", options={"epochs": 3}, progress=False)
    scores = evaluate(folder / "model", out=folder / "report").to_dict()
    print(f"RMSE on unseen lines: {scores['point']['rmse']:.2f}; mean effects: {scores['naive']['rmse']:.2f}")
    print(f"90 % intervals cover {scores['coverage']['90']['coverage']:.1%}")

    predictions = predict(folder / "model", screen=screen)
    predictions.save(folder / "predictions.parquet")
    queue = triage.rank(predictions, budget=20)
    triage.export(queue, folder / "queue.csv")
    print(queue[["drug_name", "cell_line_id", "mean", "q05", "q95", "reasons"]].head(5).to_string(index=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
