"""`bdrp transfer`: a model of a source screen on target screens, as it is and adapted to a few of their pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console, study_runs
from bdrp.cli.options import (
    Device,
    MatchExpression,
    Root,
    ScreenOptions,
    Seed,
    group_options_by_label,
    list_input_files,
    load_screen,
    parse_key_values,
    parse_labelled_names,
)
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.data.screen import Screen
    from bdrp.studies.transfer import TransferTask

TABLES = ("transfer", "shift", "ceiling", "drugs")
AGAIN = "To take two screens from one source, write LABEL=SOURCE, as in mine=tables."

PAGE: Final = "docs/transfer.md"
EXAMPLES: Final = ("bdrp transfer --train gdsc2 --test gdsc1,ccle --root data --out transfer",)


def run(
    train: Annotated[str, typer.Option(help="The screen to train on; LABEL=SCREEN gives it another name.")],
    test: Annotated[str, typer.Option(help="Screens to test on, by commas; LABEL=SCREEN as for --train.")],
    out: Annotated[Path, typer.Option(help="The folder of the transfer; goes on where it stopped.", metavar="DIR")],
    root: Root = None,
    measure: Annotated[
        str | None,
        typer.Option(help="ln_ic50_um or auc_fraction; without it, each target's own, and a model a measure."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL=NAME,...", help="What the responses of a screen of tables hold, as `--unit` of `bdrp fit`."
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="How the posterior is found; as in `bdrp fit`.")] = "last_layer",
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the method; may be repeated.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model folder of the training screen, instead of fitting one.")
    ] = None,
    labelled: Annotated[str, typer.Option(help="Numbers of labelled target pairs, by commas.")] = "0,20,100,500",
    draws: Annotated[int, typer.Option(help="How often labelled pairs are drawn.")] = 3,
    labelling: Annotated[
        str, typer.Option(help="How: pairs at random, or plate by plate, whole lines or whole drugs.")
    ] = "pairs",
    match_expression: MatchExpression = None,
    seed: Seed = 0,
    device: Device = "auto",
    screen_option: ScreenOptions = None,
) -> None:
    """Train on one screen and test on others: transfer.html, four tables, and what laboratories differ by."""
    from bdrp import report
    from bdrp.files import outputs
    from bdrp.fitted.laboratory import is_laboratories
    from bdrp.studies import transfer

    options, counts = parse_key_values(option, "--option"), _numbers(labelled)
    protocol = transfer.TransferProtocol(method, options, counts, draws, seed, model, labelling)
    units = parse_labelled_names(unit, "--unit", "a screen", "A screen has one unit.") if unit else {}
    screen_option = [*(screen_option or []), *(f"{label}.unit={name}" for label, name in units.items())]
    named = {key: value for pair in screen_option for key, value in parse_key_values([pair], "--screen-option").items()}
    study_runs.check_output_folder(
        out, "transfer.html", TABLES, [*list_input_files(root, named), *([model] if model else [])]
    )
    outputs.guard({out / "laboratory.json": is_laboratories})
    tasks = _load_tasks(train, test, root, measure, screen_option, match_expression)
    try:
        found = transfer.run_transfer(
            tasks, protocol, out, device=device, progress=console.shows_progress(), say=console.print_note
        )
    except KeyboardInterrupt:
        console.print_note(f"what is finished is kept in {out}; the same command goes on from there.")
        raise
    console.print_written("report", report.transfer(found, out))
    for name in TABLES:
        console.print_written(name, out / f"{name}.parquet")
    if found.laboratories.scales:
        console.print_written("laboratory", out / "laboratory.json", note=" (for bdrp predict --laboratory)")


def _load_tasks(
    train: str, test: str, root: Path | None, measure: str | None, screen_option: list[str] | None, match: str | None
) -> tuple[TransferTask, ...]:
    """Every target in the first of its measures that the training screen has too, or in the one that is asked for."""
    from bdrp.data import sources
    from bdrp.data.expression.matching import NONE
    from bdrp.studies.transfer import group_by_measure

    (here, source), *more = parse_labelled_names(train, "--train", "a screen", AGAIN).items()
    if more:
        raise DataError(f"--train {train!r} names {1 + len(more)} screens. A model is trained on one; name one.")
    targets = parse_labelled_names(test, "--test", "a screen", AGAIN)
    if here in targets:
        raise DataError(f"{here} is both trained and tested on. Allowed: other screens to test on. Change --test.")
    offered = sources.measures(source)
    chosen = {label: _shared(label, sources.measures(name), offered, here, measure) for label, name in targets.items()}
    options = group_options_by_label(screen_option, "--screen-option", [here, *targets], "screen of this transfer")

    def load(label: str, name: str, wanted: str) -> Screen:
        loaded = load_screen(name, root, wanted, options.get(label, {}))
        return loaded if loaded.name == label else replace(loaded, name=label)

    trains = {wanted: load(here, source, wanted) for wanted in dict.fromkeys(chosen.values())}
    return group_by_measure(
        trains, [load(label, name, chosen[label]) for label, name in targets.items()], match or NONE
    )


def _shared(label: str, theirs: tuple[str, ...], ours: tuple[str, ...], here: str, measure: str | None) -> str:
    """The measure that is asked for, or the training screen's first one that the target offers too."""
    both = [one for one in ours if one in theirs and measure in (None, one)]
    if not both:
        asked = f", and --measure asks for {measure}" if measure else ""
        raise DataError(
            f"{here} offers {', '.join(ours)} and {label} {', '.join(theirs)}{asked}. One measure is needed for both; "
            "test on another screen, or change --measure."
        )
    return both[0]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise DataError(
            f"--labelled {text!r} is no list of numbers. Whole numbers by commas are needed, as in 0,20,100,500."
        ) from error
