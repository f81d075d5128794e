"""What is said of a flag that a command does not take, where another flag of it does the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from typer.core import TyperCommand

INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "--responses": "responses=PATH",
        "--drugs": "drugs=PATH",
        "--expression": "expression=PATH",
        "--cell-lines": "cell_lines=PATH",
        "--mutations": "mutations=PATH",
        "--profiles": "profiles=NAME=PATH",
        "--unit": "unit=NAME",
        "--dose-unit": "dose_unit=UNIT",
        "--expression-scale": "expression_scale=NAME",
    }
)
"""Flags of the commands that fit a screen, as options of the screen's source."""


class TeachingCommand(TyperCommand):
    """A command that takes `--screen-option` says how it takes what other commands have a flag of its own for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line; what a refused one is called instead is added to the refusal."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            refusal: Any = error  # typer's own exceptions have no public name
            option = INSTEAD.get(getattr(error, "option_name", ""))
            flags = [flag for param in self.params for flag in param.opts]
            if option is not None and "--screen-option" in flags and refusal.option_name not in flags:
                label = "SCREEN." if "--train" in flags else ""
                refusal.message += f". Here it is an option of the screen: --screen-option {label}{option}"
                refusal.possibilities = None
            raise
