"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations


def main() -> None:
    """Run `bdrp` with the arguments of this process."""
    from bdrp.cli.app import app

    app(prog_name="bdrp")
