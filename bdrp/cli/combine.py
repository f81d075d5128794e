"""`bdrp combine`: two drugs on a line, if each acts for itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    MethodFile,
    NewDrugs,
    Root,
    ScreenOptions,
    Seed,
    drop_unset,
    list_input_files,
    load_screen,
    parse_key_values,
    read_new_drugs,
    read_new_lines,
)

if TYPE_CHECKING:
    from bdrp.report.combinations import Combinations

PAGE: Final = "docs/combine.md"
EXAMPLES: Final = (
    "bdrp combine model --line MCF-7 --out pairs.xlsx",
    "bdrp combine model --line MCF-7 --drug dabrafenib",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` or `bdrp update` wrote.")],
    line: Annotated[str | None, typer.Option(metavar="NAME", help="The line, by name or id.")] = None,
    drug: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="May be repeated: one drug is paired with all others, several with each other; all pairs if left out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also write a page (.html) with .xlsx and .csv beside it, or a table: .csv, .xlsx, .parquet."
        ),
    ] = None,
    new_sample: Annotated[
        Path | None, typer.Option(help="Expression of samples that the screen lacks: cell_line_id, then genes.")
    ] = None,
    expression_scale: ExpressionScale = None,
    screen: Annotated[
        str | None, typer.Option(help="Gives drugs, lines, names and doses; the model's own if left out.")
    ] = None,
    root: Root = None,
    drugs: NewDrugs = None,
    dose_unit: DoseUnit = None,
    yardstick: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What counts as active, as in `bdrp answer`: highest_dose, quantile, cmax_um."
        ),
    ] = None,
    share: Annotated[float | None, typer.Option(help="The share of a drug's lines below its quantile (0.1).")] = None,
    concentrations: Annotated[
        Path | None, typer.Option(help="Table of drug_id or name and concentrations; --drugs if left out.")
    ] = None,
    seed: Seed = 0,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Rank pairs of drugs on a line by what the second adds under independent action; this is no synergy model."""
    from bdrp.fitted.model import TrainedModel
    from bdrp.report import combinations
    from bdrp.report.answers import Criteria

    options = parse_key_values(screen_option, "--screen-option")
    if out is not None:
        combinations.places(out, [model, *list_input_files(root, options, new_sample, drugs, concentrations)])
    trained = TrainedModel.load(model, method)
    found = combinations.ask(
        trained,
        load_screen(screen or trained.manifest["screen"], root, trained.manifest["measure"], options),
        line=line,
        among=drug or (),
        new_samples=read_new_lines(new_sample, trained, expression_scale) if new_sample else None,
        new_drugs=read_new_drugs(drugs, trained, dose_unit) if drugs else None,
        criteria=Criteria(yardstick, concentrations=concentrations or drugs, **drop_unset(share=share)),
        seed=seed,
    )
    print_combinations(found)
    if out is not None:
        console.print_written("combinations", *combinations.write(found, out))


def print_combinations(found: Combinations, most: int = 10) -> None:
    """The first pairs, what active means, and that this is no synergy model."""
    from rich.table import Table
    from rich.text import Text

    from bdrp.report.combinations.page import NO_SYNERGY

    means = found.active_means.replace("\u202f", " ")
    console.print_line(f"{found.line}: {len(found.table):,} pairs of drugs; active means {means}")
    table = Table("drug", "with", box=None, header_style="bold")
    for heading in ("alone", "alone", "the better", "low to high", "gain"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.table.head(most).to_dict("records"):
        names = [Text(console.replace_control_characters(row[name])[:24]) for name in ("drug_a", "drug_b")]
        shown = [f"{row[name]:.2f}" for name in ("chance_a", "chance_b", "chance")]
        table.add_row(*names, *shown, f"{row['low']:.2f} to {row['high']:.2f}", f"{row['gain']:.2f}")
    console.print_table(table)
    if found.left_out:
        console.print_note(f"without a threshold, and left out: {', '.join(found.left_out[:10])}")
    console.print_updates(found.updates)
    console.print_line(NO_SYNERGY)
