"""Console output: results on standard output; errors, warnings and notes on standard error.

What the session of the run says decides how much is printed; it also keeps what was said, for `--json` and `--log`.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from bdrp.cli import session
from bdrp.errors import BdrpWarning

if TYPE_CHECKING:
    from rich.table import Table

LOG_WIDTH: Final = 160
"""Characters of a table's line in a log; chosen: no table of bdrp is wider."""


def print_error(message: object) -> None:
    """One line that begins with a red "error:"."""
    session.current().errors.append(str(message))
    _print_labelled("error:", "bold red", message)


def print_warning(message: object) -> None:
    """One line that begins with a yellow "warning:"."""
    session.current().warnings.append(str(message))
    _print_labelled("warning:", "yellow", message)


def print_note(message: object) -> None:
    """A line beside the results, such as what was dropped from a screen; the same one is said once a run."""
    notes = session.current().notes
    if str(message) not in notes:
        notes.append(str(message))
        _print_labelled("note:", "dim", message, quiet=session.current().quiet)


def print_detail(message: object) -> None:
    """A line on standard error for those who asked for `--verbose`."""
    if session.current().verbose:
        _print_labelled("detail:", "dim", message)


def print_notes(messages: Iterable[object]) -> None:
    """A note each."""
    for message in messages:
        print_note(message)


def print_line(message: object) -> None:
    """A line on standard output, as it is: names from users' files are never read as markup."""
    text = replace_control_characters(message)
    _add_to_log(text)
    if _speaks():
        _console(stderr=False).print(Text(text), soft_wrap=True, highlight=False)


def print_written(what: str, *paths: Path | str, note: str = "") -> None:
    """A line on standard output that says what was written where.

    Args:
        what: it is, such as "report".
        paths: at least one.
        note: behind them.
    """
    record_written(what, *paths)
    print_line(f"{what}: {', '.join(map(str, paths))}{note}")


def record_written(what: str, *paths: Path | str) -> None:
    """What was written where, for `--json`; nothing is printed."""
    named = [str(path) for path in paths]
    session.current().written[what] = named[0] if len(named) == 1 else named


def record(**results: Any) -> None:
    """Main figures of the run by name, for `--json`; nothing is printed."""
    session.current().results.update(results)


def print_laboratory(carried: Mapping[str, Any] | None) -> None:
    """How much wider predictions are for being of another laboratory; nothing for the model's own."""
    if carried:
        print_line(
            f"laboratory: another; 90 % intervals are {carried['width_ratio']:.2f} times as wide as at home, in the "
            f"median, by what laboratories differ by (learned from {carried['from']})"
        )


def print_updates(updates: Sequence[str], meaning: str = "predictions use what was measured since the fit") -> None:
    """What a model was updated with since its fit; nothing for one that never was."""
    if updates:
        print_line(f"updated model: {meaning}: {'; '.join(updates)}")


def shows_progress() -> bool:
    """Whether progress bars are wanted."""
    return not session.current().quiet


def print_table(table: Table) -> None:
    """A table on standard output."""
    cells = [[_text(cell) for cell in column.cells] for column in table.columns]
    heads = [_text(column.header) for column in table.columns]
    session.current().tables.append([dict(zip(heads, row, strict=True)) for row in zip(*cells, strict=True)])
    if session.current().log is not None:
        drawn = io.StringIO()
        Console(file=drawn, width=LOG_WIDTH, color_system=None).print(table)
        _add_to_log(drawn.getvalue())
    if _speaks():
        _console(stderr=False).print(table)


def replace_control_characters(message: object) -> str:
    """Text without control characters, which a file's names could use to rewrite the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in str(message))


@contextmanager
def print_log() -> Iterator[None]:
    """Print as notes what bdrp logs of tables that it reads: what was chosen and converted."""
    log, handler = logging.getLogger("bdrp"), _Notes(logging.INFO)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_note(record.getMessage())


@contextmanager
def print_warnings_once() -> Iterator[None]:
    """Print each different `BdrpWarning` once, at once, and at the end how often those came that came again."""
    seen: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("always", BdrpWarning)
        other = warnings.showwarning

        def print_once(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if not issubclass(category, BdrpWarning):
                other(message, category, *rest, **named)
                return
            seen[str(message)] += 1
            if seen[str(message)] == 1:
                print_warning(message)

        warnings.showwarning = print_once
        try:
            yield
        finally:
            if seen.total() > 1:
                print_warning(f"{seen.total()} warnings in all, {len(seen)} different.")


def _print_labelled(label: str, style: str, message: object, *, quiet: bool = False) -> None:
    line = Text.assemble((label, style), " ", replace_control_characters(message))
    _add_to_log(line.plain)
    if not quiet:
        _console(stderr=True).print(line, soft_wrap=True, highlight=False)


def _speaks() -> bool:
    """Whether results go to standard output as people read them."""
    return not (session.current().quiet or session.current().json)


def _add_to_log(text: str) -> None:
    log = session.current().log
    if log is not None:
        log.add(text)


def _text(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr)
