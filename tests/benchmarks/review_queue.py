"""What a review queue buys on GDSC2, over the published folds of a comparison that `bdrp compare` saved.

    python tests/benchmarks/review_queue.py RUN [--method last_layer] [--by cell_line] [--out table.csv]

RUN is the folder that `bdrp compare --partition published` wrote; nothing is fitted. Of each fold's held-out pairs, 20
and 50 % go into the queue; printed is what is left in the accepted 80 and 50 %, as the mean over folds and the range of
folds. A call is sensitive below the lowest tenth of a drug's own predicted means.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from bdrp.files import strict_json
from bdrp.fitted.held_out import HeldOut
from bdrp.triage import Policy, simulate_review

COLUMNS = ("accepted", "expected", "relative", "relative_within_drug")


def main() -> None:
    """Print one table a loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--method", default="last_layer")
    parser.add_argument("--by", default="cell_line", help="how folds were held out: cell_line, pair, drug, ...")
    parser.add_argument("--out", type=Path, help="the rows of every fold as CSV")
    arguments = parser.parse_args()
    found = pd.concat(review_folds(arguments.run, arguments.method, arguments.by), ignore_index=True)
    if arguments.out:
        found.to_csv(arguments.out, index=False)
    print(f"{arguments.method}, {arguments.by}: folds {sorted(found['fold'].unique())}")
    for (loss, queued), rows in found.groupby(["loss", "queued"], sort=False):
        print(f"\n{loss}, accepted {1 - queued:.0%}")
        print(summarise(rows).to_string())


def review_folds(run: Path, method: str, by: str) -> list[pd.DataFrame]:
    """`simulate_review` of each saved fold, with its number."""
    folds = []
    for record in sorted(run.glob("runs/*/record.json")):
        told = strict_json.read(record)
        if (told["config"]["method"], told["split"]["by"]) != (method, by):
            continue
        part = HeldOut.load(record.parent)
        found = simulate_review(part.predictions, part.observed, Policy(threshold_by_drug=True))
        folds.append(found.assign(fold=told["split"]["fold"], pairs=len(part.observed)))
    return folds


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over folds by ranking, and the lowest and highest fold of both shares."""
    by = rows.groupby("ranking", sort=False)
    table = by[list(COLUMNS)].mean()
    for name in COLUMNS[2:]:
        span = by[name].min().map("{:.3f}".format) + "-" + by[name].max().map("{:.3f}".format)
        table.insert(table.columns.get_loc(name) + 1, f"{name} (folds)", span)
    return table.round(3)


if __name__ == "__main__":
    main()
