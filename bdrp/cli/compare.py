"""`bdrp compare`: methods on the same folds, resumable, with intervals and tests in one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdrp.cli import fits, speech
from bdrp.cli.options import (
    Device,
    Partition,
    Root,
    ScreenOptions,
    files_read,
    key_values,
    labelled_names,
    load_screen,
    options_by_label,
)

if TYPE_CHECKING:
    from bdrp.studies.execution.run_matrix import Grid


TABLES = ("figures", "intervals", "comparisons")


def run(
    out: Annotated[Path, typer.Option(help="The folder of the comparison; goes on where it stopped.", metavar="DIR")],
    methods: Annotated[
        str, typer.Option(help="Methods, by commas; LABEL=METHOD compares one method with several options.")
    ],
    splits: fits.Splits = fits.EVERY_SPLIT,
    folds: fits.Folds = 5,
    partition: Partition = "drawn",
    seeds: fits.Seeds = 3,
    screen: Annotated[str, typer.Option(help="Which screen: see `bdrp screens`.")] = "simulated",
    root: Root = None,
    measure: Annotated[str | None, typer.Option(help="ln_ic50_um or auc_fraction.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="METHOD.KEY=VALUE", help="An option of a method; may be repeated.")
    ] = None,
    workers: fits.Workers = 1,
    budget: fits.Budget = None,
    plan_only: fits.PlanOnly = False,
    device: Device = "auto",
    screen_option: ScreenOptions = None,
) -> None:
    """Fit methods on the same folds and say which is better: compare.html and Parquet."""
    grid = _grid(methods, splits, folds, seeds, option, partition)
    screen_options = key_values(screen_option, "--screen-option")
    fits.check_place(out, "compare.html", TABLES, files_read(root, screen_options))
    loaded = load_screen(screen, root, measure, screen_options)
    runs = fits.done(loaded, grid, out, workers=workers, budget=budget, device=device, plan_only=plan_only)
    if runs is None:
        return
    from bdrp import report
    from bdrp.studies import comparison

    found = comparison.gather(out, runs)
    for note in found.notes:
        speech.remark(note)
    speech.result(f"report: {report.compare(found, out)}")
    for name in TABLES:
        speech.result(f"{name}: {out / f'{name}.parquet'}")


def _grid(methods: str, splits: str, folds: int, seeds: int, option: list[str] | None, partition: str) -> Grid:
    from bdrp.studies.execution.run_matrix import Grid

    again = "To compare a method with itself under other options, write LABEL=METHOD, as in wide=last_layer."
    chosen = labelled_names(methods, "--methods", "a method", again)
    options = options_by_label(option, "--option", list(chosen), "method of this comparison")
    return Grid(chosen, fits.names(splits), folds, seeds, options, partition=partition)
