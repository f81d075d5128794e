"""`bdrp replay`: a measured screen asked in batches, to see which acquisition function learns soonest."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console, study_runs
from bdrp.cli.options import (
    Device,
    DoseUnit,
    ExpressionScale,
    Measure,
    OwnDrugs,
    OwnExpression,
    OwnLines,
    OwnResponses,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    gather_screen_options,
    list_input_files,
    load_screen,
    name_tables,
    parse_key_values,
)

if TYPE_CHECKING:
    from bdrp.studies.replay import Replayed

PAGE: Final = "docs/design.md"
EXAMPLES: Final = ("bdrp replay --rounds 12 --out replay",)


def run(
    out: Annotated[Path, typer.Option(help="The folder of the replay; goes on where it stopped.", metavar="DIR")],
    by: Annotated[
        str, typer.Option(help="Acquisition functions by commas; random is always among them.", metavar="NAMES")
    ] = "epig,variance,bald,greedy_mean,ucb,thompson",
    seeds: Annotated[int, typer.Option(min=1, help="How many times, each with first labels of its own.")] = 5,
    start: Annotated[int, typer.Option(help="Labels that the first model is fitted on.")] = 600,
    batch: Annotated[int, typer.Option(help="Labels a round.")] = 50,
    rounds: Annotated[int, typer.Option(help="How many rounds.")] = 10,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=NAME", help="Which pairs are scored: tissue=, line=, drug=; any if left out."),
    ] = None,
    scored: Annotated[float, typer.Option(help="The share of the target's pairs that is kept back and scored.")] = 0.2,
    pool: Annotated[int, typer.Option(help="The most pairs that can be asked for.")] = 3000,
    refit_every: Annotated[int, typer.Option(help="Fit anew after so many rounds; 0 updates alone.")] = 0,
    hits: Annotated[float, typer.Option(help="The share of a drug's lines that count as hits.")] = 0.01,
    screen: Annotated[str, typer.Option(help="Which screen: see `bdrp screens`.")] = "simulated",
    root: Root = None,
    measure: Measure = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    expression_scale: ExpressionScale = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of last_layer; may be repeated.")
    ] = None,
    device: Device = "auto",
    responses: OwnResponses = None,
    drugs: OwnDrugs = None,
    expression: OwnExpression = None,
    cell_lines: OwnLines = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Replay a screen in batches, for each acquisition function and seed: learning curves in replay.html."""
    from bdrp.design.target import Target
    from bdrp.report import replay as page
    from bdrp.studies import replay as study

    protocol = study.Protocol(
        by=tuple(study_runs.split_by_commas(by)),
        seeds=seeds,
        start=start,
        batch=batch,
        rounds=rounds,
        target=Target.parse(target or []),
        scored=scored,
        pool=pool,
        refit_every=refit_every,
        hits=hits,
        options=parse_key_values(option, "--option"),
    )
    said = describe_tables(unit, dose_unit, expression_scale)
    own = name_tables(responses, drugs, expression, cell_lines)
    options = gather_screen_options(screen_option, said, own)
    names = ("rounds", "curves", "summary")
    study_runs.check_output_folder(out, page.PAGE, names, list_input_files(root, options))
    loaded = load_screen(screen, root, measure, options)
    runs = study.replay(loaded, protocol, out, device=device, progress=console.shows_progress())
    found = study.gather_curves(runs, protocol, loaded)
    written = page.write(found, out)
    print_summary(found)
    console.print_written("report", written)


def print_summary(found: Replayed) -> None:
    """A row an acquisition function: areas, differences to random, and labels it needs."""
    from rich.table import Table

    for metric, one in found.summary.groupby("figure", sort=False):
        table = Table(str(metric), box=None, header_style="bold")
        for heading in ("mean", "less random", "95 %", "end", "labels", "random needs"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in one.to_dict("records"):
            numbers = [f"{row[name]:.3f}" for name in ("area", "difference")]
            share = "-" if isnan(row["share_of_random"]) else f"{row['share_of_random']:.0%}"
            extra = "-" if isnan(row["extra_batches"]) else f"{row['batches']:.0f} {row['extra_batches']:+.1f}"
            interval = f"{row['low']:.3f} to {row['high']:.3f}"
            table.add_row(row["by"], *numbers, interval, f"{row['last']:.3f}", share, extra)
        console.print_table(table)
    console.print_line(
        "mean: over all labels. labels: what it needs for what random has at the end, as a share of random's. random "
        "needs: 5 +2.0 are two batches more than five for what five give."
    )
