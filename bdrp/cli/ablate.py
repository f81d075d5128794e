"""`bdrp ablate`: what each part of the model contributes, with its interval, by split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bdrp.cli import fits, speech
from bdrp.cli.options import Device, Partition, Root, ScreenOptions, files_read, key_values, load_screen


def run(
    out: Annotated[Path, typer.Option(help="The folder of the ablation; goes on where it stopped.", metavar="DIR")],
    method: Annotated[str, typer.Option(help="The method that is taken apart; one that trains the network.")] = (
        "last_layer"
    ),
    parts: Annotated[
        str | None, typer.Option(help="Parts to take away, by commas; all if left out (docs/ablate.md names them).")
    ] = None,
    splits: fits.Splits = fits.EVERY_SPLIT,
    folds: fits.Folds = 5,
    partition: Partition = "drawn",
    seeds: fits.Seeds = 3,
    screen: Annotated[str, typer.Option(help="Which screen: see `bdrp screens`.")] = "simulated",
    root: Root = None,
    measure: Annotated[str | None, typer.Option(help="ln_ic50_um or auc_fraction.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the method; may be repeated.")
    ] = None,
    workers: fits.Workers = 1,
    budget: fits.Budget = None,
    plan_only: fits.PlanOnly = False,
    device: Device = "auto",
    screen_option: ScreenOptions = None,
) -> None:
    """Fit a method without each of its parts and say what each contributes: ablation.html, ablation.parquet."""
    from bdrp.studies import components

    chosen = None if parts is None else fits.names(parts)
    options = key_values(option, "--option")
    grid = components.ablation_matrix(
        method, fits.names(splits), folds, seeds, options=options, parts=chosen, partition=partition
    )
    screen_options = key_values(screen_option, "--screen-option")
    fits.check_place(out, "ablation.html", ["ablation"], files_read(root, screen_options))
    loaded = load_screen(screen, root, measure, screen_options)
    runs = fits.done(loaded, grid, out, workers=workers, budget=budget, device=device, plan_only=plan_only)
    if runs is None:
        return
    from bdrp import report
    from bdrp.studies import ablation

    found = ablation.gather(out, runs)
    for note in found.notes:
        speech.remark(note)
    speech.result(f"report: {report.ablate(found, out)}")
    speech.result(f"contributions: {out / 'ablation.parquet'}")
