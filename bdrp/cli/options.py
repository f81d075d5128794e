"""Flags that more than one command takes, and how their text becomes values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.data.screen import Screen

Partition = Annotated[
    str, typer.Option(help="How folds are made: drawn with the seed, or published (by the hash of each id alone).")
]
Root = Annotated[Path | None, typer.Option(help="The folder below which the screen's files lie.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split and of every random draw.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
ScreenOptions = Annotated[
    list[str] | None,
    typer.Option("--screen-option", metavar="KEY=VALUE", help="An option of the screen's source; may be repeated."),
]


def key_values(pairs: list[str] | None, flag: str) -> dict[str, Any]:
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


def given(**flags: Any) -> dict[str, Any]:
    """The flags that were given, without those that were left out."""
    return {name: value for name, value in flags.items() if value is not None}


def load_screen(name: str, root: Path | None, measure: str | None, options: Mapping[str, Any]) -> Screen:
    """The screen, its notices said on standard error.

    Raises:
        DataError: the screen cannot be loaded.
    """
    from bdrp.cli import speech
    from bdrp.data import sources

    screen = sources.load(name, root, measure, **options)
    for notice in screen.notices:
        speech.remark(notice)
    return screen


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
