"""The application: its commands, and what happens to the errors and warnings that they raise."""

from __future__ import annotations

import os
import pkgutil
import traceback
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bdrp import __version__, cli
from bdrp.cli import console, manners, session
from bdrp.cli.unknown_flags import TeachingCommand
from bdrp.errors import BdrpError, speak_flags

MAIN_JOB: Final = ("demo", "screens", "fetch", "fit", "predict", "evaluate", "triage", "review")
"""Commands that help names first, in the order of the work; the others follow by their names."""

EXIT_REFUSED = 2
"""Exit code where bdrp refuses, the same as for a wrong flag."""

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

EXIT_FAULT = 70
"""Exit code of a fault of bdrp itself, EX_SOFTWARE of sysexits.h."""

EXIT_SYSTEM = 71
"""Exit code where the system gives no memory, no place or no file, EX_OSERR of sysexits.h."""

DEBUG = "BDRP_DEBUG"
"""The environment variable that shows the traceback of a fault."""


class RefusingGroup(TyperGroup):
    """Commands of one word or two, whose refusals and faults are one line on standard error, without a traceback."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first words name: `compare export` before `compare`."""
        two = " ".join(args[:2])
        found = self.get_command(ctx, two) if len(args) > 1 else None
        return super().resolve_command(ctx, args) if found is None else (two, found, args[2:])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a `BdrpError` ends in exit code 2, Ctrl-C in 130, no memory in 71, a fault in 70."""
        code = 0
        with speak_flags(), session.begin():
            try:
                with console.print_warnings_once(), console.print_log():
                    return super().invoke(ctx)
            except typer.Exit as ended:
                code = ended.exit_code
                raise
            except BdrpError as refusal:
                code = EXIT_REFUSED
                console.print_error(refusal)
                raise typer.Exit(code) from refusal
            except KeyboardInterrupt as stop:
                code = EXIT_INTERRUPTED
                console.print_error("interrupted.")
                raise typer.Exit(code) from stop
            except Exception as fault:
                known, said = explain_fault(fault)
                code = EXIT_FAULT if known is None else known
                if known is None or os.environ.get(DEBUG) or session.current().verbose:
                    raise
                console.print_error(said)
                raise typer.Exit(code) from fault
            finally:
                _end(code)


def _end(code: int) -> None:
    """Say what is said last; where it has no room to be said, that ends the command."""
    try:
        manners.end(code)
    except BrokenPipeError:
        raise
    except OSError as full:
        console.print_error(explain_fault(full)[1])
        raise typer.Exit(EXIT_SYSTEM) from full


def explain_fault(fault: Exception) -> tuple[int | None, str]:
    """The exit code of an exception that is no refusal, and what is said of it; None where it is not ours to tell.

    Typer has exceptions of its own, which end a command or show its usage, and a closed pipe is no fault.
    """
    if type(fault).__module__.startswith(("typer.", "click.")) or isinstance(fault, BrokenPipeError):
        return None, ""
    if _is_out_of_memory(fault):
        return EXIT_SYSTEM, (
            f"The memory is not enough ({_short(fault)}). Use a machine with more, close other programs, or ask for "
            "less: fewer pairs at a time (`bdrp predict --memory`), a smaller model, fewer workers."
        )
    if isinstance(fault, OSError):
        return EXIT_SYSTEM, f"The system refused: {_short(fault)}. Check the place, its permissions and its space."
    at = traceback.extract_tb(fault.__traceback__)[-1]
    return EXIT_FAULT, (
        f"This is a fault of bdrp {__version__}: {type(fault).__name__}: {_short(fault)} "
        f"({os.path.basename(at.filename)}, line {at.lineno}). Please report it, with the command and what it prints "
        f"when {DEBUG}=1 is set before it."
    )


def _is_out_of_memory(fault: Exception) -> bool:
    """Whether memory ran out, which torch, its kernels and the loader of libraries each say in words of their own."""
    words = ("out of memory", "allocate memory", "could not create a primitive", "failed to map segment")
    return isinstance(fault, MemoryError) or (
        isinstance(fault, (RuntimeError, ImportError, OSError)) and any(each in str(fault) for each in words)
    )


def _short(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(fault).__name__


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
    """Every command by its name: the files of this folder that define `run`; an underscore parts two words."""
    names = [file.name for file in pkgutil.iter_modules(cli.__path__) if file.name != "app"]
    files = {name.replace("_", " "): import_module(f"{cli.__name__}.{name}") for name in names}
    found = {name: file for name, file in files.items() if hasattr(file, "run")}
    order = [*MAIN_JOB, *sorted(found.keys() - set(MAIN_JOB))]
    return {name: found[name] for name in order}


for name, command in find_commands().items():
    app.command(name=name, cls=TeachingCommand, epilog=manners.write_epilog(command))(
        manners.with_manners(name, command.run)
    )
