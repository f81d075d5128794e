"""`bdrp explain`: what marks a drug, why predictions are what they are, and why their intervals are wide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    MatchExpression,
    MethodFile,
    NewDrugs,
    NewSamples,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    list_input_files,
    load_screen,
    parse_key_values,
)
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.explain import Explanation

PAGE: Final = "docs/explain.md"
EXAMPLES: Final = (
    "bdrp explain model --drug Venetoclax --out explained",
    "bdrp explain model --pairs pairs.csv --screen gdsc2 --root data --out explained",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for explain.html and its tables.")],
    drug: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A drug by name or id; may be repeated.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Table of cell_line_id and drug_id, ids or names: the predictions to explain."),
    ] = None,
    screen: Annotated[
        str | None,
        typer.Option(help="The screen whose responses, drugs and lines are used; the model's own if left out."),
    ] = None,
    root: Root = None,
    drugs: NewDrugs = None,
    expression: NewSamples = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    gene_sets: Annotated[Path | None, typer.Option(help="Gene sets in a GMT file, such as MSigDB's Hallmark.")] = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Explain drugs by the genes that mark them, and predictions by terms that sum to them."""
    from bdrp.data.sources import tables
    from bdrp.explain import explain, read_gmt
    from bdrp.fitted.model import TrainedModel
    from bdrp.report import explanation
    from bdrp.report.explanation import files

    if not drug and pairs is None:
        raise DataError("There is nothing to explain: neither --drug nor --pairs. Give one of them.")
    options = parse_key_values(screen_option, "--screen-option")
    options |= describe_tables(unit, dose_unit, expression_scale, drugs=drugs, expression=expression)
    files.guard(out, [model, *list_input_files(root, options, pairs, drugs, expression, gene_sets)])
    sets = None if gene_sets is None else read_gmt(gene_sets)
    asked = None if pairs is None else tables.read_pairs(pairs)
    trained = TrainedModel.load(model, method)
    measure = trained.manifest["measure"]
    found = explain(
        trained,
        load_screen(screen or trained.manifest["screen"], root, measure, options),
        drugs=drug or (),
        pairs=asked,
        gene_sets=sets,
        new_drugs=drugs,
        new_lines=expression,
        match=match_expression,
        expression_scale=expression_scale,
        dose_unit=dose_unit,
    )
    page = explanation.explain(found, out)
    print_markers(found)
    console.print_updates(trained.updates)
    console.print_written("explanation", page)


def print_markers(found: Explanation, most: int = 5) -> None:
    """The surest genes of each compound that was asked for."""
    from rich.table import Table
    from rich.text import Text

    table = Table("drug", "gene", "high expression", box=None, header_style="bold")
    for column in ("effect", "score", "false discovery rate"):
        table.add_column(column, justify="right")
    for drug in found.associations.one_a_compound(found.drug_ids):
        name = console.replace_control_characters(found.drug_names.get(drug, drug))
        for gene, row in found.associations.table(drug, most).iterrows():
            numbers = f"{row['effect']:+.2f}", f"{row['score']:+.1f}", f"{row['fdr']:.2g}"
            table.add_row(Text(name), Text(str(gene)), row["direction"], *numbers)
    console.print_table(table)
    if found.contributions is None:
        console.print_note("predictions of this method have no terms that sum to them; only genes are told.")
