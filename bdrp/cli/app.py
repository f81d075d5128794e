"""The application: its commands, and what happens to the errors and warnings that they raise."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bdrp import __version__
from bdrp.cli import ablate, compare, demo, evaluate, fetch, fit, predict, screens, speech, transfer, triage
from bdrp.errors import BdrpError

WRONG = 2
"""Exit code where bdrp refuses, the same as for a wrong flag."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


class Speaking(TyperGroup):
    """Commands whose refusals are one line on standard error, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a `BdrpError` ends in exit code 2, Ctrl-C in 130."""
        try:
            with speech.counted_warnings():
                return super().invoke(ctx)
        except BdrpError as refusal:
            speech.error(refusal)
            raise typer.Exit(WRONG) from refusal
        except KeyboardInterrupt as stop:
            speech.error("interrupted.")
            raise typer.Exit(INTERRUPTED) from stop


app = typer.Typer(
    cls=Speaking,
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


for command in (demo, screens, fetch, fit, predict, evaluate, triage, compare, ablate, transfer):
    app.command(name=command.__name__.rpartition(".")[2])(command.run)
