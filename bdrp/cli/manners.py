"""What every command takes beside its own flags, added to all in one place: how much it says, where, and --config."""

from __future__ import annotations

import functools
import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final

import typer

from bdrp import __version__
from bdrp.cli import console, run_config, session
from bdrp.errors import DataError

PANEL: Final = "Every command"
LARGEST: Final = 2**63 - 1
"""Of whole numbers, in which counts and seeds are kept."""

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings and errors.", rich_help_panel=PANEL)]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", help="Also say each flag's value, what it took, and where a fault lies.", rich_help_panel=PANEL
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object instead: what was written, and the main figures.", rich_help_panel=PANEL
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml",
        help="Take flags from the command's table in this file; those given here win.",
        is_eager=True,
        callback=run_config.take,
        rich_help_panel=PANEL,
    ),
]


def with_manners(name: str, run: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the flags of every command too, and heeds them."""
    own = inspect.signature(run, eval_str=True)

    @functools.wraps(run)
    def command(
        ctx: typer.Context,
        quiet: bool,
        verbose: bool,
        json: bool,
        log_file: Path | None,
        config: Path | None,
        **flags: Any,
    ) -> None:
        _start(name, quiet, verbose, json, log_file)
        _say_flags(ctx, config)
        _check_counts(flags)
        run(**flags)

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.parameters.values()),
        *(
            inspect.Parameter(word, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for word, kind, default in _flags(taken=list(own.parameters))
        ),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def write_epilog(command: ModuleType) -> str:
    """What stands below the flags of a command's help: its `EXAMPLES`, and the `PAGE` that says more."""
    lines = ["Examples:", *getattr(command, "EXAMPLES", ())] if hasattr(command, "EXAMPLES") else []
    lines += [f"More: {command.PAGE}"] if hasattr(command, "PAGE") else []
    return "\n\n".join(lines)


def end(exit_code: int) -> None:
    """Say what is said when a command has ended: how long it took, the JSON object, and the last line of the log."""
    now = session.current()
    took = f"ended with code {exit_code} after {now.seconds:.1f} s"
    console.print_detail(took)
    if now.log is not None:
        now.log.add(f"{now.command or 'bdrp'} {took}")
        now.log.close()
    if now.json:
        from bdrp.files import strict_json

        typer.echo(strict_json.text(now.to_dict(exit_code), ascii_only=True))


def _flags(taken: list[str]) -> list[tuple[str, Any, Any]]:
    """Name, kind and default of each flag; the log is `--log` too, where the command has no flag of that name."""
    log = _log("--log-file") if "log" in taken else _log("--log", "--log-file")
    return [
        ("config", Config, None),
        ("json", Json, False),
        ("log_file", log, None),
        ("quiet", Quiet, False),
        ("verbose", Verbose, False),
    ]


def _log(*flags: str) -> Any:
    said = "Add everything that is said to this file, with times."
    return Annotated[Path | None, typer.Option(*flags, metavar="FILE", help=said, rich_help_panel=PANEL)]


def _start(name: str, quiet: bool, verbose: bool, json: bool, log: Path | None) -> None:
    now = session.current()
    now.command, now.quiet, now.verbose, now.json = name, quiet, verbose, json
    if log is not None:
        from bdrp.files.log_file import LogFile

        now.log = LogFile(log)
        now.log.add(f"bdrp {__version__}: {shlex.join(sys.argv[1:])}")


def _check_counts(flags: Mapping[str, Any]) -> None:
    """Refuse whole numbers that no machine counts to, which would fail wherever they are used."""
    for name, value in flags.items():
        if isinstance(value, int) and abs(value) > LARGEST:
            raise DataError(
                f"--{name.replace('_', '-')} has {len(str(abs(value)))} digits. Allowed are whole numbers up to "
                f"{LARGEST:,}. Give a smaller one."
            )


def _say_flags(ctx: typer.Context, config: Path | None) -> None:
    """Each flag's value and where it comes from, for `--verbose`."""
    sources = {"COMMANDLINE": "the command line", "DEFAULT_MAP": str(config)}
    for name, value in ctx.params.items():
        source = ctx.get_parameter_source(name)
        known = sources.get(source.name if source is not None else "")
        if known is not None:
            console.print_detail(f"{name} is {value} (from {known})")
