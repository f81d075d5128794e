"""Unseen cell lines of GDSC2: fit, recalibrate, score and rank every fold, beside the rivals, in one run.

    python tests/benchmarks/gdsc2_cell_lines.py --root DATA --out RESULTS

DATA holds the GDSC files (see docs/screens.md). Writes RESULTS/gdsc2_cell_lines.json and prints a table for
docs/benchmarks.md. Nothing is chosen on test rows: epochs are stopped on the validation part, recalibration is chosen
within the calibration part.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bdrp import evaluation, report, triage
from bdrp.data import sources, splits
from bdrp.experiments import run

METHODS = ("mean_effects", "ridge", "last_layer")
FIGURES = ("rmse", "nll", "nll_before", "crps", "coverage", "coverage_before", "width", "area", "aurc", "kept")
FIGURES += ("kept_within", "within", "fit_s", "pairs_a_second")


def main() -> None:
    """Run every method on every fold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="*", default=list(range(5)))
    parser.add_argument("--by", default="cell_line", choices=splits.BY)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    arguments = parser.parse_args()
    screen = sources.load("gdsc2", arguments.root)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for fold in arguments.folds:
        split = splits.make(screen, arguments.by, seed=0, fold=fold)
        for method in arguments.methods:
            rows.append(
                {"fold": fold, "method": method} | one(screen, split, method, arguments.out / f"{method}-{fold}")
            )
            print(json.dumps(rows[-1]), flush=True)
    (arguments.out / f"gdsc2_{arguments.by}.json").write_text(json.dumps(rows, indent=1))
    print(table(rows))


def one(screen: Any, split: Any, method: str, out: Path) -> dict[str, float]:
    """Fit, evaluate and triage once; seconds of each, predicted pairs a second with their keys, and the scores."""
    began = time.perf_counter()
    model = run.fit(screen, split, method=method, out=out, overwrite=True)
    fitted = time.perf_counter()
    report.evaluate(out, out.with_name(out.name + "-report"))
    evaluated = time.perf_counter()
    predictions = run.predict(model, screen=screen)
    predicted = time.perf_counter()
    predictions.save(out.with_name(out.name + ".parquet"))
    queue = triage.rank(triage.read_predictions(out.with_name(out.name + ".parquet")), triage.Policy(), 50)
    triage.export(queue, out.with_name(out.name + "-queue.csv"))
    ended = time.perf_counter()
    seconds = {"fit_s": fitted - began, "evaluate_s": evaluated - fitted, "triage_s": ended - evaluated}
    seconds["pairs_a_second"] = len(screen.drugs) * len(screen.expression) / (predicted - evaluated)
    peak = {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
    return scores(model) | {key: round(value, 2) for key, value in (seconds | peak).items()}


def scores(model: Any) -> dict[str, float]:
    """The figures of a fold."""
    after = evaluation.score(model.held_out_predictions(), model.held_out()).to_dict()
    before = evaluation.score(model.held_out_uncalibrated(), model.held_out()).to_dict()
    figures = {
        "rmse": after["point"]["rmse"],
        "nll": after["probabilistic"]["nll"],
        "nll_before": before["probabilistic"]["nll"],
        "crps": after["probabilistic"]["crps"],
        "coverage": after["coverage"]["90"]["coverage"],
        "coverage_before": before["coverage"]["90"]["coverage"],
        "width": after["coverage"]["90"]["width"],
        "area": after["calibration"]["miscalibration_area"],
        "aurc": after["selective"]["aurc"],
        "kept": after["selective"]["kept_at_10"],
        "kept_within": after["selective"]["within_drug_kept_at_10"],
        "within": after["selective"]["within_drug_error_spearman"],
    }
    return {key: float("nan") if value is None else round(value, 4) for key, value in figures.items()}


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a row a method and fold, then the means."""
    head = ["method", "fold", *FIGURES]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        for row in own:
            lines.append(f"| {method} | {row['fold']} | " + " | ".join(_spoken(row[key]) for key in FIGURES) + " |")
        means = (float(np.mean([row[key] for row in own])) for key in FIGURES)
        lines.append(f"| **{method}** | mean | " + " | ".join(f"**{_spoken(value)}**" for value in means) + " |")
    return "\n".join(lines)


def _spoken(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1_000 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
