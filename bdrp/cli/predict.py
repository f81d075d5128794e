"""`bdrp predict`: a model folder and pairs become predictions.parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    Address,
    DoseUnit,
    EngineName,
    ExpressionScale,
    Laboratory,
    MatchExpression,
    MethodFile,
    NewDrugs,
    NewSamples,
    ProfileTables,
    Root,
    ScreenOptions,
    Tissue,
    Unit,
    describe_tables,
    list_input_files,
    load_screen,
    parse_key_values,
    parse_levels,
    parse_profile_tables,
)
from bdrp.engines import LOCAL, Engine
from bdrp.errors import DataError
from bdrp.progress import show_bar

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.data.screen import Screen
    from bdrp.fitted.question import Question
    from bdrp.predictive.selection import Selection

MEMORY: Final = 0.25
"""Is `bdrp.fitted.stream.MEMORY`, which help shows without loading that."""

PAGE: Final = "docs/predictive.md"
EXAMPLES: Final = (
    "bdrp predict model --screen simulated --unmeasured --out predictions.parquet",
    "bdrp predict model --drugs new_drugs.csv --expression new_samples.csv --top 10 --out best.csv",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The file to write: .parquet, or .csv or .xlsx to look at, or .h5ad.")],
    screen: Annotated[str | None, typer.Option(help="Take drugs and expression from this screen.")] = None,
    root: Root = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Table of cell_line_id and drug_id; without it, every line with every drug.")
    ] = None,
    unmeasured: Annotated[
        bool, typer.Option("--unmeasured", help="Only pairs that the screen did not measure.")
    ] = False,
    drugs: NewDrugs = None,
    expression: NewSamples = None,
    profiles: ProfileTables = None,
    tissue: Tissue = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    laboratory: Laboratory = "same",
    layout: Annotated[
        str | None,
        typer.Option(help="Write a CSV of what the screen measured beside its predictions: dreval or improve."),
    ] = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Keep the K lowest medians of each line (or --per drug).")
    ] = None,
    per: Annotated[str, typer.Option(metavar="line|drug", help="What --top is counted for.")] = "line",
    below: Annotated[
        float | None, typer.Option(metavar="X", help="Keep pairs with a median below X, in the measure's unit.")
    ] = None,
    quantiles: Annotated[
        str | None, typer.Option(metavar="P,P", help="Further quantiles as columns: 0.01,0.995 are q01 and q99.5.")
    ] = None,
    memory: Annotated[
        float,
        typer.Option(metavar="GIB", help="Memory for the pairs in work, beside the model and the tables."),
    ] = MEMORY,
    engine: EngineName = "local",
    address: Address = None,
    workers: Annotated[
        int, typer.Option(min=1, help="With --engine ray, how many parts at a time; each takes --memory.")
    ] = 1,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Predict a distribution for each pair, of new drugs (SMILES) and new samples (expression) too.

    Pairs are predicted part by part, in bounded memory. After an interruption the same command goes on where it was.
    """
    _check_flags(screen, drugs, expression, pairs, unmeasured)
    _check_layout(layout, screen, drugs, expression, unmeasured)
    from bdrp.fitted.laboratory import find_laboratories
    from bdrp.fitted.model import TrainedModel
    from bdrp.fitted.predict import ask
    from bdrp.predictive import layouts
    from bdrp.predictive.selection import Selection
    from bdrp.predictive.storage import check_place

    worked_by = _engine(engine, address, workers, layout)
    selection = Selection(top, cast(Any, per), below, parse_levels(quantiles, "--quantiles"))
    if layout is not None and selection != Selection():
        raise DataError(
            "--layout puts predictions beside all that a screen measured. Allowed: all of them, without --top, --below "
            "and --quantiles. Leave these out, or --layout."
        )
    known = find_laboratories(laboratory)
    options = parse_key_values(screen_option, "--screen-option")
    if screen:
        options |= describe_tables(unit, dose_unit, expression_scale, drugs=drugs, expression=expression)
    further = parse_profile_tables(profiles)
    if expression is None and further:
        options["profiles"] = further
    inputs = [model, *list_input_files(root, options, drugs, expression, pairs, Path(laboratory), *further.values())]
    if layout is None:
        check_place(out, inputs)
    else:
        layouts.check_place(out, layout, inputs)
    trained = TrainedModel.load(model, method, held_out=False)
    loaded = load_screen(screen, root, trained.manifest["measure"], options) if screen else None
    question = ask(
        trained,
        screen=loaded,
        drugs=drugs,
        expression=expression,
        profiles=further if expression is not None else None,
        tissue=tissue,
        pairs=_pairs(pairs, loaded, unmeasured, measured=layout is not None),
        laboratory=known or laboratory,
        match=match_expression,
        expression_scale=expression_scale,
        dose_unit=dose_unit,
    )
    if layout is not None and loaded is not None:
        predictions = question.answer()
        rows = layouts.write(predictions.to_frame(), loaded.responses, loaded.measure.name, layout, out)
        console.print_written("predictions", out, note=f" ({rows:,} measured responses, in the layout of {layout})")
        console.record(rows=rows)
        console.print_laboratory(predictions.laboratory)
        console.print_updates(predictions.updates)
    else:
        _stream(question, out, memory, selection, worked_by, workers)


