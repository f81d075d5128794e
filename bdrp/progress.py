"""How far long work is: a live bar in a terminal, one line of text in a notebook, which a saved one keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

NOTEBOOK: Final = "JPY_PARENT_PID"
"""What Jupyter sets for a kernel, and so for commands that a cell starts with `!`."""
WIDTH: Final = 100
"""Characters of the line in a notebook; chosen: no output cell breaks it."""


class Advance(Protocol):
    """Told how many parts are done, of how many where that was not known before, and what to say beside the bar."""

    def __call__(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far the work is."""


@contextmanager
def show_bar(what: str, total: int | None = None, *, shown: bool = True) -> Iterator[Advance]:
    """A bar on standard error, which begins when it is known that there is more than one part.

    Args:
        what: is done, in a word.
        total: how many parts there are, where that is known.
        shown: show it; where not, what is told is not looked at.
    """
    if not shown:
        yield _ignore
        return
    from rich.console import Console

    console = Console(stderr=True)
    with _line(what) if console.is_jupyter or NOTEBOOK in os.environ else _live(what, console) as draw:
        known = total

        def advance(done: int, total: int | None = None, note: str = "") -> None:
            nonlocal known
            known = known if total is None else total
            draw(done, known, "".join(char if char.isprintable() else " " for char in note))

        advance(0)
        yield advance


def _ignore(done: int, total: int | None = None, note: str = "") -> None:
    pass


@contextmanager
def _live(what: str, console: Any) -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    note = TextColumn("{task.fields[note]}", markup=False)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), note)
    with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=console) as bar:
        task = bar.add_task(what, total=None, note="", visible=False)
        yield lambda done, total, said: bar.update(
            task, completed=done, total=total, note=said, visible=(total or 0) > 1
        )


@contextmanager
def _line(what: str) -> Iterator[Any]:
    """Rich's bar leaves nothing where a notebook is saved, and thousands of characters behind `!`."""
    from tqdm.std import tqdm

    bar: Any = None

    def draw(done: int, total: int | None, said: str) -> None:
        nonlocal bar
        if bar is None and (total or 0) > 1:
            bar = tqdm(total=total, desc=what, ncols=WIDTH, mininterval=0.5, leave=True)
        if bar is not None:
            bar.set_postfix_str(said, refresh=False)
            bar.update(done - bar.n)

    try:
        yield draw
    finally:
        if bar is not None:
            bar.close()
