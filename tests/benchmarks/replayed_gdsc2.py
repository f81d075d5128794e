"""What choosing experiments is worth on a part of GDSC2 that two cores can replay.

    python tests/benchmarks/replayed_gdsc2.py --root DATA --out REPLAY
    python tests/benchmarks/replayed_gdsc2.py --root DATA --out HITS --any-pairs --by greedy_mean thompson ucb

Half of the lines are of the lung, of which pairs are scored; the others and the drugs are drawn at random. With
`--any-pairs` those of all lines are scored alike, and hits are looked for among all. The replay is that of
`bdrp replay`, resumable, and its page lies in REPLAY.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from bdrp.cli.replay import print_summary
from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.design.target import Target
from bdrp.errors import BdrpWarning
from bdrp.report import replay as page
from bdrp.studies import replay as study

LINES = 100
DRUGS = 80
TISSUE = "Lung"


def main() -> None:
    """Replay and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--by", nargs="*", default=["epig", "variance"])
    parser.add_argument("--any-pairs", action="store_true", help="score pairs of all lines, not of one tissue")
    given = parser.parse_args()
    warnings.simplefilter("ignore", BdrpWarning)
    screen = part_of(sources.load("gdsc2", given.root))
    target = Target() if given.any_pairs else Target(tissue=(TISSUE,))
    protocol = study.Protocol(by=tuple(given.by), seeds=given.seeds, start=1000, rounds=8, target=target, scored=0.3)
    found = study.gather_curves(
        study.replay(screen, protocol, given.out, device="cpu", advance=lambda run: print(run, flush=True)),
        protocol,
        screen,
    )
    page.write(found, given.out)
    print_summary(found)


def part_of(screen: Screen) -> Screen:
    """`LINES` lung lines and as many others with `DRUGS` drugs, the same each time."""
    rng = np.random.default_rng(0)
    of_tissue = screen.cell_lines["tissue"] == TISSUE
    groups = (screen.cell_lines.index[of_tissue], screen.cell_lines.index[~of_tissue])
    lines = np.concatenate([rng.permutation(some)[:LINES] for some in groups])
    drugs = rng.permutation(screen.drugs.index)[:DRUGS]
    rows = screen.responses["cell_line_id"].isin(lines) & screen.responses["drug_id"].isin(drugs)
    return replace(
        screen,
        name="a part of gdsc2",
        responses=screen.responses[rows].reset_index(drop=True),
        drugs=screen.drugs[screen.drugs.index.isin(drugs)],
        cell_lines=screen.cell_lines[screen.cell_lines.index.isin(lines)],
        profiles={name: table[table.index.isin(lines)] for name, table in screen.profiles.items()},
    )


if __name__ == "__main__":
    main()