def _stream(question: Question, out: Path, memory: float, selection: Selection, engine: Engine, workers: int) -> None:
    """Predict part by part, with a progress bar; what was written is printed."""
    from bdrp.fitted.stream import stream

    with show_bar("predict", shown=console.shows_progress()) as report:
        written = stream(
            question, out, memory=memory, selection=selection, report=report, engine=engine, workers=workers
        )
    if written.resumed:
        console.print_note(f"an earlier run had finished {written.resumed:,} parts; it was gone on with.")
    of = "" if written.kept == written.asked else f"{written.kept:,} of "
    console.print_written("predictions", out, note=f" ({of}{written.asked:,} pairs)")
    console.record(rows=written.kept, pairs=written.asked)
    console.print_laboratory(written.laboratory)
    console.print_updates(written.updates)


def list_unmeasured_pairs(screen: Screen) -> pd.DataFrame:
    """The pairs of a screen's lines and drugs that have no response: cell_line_id, drug_id."""
    import pandas as pd

    keys = ["cell_line_id", "drug_id"]
    every = pd.MultiIndex.from_product([screen.expression.index, screen.drugs.index], names=keys)
    measured = pd.MultiIndex.from_frame(screen.responses[keys])
    return every.difference(measured, sort=False).to_frame(index=False)


def _pairs(path: Path | None, screen: Screen | None, unmeasured: bool, measured: bool) -> pd.DataFrame | None:
    from bdrp.data.sources import tables

    if path is not None:
        return tables.read_pairs(path)
    if measured and screen is not None:
        return screen.responses[["cell_line_id", "drug_id"]].drop_duplicates(ignore_index=True)
    return list_unmeasured_pairs(screen) if unmeasured and screen is not None else None


def _check_flags(
    screen: str | None, drugs: Path | None, expression: Path | None, pairs: Path | None, unmeasured: bool
) -> None:
    if screen is None and (drugs is None or expression is None):
        raise DataError(
            "There is nothing to predict for: no --screen, and not both of --drugs and --expression. "
            "Give a screen, or a table of drugs and a table of expression."
        )
    if unmeasured and (screen is None or pairs is not None or drugs is not None or expression is not None):
        raise DataError(
            "--unmeasured asks for the gaps of a screen. Give it with --screen, and without --pairs, --drugs "
            "and --expression."
        )


def _engine(name: str, address: str | None, workers: int, layout: str | None) -> Engine:
    """The engine; refused where its flags say what it would not do."""
    engine = Engine(name, address)
    if engine == LOCAL and workers > 1:
        raise DataError(
            f"--workers is {workers}, and the engine is local, which answers one part after another. Allowed: 1, or "
            "more with --engine ray. Add --engine ray, or leave --workers out."
        )
    if engine != LOCAL and layout is not None:
        raise DataError(
            "--layout is written at once, and --engine ray answers in parts. Allowed: one of the two. Leave one out."
        )
    return engine


def _check_layout(
    layout: str | None, screen: str | None, drugs: Path | None, expression: Path | None, unmeasured: bool
) -> None:
    if layout is not None and (screen is None or drugs is not None or expression is not None or unmeasured):
        raise DataError(
            "--layout puts predictions beside what a screen measured. Give it with --screen, and without --drugs, "
            "--expression and --unmeasured."
        )
