"""`bdrp answer`: drugs ranked for a line, or lines for a drug, for people who decide what to measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    Laboratory,
    MatchExpression,
    MethodFile,
    NewDrugs,
    ProfileTables,
    Root,
    ScreenOptions,
    Tissue,
    Unit,
    describe_tables,
    drop_unset,
    list_input_files,
    load_screen,
    parse_key_values,
    parse_profile_tables,
)
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.report.answers import Answer

LONGEST: Final = 40
"""Characters of a name in a line of the terminal."""

PAGE: Final = "docs/answer.md"
EXAMPLES: Final = (
    "bdrp answer model --line MCF-7 --out answer.html",
    "bdrp answer model --new-sample new.csv --out answer.html",
    "bdrp answer predictions.parquet --drug Trametinib --out trametinib.xlsx",
)


def run(
    source: Annotated[
        Path, typer.Argument(metavar="MODEL|PREDICTIONS", help="A model folder, or a file that `bdrp predict` wrote.")
    ],
    out: Annotated[
        Path, typer.Option(help="A page (.html) with .xlsx and .csv beside it, or one table: .csv, .xlsx, .parquet.")
    ],
    line: Annotated[str | None, typer.Option(metavar="NAME", help="Rank drugs for this line, by name or id.")] = None,
    drug: Annotated[str | None, typer.Option(metavar="NAME", help="Rank lines for this drug, by name or id.")] = None,
    new_sample: Annotated[
        Path | None, typer.Option(help="Expression of samples that the screen lacks: cell_line_id, then genes.")
    ] = None,
    profiles: ProfileTables = None,
    tissue: Tissue = None,
    screen: Annotated[
        str | None,
        typer.Option(help="Gives drugs, lines, names and what was measured; the model's own screen if left out."),
    ] = None,
    root: Root = None,
    drugs: NewDrugs = None,
    yardstick: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What counts as active: below the highest_dose, below the drug's own quantile, or below a column of "
            "--concentrations, such as cmax_um.",
        ),
    ] = None,
    share: Annotated[float | None, typer.Option(help="The share of a drug's lines below its quantile (0.1).")] = None,
    concentrations: Annotated[
        Path | None, typer.Option(help="Table of drug_id or name and concentrations; --drugs if left out.")
    ] = None,
    sure: Annotated[float | None, typer.Option(help="The probability from which an answer is sure (0.9).")] = None,
    laboratory: Laboratory = "same",
    method: MethodFile = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Rank drugs for a line, or lines for a drug: in µM, sure or not, with what was measured nearby."""
    from bdrp.fitted.laboratory import find_laboratories
    from bdrp.fitted.model import TrainedModel
    from bdrp.predictive import Predictions
    from bdrp.report import answers

    options = parse_key_values(screen_option, "--screen-option")
    options |= describe_tables(unit, dose_unit, expression_scale, drugs=drugs, expression=new_sample)
    further = parse_profile_tables(profiles)
    if new_sample is None and further:
        options["profiles"] = further
    files = list_input_files(root, options, new_sample, drugs, concentrations, Path(laboratory), *further.values())
    answers.places(out, [source, *files])
    criteria = answers.Criteria(yardstick, concentrations=concentrations or drugs, **drop_unset(share=share, sure=sure))
    if source.is_file():
        needs_model = {
            "--new-sample": new_sample,
            "--drugs": drugs,
            "--profiles": profiles,
            "--tissue": tissue,
            "--method": method,
            "--match-expression": match_expression,
        }
        _refuse_for_predictions(needs_model | {"--laboratory": laboratory if laboratory != "same" else None})
        known = None if screen is None else load_screen(screen, root, None, options)
        found = answers.ask_predictions(Predictions.load(source), known, line=line, drug=drug, criteria=criteria)
    else:
        carried = find_laboratories(laboratory)
        trained = TrainedModel.load(source, method)
        measure = trained.manifest["measure"]
        found = answers.ask_model(
            trained,
            load_screen(screen or trained.manifest["screen"], root, measure, options),
            line=line,
            drug=drug,
            new_samples=new_sample,
            new_drugs=drugs,
            profiles=further if new_sample is not None else None,
            tissue=tissue,
            criteria=criteria,
            laboratory=carried or laboratory,
            match=match_expression,
            expression_scale=expression_scale,
            dose_unit=dose_unit,
        )
    written = answers.write(found, out)
    print_answer(found)
    console.print_written("answer", *written)


def print_answer(answer: Answer, most: int = 10) -> None:
    """How many are sure, and the first of them."""
    from rich.table import Table
    from rich.text import Text

    from bdrp.report.answers import wording

    counts = "; ".join(f"{group} {count:,}" for group, count in answer.counts().items())
    console.print_line(f"{answer.name}: {counts}")
    console.record(name=answer.name, counts=answer.counts())
    table = Table("drug" if answer.about == "line" else "line", "answer", box=None, header_style="bold")
    table.add_column("chance", justify="right")
    table.add_column("prediction")
    for pair in answer.pairs.head(most).itertuples(index=False):
        name = pair.drug_name if answer.about == "line" else pair.line_name
        shown = Text(console.replace_control_characters(name)[:LONGEST])
        table.add_row(shown, pair.group, wording.write_chance(pair.chance), wording.write_prediction(answer, pair))
    console.print_table(table)


def _refuse_for_predictions(given: Mapping[str, object]) -> None:
    flags = [flag for flag, value in given.items() if value is not None]
    if flags:
        raise DataError(
            f"{' and '.join(flags)} cannot be used with a file of predictions: what it does not hold, a model must "
            f"predict. "
            "Name the model folder instead of the file, or leave out the flag."
        )
