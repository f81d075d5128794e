"""The application: its commands, and what happens to the errors and warnings that they raise."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bdrp import __version__, cli
from bdrp.cli import console
from bdrp.errors import BdrpError

MAIN_JOB: Final = ("demo", "screens", "fetch", "fit", "predict", "evaluate", "triage", "review")
"""Commands that help names first, in the order of the work; the others follow by their names."""

EXIT_REFUSED = 2
"""Exit code where bdrp refuses, the same as for a wrong flag."""

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


class RefusingGroup(TyperGroup):
    """Commands whose refusals are one line on standard error, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a `BdrpError` ends in exit code 2, Ctrl-C in 130."""
        try:
            with console.print_warnings_once():
                return super().invoke(ctx)
        except BdrpError as refusal:
            console.print_error(refusal)
            raise typer.Exit(EXIT_REFUSED) from refusal
        except KeyboardInterrupt as stop:
            console.print_error("interrupted.")
            raise typer.Exit(EXIT_INTERRUPTED) from stop


app = typer.Typer(
    cls=RefusingGroup,
    help="Calibrated predictive distributions of cancer drug response. For research; not for clinical use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bdrp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None: ...


def find_commands() -> dict[str, ModuleType]:
    """Every command by its name: the files of this folder that define `run`."""
    names = [file.name for file in pkgutil.iter_modules(cli.__path__) if file.name != "app"]
    files = {name: import_module(f"{cli.__name__}.{name}") for name in names}
    found = {name: file for name, file in files.items() if hasattr(file, "run")}
    order = [*MAIN_JOB, *sorted(found.keys() - set(MAIN_JOB))]
    return {name: found[name] for name in order}


for name, command in find_commands().items():
    app.command(name=name)(command.run)
