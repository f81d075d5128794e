"""How the command line speaks: results on standard output; errors, warnings and remarks on standard error."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from bdrp.errors import BdrpWarning


def error(message: object) -> None:
    """One line that begins with a red "error:"."""
    _said("error:", "bold red", message)


def warning(message: object) -> None:
    """One line that begins with a yellow "warning:"."""
    _said("warning:", "yellow", message)


def remark(message: object) -> None:
    """A line beside the results, such as what was dropped from a screen."""
    _said("note:", "dim", message)


def result(message: object) -> None:
    """A line on standard output, as it is: names from users' files are never read as markup."""
    _console(stderr=False).print(Text(plain(message)), soft_wrap=True, highlight=False)


def show(renderable: Any) -> None:
    """A table on standard output."""
    _console(stderr=False).print(renderable)


def plain(message: object) -> str:
    """Text without control characters, which a file's names could use to rewrite the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in str(message))


@contextmanager
def counted_warnings() -> Iterator[None]:
    """Say each different `BdrpWarning` once, at once, and at the end how often those came that came again."""
    seen: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("always", BdrpWarning)
        other = warnings.showwarning

        def said(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if not issubclass(category, BdrpWarning):
                other(message, category, *rest, **named)
                return
            seen[str(message)] += 1
            if seen[str(message)] == 1:
                warning(message)

        warnings.showwarning = said
        try:
            yield
        finally:
            if seen.total() > 1:
                warning(f"{seen.total()} warnings in all, {len(seen)} different.")


def _said(label: str, style: str, message: object) -> None:
    line = Text.assemble((label, style), " ", plain(message))
    _console(stderr=True).print(line, soft_wrap=True, highlight=False)


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr)
