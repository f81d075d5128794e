"""`bdrp fit`: a screen and a split become a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bdrp.calibration import RECALIBRATORS, groupings
from bdrp.cli import console
from bdrp.cli.options import (
    Device,
    DoseUnit,
    ExpressionScale,
    Measure,
    Overwrite,
    OwnDrugs,
    OwnExpression,
    OwnLines,
    OwnResponses,
    Partition,
    ProfileTables,
    Root,
    ScreenOptions,
    Seed,
    Unit,
    describe_tables,
    drop_unset,
    gather_screen_options,
    list_input_files,
    load_screen,
    name_tables,
    parse_key_values,
    split_screens,
)
from bdrp.errors import DataError
from bdrp.files import sealed_folder
from bdrp.files.outputs import guard_folder
from bdrp.inference import METHODS
from bdrp.plugins import is_path

if TYPE_CHECKING:
    from bdrp.data.screen import Screen
    from bdrp.data.splits import Split

PAGE: Final = "docs/tutorial.md"
EXAMPLES: Final = (
    "bdrp fit --split cell_line --out model",
    "bdrp fit --screen gdsc2 --root data --method ridge --out model",
    "bdrp fit --screen tables --responses responses.csv --drugs drugs.csv --expression expression.csv --out model",
)


def run(
    out: Annotated[Path, typer.Option(help="The model folder to write.", metavar="MODEL")],
    screen: Annotated[
        str,
        typer.Option(help="Which screen: see `bdrp screens`; several by commas; or a source's file such as mine.py."),
    ] = "simulated",
    root: Root = None,
    measure: Measure = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    expression_scale: ExpressionScale = None,
    split: Annotated[
        str,
        typer.Option(
            help="What is held out: pair, cell_line, drug, scaffold, tissue or both; of several laboratories also "
            "assay, a compound in one of them that others may have measured."
        ),
    ] = "cell_line",
    within: Annotated[
        str | None,
        typer.Option(metavar="LABORATORY", help="Of several laboratories, the one that is tested; all without it."),
    ] = None,
    fold: Annotated[int, typer.Option(help="Which fold is the test part, from 0.")] = 0,
    folds: Annotated[int, typer.Option(help="How many folds there are.")] = 5,
    partition: Partition = "drawn",
    split_file: Annotated[
        Path | None, typer.Option(help="CSV of cell_line_id, drug_id and part, instead of --split.")
    ] = None,
    allow_leaks: Annotated[
        bool,
        typer.Option("--allow-leaks", help="Warn, and do not refuse, where parts of --split-file share a compound."),
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"How the posterior is found: {', '.join(METHODS.own())}; one of an installed package, see "
            "`bdrp plugins`; or a file such as mine.py.",
        ),
    ] = "last_layer",
    epochs: Annotated[int | None, typer.Option(help="Most passes over the training lines.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the method; may be repeated.")
    ] = None,
    recalibration: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"auto chooses by cross-validation; else {', '.join(RECALIBRATORS.own())}; by group as NAME_by_GROUP "
            f"with {', '.join(groupings())}; or one of an installed package.",
        ),
    ] = "auto",
    refit: Annotated[
        bool, typer.Option(help="Fit again on all rows but the test part; a conformal guarantee needs --no-refit.")
    ] = True,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped fit left off.")] = False,
    overwrite: Overwrite = False,
    responses: OwnResponses = None,
    drugs: OwnDrugs = None,
    expression: OwnExpression = None,
    cell_lines: OwnLines = None,
    profiles: ProfileTables = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Fit a method on a screen, recalibrate it, and save it as a folder with its held-out predictions."""
    options = parse_key_values(option, "--option") | drop_unset(epochs=epochs)
    said = describe_tables(unit, dose_unit, expression_scale)
    own = name_tables(responses, drugs, expression, cell_lines)
    screen_options = gather_screen_options(screen_option, said, own, profiles=profiles)
    if profiles:
        options = _read_too(method, options, list(screen_options["profiles"]))
    code = [Path(name) for name in (*split_screens(screen), method) if is_path(name)]
    _check_split_flags(split_file, within)
    guard_folder(out, list_input_files(root, screen_options, split_file, *code))
    _check_names(method, options, recalibration, by=split, fold=fold, folds=folds, partition=partition)
    if not resume:
        sealed_folder.check_free(out, overwrite=overwrite)
    loaded = load_screen(screen, root, measure, screen_options)
    dealt = {"by": split, "seed": seed, "fold": fold, "folds": folds, "partition": partition}
    held_out = _split(loaded, split_file, within, allow_leaks, **dealt)
    console.print_table(tabulate_parts(held_out))
    console.record(split=held_out.summary())

    from bdrp.fitted.fit import fit

    fit(
        loaded,
        held_out,
        method=method,
        seed=seed,
        out=out,
        options=options,
        device=device,
        resume=resume,
        overwrite=overwrite,
        recalibration=recalibration,
        refit=refit,
        progress=console.shows_progress(),
    )
    console.print_written("model", out)


def _read_too(method: str, options: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The options of a method that reads these profiles too, where they do not say what is read.

    Raises:
        DataError: the method reads expression alone.
    """
    from bdrp import inference

    made = inference.make(method, options)
    if "modalities" in options:
        return options
    if not hasattr(made, "options") or "modalities" not in made.options():
        raise DataError(
            f"--profiles gives {', '.join(names)}, and {method} reads nothing but expression. Allowed: a method that "
            "trains the network, such as last_layer. Change --method, or leave --profiles out."
        )
    console.print_note(
        f"{', '.join(names)} will be read beside {' and '.join(made.modalities)}, because --profiles gives it. None "
        "of those tried on GDSC2 lowered the error over all drugs, and some raised it: compare with a fit without "
        "(docs/screens.md)."
    )
    return options | {"modalities": ",".join([*made.modalities, *names])}


def tabulate_parts(split: Split) -> Any:
    """How many responses, lines and drugs each part holds."""
    from rich.table import Table

    table = Table("part", box=None, header_style="bold")
    for column in ("responses", "cell lines", "drugs"):
        table.add_column(column, justify="right")
    for part, sizes in split.summary()["parts"].items():
        if sizes["responses"]:
            table.add_row(part, *(f"{sizes[key]:,}" for key in ("responses", "cell_lines", "drugs")))
    return table


def _check_names(method: str, options: dict[str, Any], recalibration: str, **split: Any) -> None:
    """Refuse what can be refused before a screen is loaded, which may take a minute."""
    from bdrp import calibration, inference
    from bdrp.data.splits.drawing import check_options
    from bdrp.fitted.notices import AUTO

    inference.make(method, options)
    if recalibration != AUTO:
        calibration.known(recalibration)
    check_options(**split)


def _check_split_flags(split_file: Path | None, within: str | None) -> None:
    if split_file is not None and within is not None:
        raise DataError(
            f"--within {within} says which laboratory is dealt into folds, and --split-file gives the parts. Allowed: "
            "one of the two. Leave one out."
        )


def _split(screen: Screen, path: Path | None, within: str | None, allow_leaks: bool, **drawn: Any) -> Split:
    from bdrp.data import splits

    if path is not None:
        return splits.from_file(screen, path, seed=drawn["seed"], allow_leaks=allow_leaks)
    return splits.make(screen, **drawn) if within is None else splits.make_within(screen, within, **drawn)
