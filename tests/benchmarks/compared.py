"""Tables for docs/benchmarks.md from the folder of a comparison.

    python tests/benchmarks/compared.py COMPARISON

Values are of all held-out pairs of the folds that every method of a split finished, with 95 % intervals (lines and
drugs draw_bootstrap); what is ranked within drugs, seconds and pairs a second are means over folds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

POOLED = ("rmse", "nll", "crps", "aurc", "coverage_90", "width_90")
BY_FOLD = (
    "miscalibration_area", "kept_at_10", "within_drug_kept_at_10", "within_drug_error_spearman",
    "uncalibrated_coverage_90", "uncalibrated_nll", "fit_seconds",
)  # fmt: skip


def main() -> None:
    """Print a table a split, and the differences from the first Bayesian method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--of", default="last_layer", help="whose differences from the others are shown")
    arguments = parser.parse_args()
    figures, intervals, comparisons = (
        pd.read_parquet(arguments.comparison / f"{name}.parquet") for name in ("figures", "intervals", "comparisons")
    )
    for split in intervals["split"].unique():
        print(f"\n{split}\n")
        print(table(figures[figures["split"] == split], intervals[intervals["split"] == split]))
        print()
        if "split" in comparisons:  # not of one method alone
            print(differences(comparisons[(comparisons["split"] == split)], arguments.of))


def table(figures: pd.DataFrame, intervals: pd.DataFrame) -> str:
    """A row a method."""
    head = ("method", "folds", *POOLED, *BY_FOLD, "pairs a second")
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    means = figures.groupby(["method", "figure"])["value"].mean()
    speed = figures[figures["figure"] == "predict_seconds"].assign(rate=lambda rows: rows["n"] / rows["value"])
    for method, mine in intervals.groupby("method", sort=False):
        pooled = mine.set_index("figure")
        cells = [spoken(pooled.loc[name]) for name in POOLED]
        cells += [f"{means.get((method, name), float('nan')):.3f}" for name in BY_FOLD]
        cells.append(f"{speed.loc[speed['method'] == method, 'rate'].mean():,.0f}")
        folds = figures.loc[figures["method"] == method, "fold"].nunique()
        lines.append(f"| {method} | {folds} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def differences(comparisons: pd.DataFrame, of: str) -> str:
    """Every difference of a method from another by the bootstrap, with P(better) over folds."""
    found = comparisons[comparisons["test"] == "bootstrap"]
    found = found[found["figure"].isin(("rmse", "nll", "crps", "aurc"))]
    lines = ["| figure | less | difference | P(better), P(equal), P(worse) | evidence |", "| --- " * 5 + "|"]
    for row in found.to_dict("records"):
        if of in (row["method"], row["other"]):
            chances = ", ".join(f"{row[name]:.2f}" for name in ("p_better", "p_equal", "p_worse"))
            lines.append(
                f"| {row['figure']} | {row['method']} less {row['other']} | {spoken(row, 'difference')} | {chances} | "
                f"{row['evidence']} |"
            )
    return "\n".join(lines)


def spoken(row: dict[str, float] | pd.Series, name: str = "value") -> str:
    """A value with its interval."""
    return f"{row[name]:.3f} ({row['lower']:.3f} to {row['upper']:.3f})"


if __name__ == "__main__":
    main()
