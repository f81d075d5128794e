"""`bdrp probe`: the few drugs to measure on a new line, or lines for a new drug, and what to expect of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    ExpressionScale,
    MatchExpression,
    MethodFile,
    Root,
    ScreenOptions,
    Seed,
    list_input_files,
    load_screen,
    parse_key_values,
    read_new_drugs,
    read_new_lines,
)
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.data.screen import Screen
    from bdrp.design import Panel

FOR = ("new-lines", "new-drugs")

PAGE: Final = "docs/update.md"
EXAMPLES: Final = (
    "bdrp probe model --drugs 5 --out panel.csv",
    "bdrp probe model --drugs 5 --expression new.csv --screen gdsc2 --root data --out panel.csv",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` or `bdrp update` wrote.")],
    target: Annotated[str, typer.Option("--for", metavar="|".join(FOR), help="What is new.")] = "new-lines",
    drugs: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="How many drugs to measure on a new line.")
    ] = None,
    lines: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="How many lines to measure a new drug on.")
    ] = None,
    candidates: Annotated[
        Path | None, typer.Option(help="Table of the drug_id, or cell_line_id, that can be measured; all without it.")
    ] = None,
    expression: Annotated[
        Path | None, typer.Option(help="The new samples, where known: cell_line_id and one column a gene.")
    ] = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    new_drugs: Annotated[
        Path | None, typer.Option(help="The new drugs: drug_id, smiles and, if known, max_conc_um.")
    ] = None,
    screen: Annotated[
        str | None, typer.Option(help="The screen that drugs and lines are of; the model's own if left out.")
    ] = None,
    root: Root = None,
    out: Annotated[Path | None, typer.Option(help="Also write the panel: .parquet, .csv or .xlsx.")] = None,
    seed: Seed = 0,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Choose the panel that leaves least unknown of what it does not measure, with random panels beside it."""
    size, target_ = _check_flags(target, drugs, lines, expression, new_drugs)
    from bdrp.data.user_tables.measured import read_ids
    from bdrp.design import probe
    from bdrp.files import outputs
    from bdrp.files.tables import check_suffix
    from bdrp.fitted.model import TrainedModel

    options = parse_key_values(screen_option, "--screen-option")
    if out is not None:
        check_suffix(out, "The panel")
        read = [model, *list_input_files(root, options, candidates, expression, new_drugs)]
        outputs.guard({out: outputs.has_columns(("k", "rmse_before", "rmse_after"))}, read)
    trained = TrainedModel.load(model, method)
    measure = trained.manifest["measure"]
    loaded = load_screen(screen or trained.manifest["screen"], root, measure, options)
    column = "drug_id" if target_ == "new-lines" else "cell_line_id"
    panel = probe(
        trained,
        read_new_drugs(new_drugs, trained, None) if new_drugs else trained.drugs_of(loaded),
        {**loaded.profiles} if expression is None else read_new_lines(expression, trained, expression_scale),
        size=size,
        target=target_,
        candidates=None if candidates is None else read_ids(candidates, column),
        names=_names(loaded, target_),
        seed=seed,
        match=match_expression,
    )
    print_panel(panel)
    console.print_updates(trained.updates, "the panel takes what was measured since the fit for known")
    if out is not None:
        save_panel(panel, out)
        console.print_written("panel", out)


def print_panel(panel: Panel) -> None:
    """The panel in its order, with k = 0 on the same pairs and random panels beside it."""
    from rich.table import Table
    from rich.text import Text

    what = "drug" if panel.target == "new-lines" else "line"
    table = Table("k", what, box=None, header_style="bold")
    for heading in ("k = 0", "RMSE", "falls by", "nine in ten", "random: k = 0", "RMSE"):
        table.add_column(heading, justify="right")
    for row in panel.table.to_dict("records"):
        gain = f"{row['gain']:.1%}", f"{row['gain_low']:.0%} to {row['gain_high']:.0%}"
        errors = [f"{row[name]:.3f}" for name in ("rmse_before", "rmse_after", "random_before", "random_after")]
        name = Text(console.replace_control_characters(row["name"]))
        table.add_row(str(row["k"]), name, errors[0], errors[1], *gain, *errors[2:])
    console.print_table(table)
    console.print_line(
        f"Expected errors, in {panel.unit}, on the {what}s that are not measured; k = 0 is without any measurement, on "
        f"the same {what}s."
    )


def save_panel(panel: Panel, out: Path) -> None:
    """The table in the format of the suffix, whole or not at all."""
    from bdrp.files import atomic, tables

    with atomic.refusing("The panel", out):
        tables.write(panel.table, out, {})


def _names(screen: Screen, target: str) -> Any:
    return screen.drugs["name"] if target == "new-lines" else screen.cell_lines["name"]


def _check_flags(
    target: str, drugs: int | None, lines: int | None, expression: Path | None, new_drugs: Path | None
) -> tuple[int, Literal["new-lines", "new-drugs"]]:
    if target == "new-lines" and lines is None and new_drugs is None:
        return drugs or 5, "new-lines"
    if target == "new-drugs" and drugs is None and expression is None and new_drugs is not None:
        return lines or 5, "new-drugs"
    raise DataError(
        f"--for {target} does not go with the other flags. Allowed: --for new-lines with --drugs K and perhaps "
        "--expression of these lines; --for new-drugs with --new-drugs TABLE and --lines K. Give these."
    )
