"""Flags that more than one command takes, and how their text becomes values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bdrp.errors import DataError
from bdrp.files import strict_json

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.data.screen import Screen
    from bdrp.fitted.model import TrainedModel

Partition = Annotated[
    str, typer.Option(help="How folds are made: drawn with the seed, or published (by the hash of each id alone).")
]
Root = Annotated[Path | None, typer.Option(help="The folder below which the screen's files lie.")]
MethodFile = Annotated[
    Path | None,
    typer.Option("--method", metavar="FILE.py", help="The method's file, for a model that was fitted with one."),
]
Laboratory = Annotated[
    str,
    typer.Option(
        metavar="same|other|FILE",
        help="Whose responses: of the model's own laboratory, of any other, or as a laboratory.json says.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
EngineName = Annotated[
    str,
    typer.Option("--engine", metavar="local|ray", help="Who does the work: this machine, or workers of a Ray cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The head node of a running Ray cluster, or auto on one of its nodes; without it, --engine ray starts "
        "--workers on this machine.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split and of every random draw.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
ScreenOptions = Annotated[
    list[str] | None,
    typer.Option("--screen-option", metavar="KEY=VALUE", help="An option of the screen's source; may be repeated."),
]
Unit = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="With the screen tables: what the response column holds, such as ic50_nm, pic50, log10_m, log2_um, aac or "
        "auc_percent; without it, header and values must tell.",
    ),
]
DoseUnit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="With the screen tables: the doses' unit: m, mm, um, nm or pm.")
]
ExpressionScale = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What a table of expression is measured on: log2, ln, log10, log, rma, z, tpm, linear or counts; the last "
        "three become logarithms. Without it, the values must tell.",
    ),
]
MatchExpression = Annotated[
    str | None,
    typer.Option(
        metavar="none|gene|quantile|rank",
        help="How expression of another platform is mapped onto the training lines; without it, a shift is looked for, "
        "and refused or warned of.",
    ),
]
NewDrugs = Annotated[
    Path | None, typer.Option(help="Drugs that the screen lacks: drug_id, smiles and, if known, max_conc_um.")
]
NewSamples = Annotated[
    Path | None, typer.Option(help="Samples that the screen lacks: cell_line_id and one column a gene.")
]
ProfileTables = Annotated[
    list[str] | None,
    typer.Option(
        "--profiles",
        metavar="NAME=PATH",
        help="A table of further profiles of the lines, such as copy_number=cn.csv; may be repeated.",
    ),
]
Tissue = Annotated[
    str | None, typer.Option(metavar="NAME", help="The tissue of all new samples, for a model that reads it.")
]
OWN_TABLES: Final = "Your own tables, with --screen tables"
OwnResponses = Annotated[Path | None, typer.Option("--responses", help="The responses.", rich_help_panel=OWN_TABLES)]
OwnDrugs = Annotated[
    Path | None, typer.Option("--drugs", help="The drugs and their SMILES.", rich_help_panel=OWN_TABLES)
]
OwnExpression = Annotated[Path | None, typer.Option("--expression", help="The expression.", rich_help_panel=OWN_TABLES)]
OwnLines = Annotated[
    Path | None, typer.Option("--cell-lines", help="Tissue and patient, if known.", rich_help_panel=OWN_TABLES)
]
Measure = Annotated[
    str | None,
    typer.Option(help="ln_ic50_um or auc_fraction; with the screen tables others too, see docs/screens.md."),
]


def parse_key_values(pairs: list[str] | None, flag: str) -> dict[str, Any]:
    """`["epochs=3", "covariance=full"]` as `{"epochs": 3, "covariance": "full"}`.

    Raises:
        DataError: an entry is not KEY=VALUE, or a key comes twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise DataError(f"{flag} {pair!r} is not KEY=VALUE. Write it as in {flag} epochs=40.")
        if key in values:
            raise DataError(f"{flag} gives {key!r} twice. An option has one value; keep one of the two.")
        values[key] = _value(text)
    return values


def parse_levels(text: str | None, flag: str) -> tuple[float, ...]:
    """`"0.01,0.99"` as `(0.01, 0.99)`; nothing where nothing is said.

    Raises:
        DataError: a part is no number.
    """
    try:
        return tuple(map(float, text.split(","))) if text else ()
    except ValueError as error:
        raise DataError(f"{flag} {text!r} is no list of numbers. Write it as in {flag} 0.01,0.99.") from error


def drop_unset(**flags: Any) -> dict[str, Any]:
    """The flags that were given, without those that were left out (None)."""
    return {name: value for name, value in flags.items() if value is not None}


def describe_tables(
    unit: str | None,
    dose_unit: str | None,
    expression_scale: str | None,
    *,
    drugs: Path | None = None,
    expression: Path | None = None,
) -> dict[str, str]:
    """What these flags say of a screen's own tables, as options of its source.

    Where drugs or expression are given in a table beside the screen, the doses' unit and the scale are of that table.
    """
    return drop_unset(
        unit=unit,
        dose_unit=None if drugs else dose_unit,
        expression_scale=None if expression else expression_scale,
    )


def name_tables(
    responses: Path | None, drugs: Path | None, expression: Path | None, cell_lines: Path | None
) -> dict[str, Path]:
    """A user's own tables that were given, as options of their source."""
    return drop_unset(responses=responses, drugs=drugs, expression=expression, cell_lines=cell_lines)


