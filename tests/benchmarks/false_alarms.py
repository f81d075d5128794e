"""How often equal methods are called different: every comparison of bdrp, on errors that lines and drugs share.

    python tests/benchmarks/false_alarms.py --sets 300

Two methods whose errors follow one law are compared again and again on 60 lines x 40 drugs in five folds of lines; the
share of sets in which they differ at 5 % should be 5 %. A last table makes one method better. Prints tables for
docs/significance.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bdrp.evaluation.significance import Bootstrap, corrected_t, differences, tabulate, wilcoxon

LINES, DRUGS, REPLICATES = 60, 40, 300
SHARED = {"nothing": (0.0, 0.0), "lines": (0.7, 0.0), "drugs": (0.0, 0.7), "lines and drugs": (0.7, 0.7)}


def main() -> None:
    """Count false alarms, then what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=300)
    sets = parser.parse_args().sets
    alarms = {name: _share(sets, 0, *shared) for name, shared in SHARED.items()}
    print(pd.DataFrame(alarms).T.round(3).to_string())
    found = {f"{better:.0%} smaller": _share(sets, 10_000, 0.3, 0.3, better) for better in (0.02, 0.04, 0.08)}
    print(pd.DataFrame(found).T.round(3).to_string())


def _share(sets: int, first_seed: int, by_line: float, by_drug: float, better: float = 0.0) -> Mapping[str, float]:
    rows = [_apart(_rows(first_seed + s, by_line, by_drug, better), s) for s in range(sets)]
    return dict(pd.DataFrame(rows).mean())


def _rows(seed: int, by_line: float, by_drug: float, better: float) -> pd.DataFrame:
    """Errors of two methods: a part of each line, a part of each drug, and noise of variance 1."""
    rng = np.random.default_rng(seed)
    line, drug = np.divmod(np.arange(LINES * DRUGS), DRUGS)
    place = {"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug], "fold": line % 5}
    parts = []
    for name, scale in (("a", 1 - better), ("b", 1.0)):
        shared = by_line * rng.normal(size=LINES)[line] + by_drug * rng.normal(size=DRUGS)[drug]
        squared = np.square(scale * (shared + rng.normal(size=line.size)))
        parts.append(pd.DataFrame({**place, "squared_error": squared, "response": 0.0, "method": name}))
    return pd.concat(parts, ignore_index=True)


def _apart(rows: pd.DataFrame, seed: int) -> Mapping[str, bool]:
    """Which comparisons say that the RMSEs differ."""
    found = {}
    for by in ("both", "cell_line", "drug"):
        one = differences(rows, ["rmse"], Bootstrap(by=by, replicates=REPLICATES, seed=seed)).iloc[0]
        found[f"bootstrap, {by}"] = not one["lower"] <= 0 <= one["upper"]
    a, b = rows["squared_error"].to_numpy().reshape(2, -1)
    found["pairs as if independent"] = abs((a - b).mean()) > 1.96 * (a - b).std() / np.sqrt(a.size)
    found["corrected t, folds"] = corrected_t(tabulate(rows, ["rmse"], ["fold"]))["p_value"][0] < 0.05
    for block in ("cell_line_id", "drug_id"):
        p = wilcoxon(tabulate(rows, ["rmse"], [block]), [block])["p_value"][0]
        found[f"signed ranks, {block}"] = p < 0.05
    return found


if __name__ == "__main__":
    main()
