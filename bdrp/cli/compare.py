"""`bdrp compare`: methods on the same folds, resumable, with intervals and tests in one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bdrp.cli import speech
from bdrp.cli.options import Device, Partition, Root, ScreenOptions, key_values, load_screen
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.experiments.compare import Outcome
    from bdrp.experiments.grid import Grid


def run(
    out: Annotated[Path, typer.Option(help="The folder of the comparison; goes on where it stopped.", metavar="DIR")],
    methods: Annotated[
        str, typer.Option(help="Methods, by commas; LABEL=METHOD compares one method with several options.")
    ],
    splits: Annotated[
        str, typer.Option(help="What is held out, by commas: pair, cell_line, drug, scaffold, tissue, both.")
    ] = "pair,cell_line,tissue,drug,both",
    folds: Annotated[int, typer.Option(help="How many folds each split has.")] = 5,
    partition: Partition = "drawn",
    seeds: Annotated[int, typer.Option(help="How many seeds each fold is fitted with.")] = 3,
    screen: Annotated[str, typer.Option(help="Which screen: see `bdrp screens`.")] = "simulated",
    root: Root = None,
    measure: Annotated[str | None, typer.Option(help="ln_ic50_um or auc_fraction.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="METHOD.KEY=VALUE", help="An option of a method; may be repeated.")
    ] = None,
    workers: Annotated[int, typer.Option(help="How many fits at a time, each on one thread.")] = 1,
    budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Start no fit that is expected to end later.")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only say what would be done.")] = False,
    device: Device = "auto",
    screen_option: ScreenOptions = None,
) -> None:
    """Fit methods on the same folds and say which is better: compare.html, figures.parquet, comparisons.parquet."""
    from bdrp.experiments import plan as planning

    grid = _grid(methods, splits, folds, seeds, option, partition)
    loaded = load_screen(screen, root, measure, key_values(screen_option, "--screen-option"))
    plan = planning.make(loaded, grid, out)
    speech.result(plan.said(max(workers, 1)))
    if plan_only:
        return
    from bdrp import report
    from bdrp.experiments import compare, findings

    try:
        outcome = compare.execute(plan, loaded, workers=workers, budget=budget, device=device, progress=True)
    except KeyboardInterrupt:
        speech.remark(f"finished runs are kept in {out}; the same command goes on from there.")
        raise
    _say(outcome)
    found = findings.gather(out, plan.runs)
    for note in found.notes:
        speech.remark(note)
    speech.result(f"report: {report.compare(found, out)}")
    for name in ("figures", "comparisons"):
        speech.result(f"{name}: {out / f'{name}.parquet'}")


def _grid(methods: str, splits: str, folds: int, seeds: int, option: list[str] | None, partition: str) -> Grid:
    from bdrp.experiments.grid import Grid

    named = [(label.strip(), method.strip()) for label, _, method in (one.partition("=") for one in methods.split(","))]
    labels = [label for label, _ in named]
    if len(set(labels)) < len(labels) or not all(labels):
        raise DataError(
            f"--methods {methods!r} names a method twice, or none. Allowed: names by commas, each once. To compare a "
            "method with itself under other options, write LABEL=METHOD, as in wide=last_layer."
        )
    chosen = {label: method or label for label, method in named}
    return Grid(chosen, [name.strip() for name in splits.split(",")], folds, seeds, _options(option, labels), partition)


def _options(option: list[str] | None, labels: list[str]) -> dict[str, dict[str, Any]]:
    """`["ridge.penalty=3"]` as `{"ridge": {"penalty": 3}}`; a label may hold dots itself."""
    options: dict[str, dict[str, Any]] = {}
    for name, value in key_values(option, "--option").items():
        label, dot, key = name.rpartition(".")
        if not dot or label not in labels or not key:
            raise DataError(
                f"--option {name!r} names no method of this comparison. Allowed: METHOD.KEY=VALUE with one of "
                f"{', '.join(labels)}, as in --option {labels[0]}.KEY=VALUE."
            )
        options.setdefault(label, {})[key] = value
    return options


def _say(outcome: Outcome) -> None:
    for run, error in outcome.failed:
        speech.warning(f"{run} failed: {error}")
    if outcome.left:
        speech.warning(f"{len(outcome.left)} fits were not started: they would have exceeded the budget.")
