"""A file of flags: TOML with a table a command, such as `[fit]` with `screen = "gdsc2"`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import typer

from bdrp.errors import DataError
from bdrp.files import inputs

_SCALARS: Final = (str, int, float, bool)


def take(ctx: typer.Context, config: Path | None) -> Path | None:
    """Make the flags of a file the defaults of the command that is being read; it is called before any other flag.

    Raises:
        DataError: the file cannot be read, or names a command or a flag that there is not, or a value of another kind.
    """
    if config is not None and not ctx.resilient_parsing:
        words = ctx.command_path.split()[1:]
        content = _read(config)
        _check_commands(content, config, ctx)
        table: Any = content
        for word in words:
            table = table.get(word, {}) if isinstance(table, Mapping) else {}
        ctx.default_map = {**(ctx.default_map or {}), **_flags(ctx, table, config, words)}
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(inputs.read_text(path))
    except OSError as error:
        raise DataError(
            f"--config {path} cannot be read: {error.strerror or error}. Allowed: a TOML file with a table a "
            "command, as in [fit]. Check the path."
        ) from error
    except RecursionError as error:
        raise DataError(f"--config {path} is no TOML that bdrp reads: it nests too deep. Mend the file.") from error
    except ValueError as error:  # tomllib's errors, and bytes that are no UTF-8
        raise DataError(
            f'--config {path} is no TOML: {error}. Allowed: lines such as screen = "gdsc2" below [fit]; text stands in '
            "quotes. Mend the file."
        ) from error


def _check_commands(content: Mapping[str, Any], path: Path, ctx: typer.Context) -> None:
    """Refuse a table of no command, and flags above all tables."""
    group = ctx.parent.command if ctx.parent is not None else None
    known = list(getattr(group, "commands", {})) or [ctx.info_name or ""]
    first = sorted({name.split()[0] for name in known})
    loose = [name for name, value in content.items() if not isinstance(value, Mapping)]
    if loose:
        raise DataError(
            f"--config {path} gives {loose[0]!r} outside of a command's table. Allowed: flags below a command, as in "
            f"[{ctx.command_path.partition(' ')[2] or 'fit'}]. Move it there."
        )
    unknown = [name for name in content if name not in first]
    if unknown:
        raise DataError(
            f"--config {path} has a table [{unknown[0]}], and there is no such command.{_meant(unknown[0], first)} "
            f"Allowed: {', '.join(first)}. Rename the table, or take it out."
        )


def _flags(ctx: typer.Context, table: Any, path: Path, words: list[str]) -> dict[str, Any]:
    """The values of a table by the names of the parameters that they are for."""
    where, known = f"[{'.'.join(words)}]", _parameters(ctx)
    inner = _inner_commands(ctx, words)
    found: dict[str, Any] = {}
    for key, value in table.items():
        word = key.replace("-", "_")
        if word in inner and isinstance(value, Mapping) and word not in known:
            continue
        if word not in known or word == "config":
            allowed = sorted(set(known) - {"config"})
            raise DataError(
                f"--config {path} gives {key!r} in {where}, which has no such flag.{_meant(word, allowed)} Allowed: "
                f"{', '.join(allowed)}. Rename it, or take it out."
            )
        parameter = known[word]
        if parameter.name in found:
            raise DataError(
                f"--config {path} gives {key!r} twice in {where}. A flag has one value; keep one of the two."
            )
        found[parameter.name] = _value(value, parameter, f"--config {path} gives {key!r} in {where} as {value!r}")
    return found


def _parameters(ctx: typer.Context) -> dict[str, Any]:
    """The command's parameters by what their flags, or arguments, are called."""
    named: dict[str, Any] = {}
    for parameter in ctx.command.params:
        flags = [flag[2:].replace("-", "_") for flag in parameter.opts if flag.startswith("--")]
        named |= dict.fromkeys(flags or [str(parameter.name)], parameter)
    named.pop("help", None)
    return named


def _inner_commands(ctx: typer.Context, words: list[str]) -> set[str]:
    """The second words of commands that begin as this one does."""
    group = ctx.parent.command if ctx.parent is not None else None
    names = [name.split() for name in getattr(group, "commands", {})]
    return {name[len(words)] for name in names if len(name) > len(words) and name[: len(words)] == words}


def _value(value: Any, parameter: Any, said: str) -> Any:
    """A value of TOML as the parameter takes it: a list where it may be repeated, KEY=VALUE from a table."""
    if getattr(parameter, "multiple", False):
        if isinstance(value, Mapping):
            return [f"{key}={_text(inner)}" for key, inner in value.items()]
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        if isinstance(value, str):
            return [value]
        raise DataError(
            f'{said}. Allowed: a table such as {{epochs = 40}}, or a list such as ["epochs=40"]. Write one.'
        )
    is_flag = getattr(parameter, "is_flag", False)
    if is_flag is not isinstance(value, bool):
        allowed = "true or false" if is_flag else "a number or text in quotes"
        raise DataError(f"{said}. Allowed: {allowed}. Change it.")
    if not isinstance(value, _SCALARS):
        raise DataError(f"{said}. Allowed: one number, or text in quotes. Change it.")
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