def gather_screen_options(
    given: list[str] | None, *flags: Mapping[str, Any], profiles: list[str] | None = None
) -> dict[str, Any]:
    """What all flags say of a screen that is to be fitted, as options of its source; a flag wins over an option.

    Args:
        given: `--screen-option KEY=VALUE`.
        flags: what others say, from `describe_tables` and `name_tables`.
        profiles: `--profiles NAME=PATH`.

    Raises:
        DataError: see `parse_key_values` and `parse_profile_tables`.
    """
    options = parse_key_values(given, "--screen-option") | drop_unset(profiles=parse_profile_tables(profiles) or None)
    for said in flags:
        options |= said
    return options


def parse_profile_tables(given: list[str] | None) -> dict[str, Path]:
    """`["copy_number=cn.csv"]` as `{"copy_number": Path("cn.csv")}`.

    Raises:
        DataError: an entry is not NAME=PATH, or a name comes twice or is not to be used.
    """
    from bdrp.data.user_tables.profiles import parse_profiles

    return parse_profiles(parse_key_values(given, "--profiles")) if given else {}


def split_screens(name: str) -> list[str]:
    """The screens that `--screen` names, by commas; a file whose name holds a comma is one."""
    return [name] if Path(name).is_file() else [one.strip() for one in name.split(",")]


def load_screen(name: str, root: Path | None, measure: str | None, options: Mapping[str, Any]) -> Screen:
    """The screen, or several of names by commas as one; notices are printed on standard error.

    Raises:
        DataError: the screen cannot be loaded.
    """
    from bdrp.cli import console
    from bdrp.data import joint, sources

    names = split_screens(name)
    if len(names) > 1:
        screen = joint.load(names, root, measure, joint.options_by_screen(options, names))
    else:
        screen = sources.load(name, root, measure, **options)
    console.print_notes(screen.notices)
    return screen


def read_new_drugs(path: Path, trained: TrainedModel, dose_unit: str | None) -> pd.DataFrame:
    """New drugs by the ids that the model knows, where the table has them; what was converted is printed.

    Raises:
        DataError: see `bdrp.fitted.given.read_drugs`.
    """
    from bdrp.fitted.given import read_drugs

    return read_drugs(path, trained, dose_unit)


def read_new_lines(path: Path, trained: TrainedModel, scale: str | None) -> pd.DataFrame:
    """Expression of new samples by the genes that the model knows; what was chosen and converted is printed.

    Raises:
        DataError: see `bdrp.fitted.given.read_lines`.
    """
    from bdrp.fitted.given import read_lines

    return read_lines(path, trained, scale)


def list_input_files(root: Path | None, options: Mapping[str, Any], *files: Path | None) -> list[Path]:
    """The files that a command reads, as far as its flags name them: those given, and those of the screen's options."""
    values = [one for value in options.values() for one in (value.values() if isinstance(value, Mapping) else [value])]
    named = [(root or Path()) / value for value in values if isinstance(value, str | Path)]
    # Where a name is too long, os.path says False and Path raises.
    return [path for path in (*files, *named) if path is not None and os.path.isfile(path)]


def _value(text: str) -> Any:
    try:
        return strict_json.parse(text.encode("utf-8", "replace"), "the value")
    except strict_json.NotStrictError:
        return text


def parse_labelled_names(text: str, flag: str, what: str, twice: str) -> dict[str, str]:
    """`"ridge,wide=last_layer"` as `{"ridge": "ridge", "wide": "last_layer"}`.

    Args:
        text: names by commas.
        flag: that gave it.
        what: the names are of, with its article.
        twice: how to name one of them twice.

    Raises:
        DataError: a label comes twice or is empty, or the text is none.
    """
    if any("\ud800" <= char <= "\udfff" for char in text):  # as Python reads bytes that are not UTF-8
        raise DataError(f"{flag} {text!r} holds bytes that are no text. Allowed: names in UTF-8. Type it again.")
    parts = [(label.strip(), name.strip()) for label, _, name in (one.partition("=") for one in text.split(","))]
    named = {label: name or label for label, name in parts}
    if len(named) < len(parts) or "" in named:
        raise DataError(f"{flag} {text!r} names {what} twice, or none. Allowed: names by commas, each once. {twice}")
    return named


def group_options_by_label(
    pairs: list[str] | None, flag: str, labels: Sequence[str], what: str
) -> dict[str, dict[str, Any]]:
    """`["ridge.penalty=3"]` as `{"ridge": {"penalty": 3}}`; a label may hold dots itself.

    Args:
        pairs: LABEL.KEY=VALUE.
        flag: that gave them.
        labels: that there are.
        what: they are of, as in "method of this comparison".

    Raises:
        DataError: a label is not known, or see `key_values`.
    """
    options: dict[str, dict[str, Any]] = {}
    for name, value in parse_key_values(pairs, flag).items():
        label, dot, key = name.rpartition(".")
        if not dot or label not in labels or not key:
            kind = what.partition(" ")[0].upper()
            raise DataError(
                f"{flag} {name!r} names no {what}. Allowed: {kind}.KEY=VALUE with one of {', '.join(labels)}, as in "
                f"{flag} {labels[0]}.KEY=VALUE."
            )
        options.setdefault(label, {})[key] = value
    return options
