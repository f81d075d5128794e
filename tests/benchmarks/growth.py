"""How cost grows with pairs, lines, drugs, genes and draws.

    OMP_NUM_THREADS=1 python tests/benchmarks/growth.py [--root DATA] [--repeat 3]

One process, one thread, seconds of its CPU, the median of the turns. A screen is cut or repeated to its size: lines and
drugs are taken again and again, genes are drawn at random beside those that there are. *An epoch* of `last_layer`
visits every line once, in grid blocks; *a prediction* is the whole distribution of pairs at random from the grid.
Nothing is trained, which no cost depends on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd
import pyro
import torch
from costs import drawn, some, training

from bdrp.data import sources, splits
from bdrp.data.screen import Screen
from bdrp.features import batch as features

GENES: Final = (600, 6_000, 18_000)
LINES: Final = (80, 160, 320)
DRUGS: Final = (40, 80, 160)
PAIRS: Final = (1_000, 10_000, 100_000)
DRAWS: Final = (1, 10, 100)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    screen = sources.load("gdsc2" if given.root else "simulated", given.root)
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        by_pairs(screen, given.repeat)
        print("\ngrown       to     prepare s   an epoch s   us a pair   prediction of 10,000 pairs s")
        for what, sizes, grown in (
            ("genes", GENES, with_genes),
            ("lines", LINES, with_lines),
            ("drugs", DRUGS, with_drugs),
        ):
            for size in sizes:
                row(what, size, grown(screen, size), given.repeat)


def row(what: str, size: int, screen: Screen, repeat: int) -> None:
    """What a screen of some size costs."""
    torch.manual_seed(0)
    batch, preparing = prepared(screen)
    made = training("last_layer", batch, "cpu")
    optimiser = torch.optim.AdamW(made.parameter_groups())

    def epoch() -> None:
        for block in made.blocks(torch.Generator().manual_seed(0)):
            optimiser.zero_grad()
            made.loss(block).backward()
            optimiser.step()

    took, pairs = seconds(epoch, repeat), some(batch, 10_000)
    made.fitted.learn_kriging(batch)
    predicting = seconds(lambda: made.fitted.predict(batch.inputs, pairs), repeat)
    print(
        f"{what:7s}{size:8,d} {preparing:12.2f} {took:12.2f} {1e6 * took / len(batch.train):11.1f} {predicting:20.3f}",
        flush=True,
    )


def by_pairs(screen: Screen, repeat: int) -> None:
    """Predictions of more and more pairs, and of more and more draws of MC dropout."""
    batch, _ = prepared(screen)
    full, dropout = (training(name, batch, "cpu").fitted for name in ("last_layer", "mc_dropout"))
    full.learn_kriging(batch)
    dropout.learn_kriging(batch)
    print("pairs      closed form s   us a pair")
    for many in PAIRS:
        pairs = some(batch, many)
        took = seconds(lambda pairs=pairs: full.predict(batch.inputs, pairs), repeat)
        print(f"{len(pairs):8,d} {took:15.3f} {1e6 * took / len(pairs):11.2f}", flush=True)
    pairs = some(batch, 1_000)
    print("\ndraws of MC dropout, 1,000 pairs, s")
    for many in DRAWS:
        print(
            f"{many:8,d} {seconds(lambda many=many: drawn(dropout, batch.inputs, pairs, many), repeat):15.3f}",
            flush=True,
        )


def seconds(call: Callable[[], Any], repeat: int) -> float:
    """CPU seconds of a call, the median after one that warms up."""
    took = []
    for _ in range(repeat + 1):
        began = time.process_time()
        call()
        took.append(time.process_time() - began)
    return median(took[1:])


def prepared(screen: Screen) -> tuple[Any, float]:
    """The tensors of a screen, and CPU seconds until they are there."""
    began = time.process_time()
    batch = features.prepare(screen, splits.make(screen, "pair", seed=0))
    return batch, time.process_time() - began


def with_genes(screen: Screen, many: int) -> Screen:
    """As many genes: some of those there are, or random ones beside them."""
    table, rng = screen.expression, np.random.default_rng(0)
    lacking = max(0, many - table.shape[1])
    drawn_values = rng.normal(8, 2, (len(table), lacking)).astype(np.float32)
    further = pd.DataFrame(drawn_values, index=table.index, columns=[f"RANDOM{at}" for at in range(lacking)])
    return changed(screen, profiles={"expression": pd.concat([table, further], axis=1).iloc[:, :many]})


def with_lines(screen: Screen, many: int) -> Screen:
    """As many lines, again and again under other ids."""
    lines = screen.cell_lines.index
    taken = repeated(lines, many)
    cell_lines = screen.cell_lines.loc[[old for old, _ in taken]].set_axis([new for _, new in taken])
    cell_lines = cell_lines.assign(patient_id=cell_lines.index).rename_axis(lines.name)
    expression = screen.expression.loc[[old for old, _ in taken]].set_axis([new for _, new in taken])
    responses = under_other_ids(screen.responses, "cell_line_id", taken)
    return changed(
        screen, cell_lines=cell_lines, profiles={"expression": expression.rename_axis(lines.name)}, responses=responses
    )


def with_drugs(screen: Screen, many: int) -> Screen:
    """As many drugs, again and again under other ids, as assays of one compound."""
    taken = repeated(screen.drugs.index, many)
    drugs = screen.drugs.loc[[old for old, _ in taken]].set_axis([new for _, new in taken])
    responses = under_other_ids(screen.responses, "drug_id", taken)
    return changed(screen, drugs=drugs.rename_axis("drug_id"), responses=responses)


def repeated(ids: Iterable[str], many: int) -> list[tuple[str, str]]:
    """Old ids with new ones, so many."""
    known = list(ids)
    return [(known[at % len(known)], f"{known[at % len(known)]}.{at // len(known)}") for at in range(many)]


def under_other_ids(responses: pd.DataFrame, column: str, taken: list[tuple[str, str]]) -> pd.DataFrame:
    """The rows of each old id, once for each new one."""
    ids = pd.DataFrame(taken, columns=[column, "new"], dtype="str")
    found = responses.merge(ids, on=column)
    return found.drop(columns=column).rename(columns={"new": column})[list(responses.columns)]


def changed(screen: Screen, **parts: Any) -> Screen:
    """The screen with other tables."""
    return replace(screen, **parts)


if __name__ == "__main__":
    main()
