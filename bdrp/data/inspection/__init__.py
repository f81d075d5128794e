"""What a fit would read: what was understood, what joins, and everything that has to be changed. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdrp.data import joint, sources
from bdrp.data.inspection.findings import Findings as Findings
from bdrp.data.inspection.findings import Meeting as Meeting
from bdrp.data.inspection.user_tables import inspect_tables


def inspect(names: Sequence[str], root: Path | None, measure: str | None, options: Mapping[str, Any]) -> Findings:
    """What a fit would read.

    Args:
        names: of the screens; more than one are read as one.
        root: the folder below which files lie.
        measure: what to model; None where nothing is said.
        options: of the source, or of the sources by name.
    """
    if list(names) == ["tables"]:
        return inspect_tables(root, measure, options)
    found = Findings()
    if len(names) > 1:
        screen = found.attempt(lambda: joint.load(names, root, measure, joint.options_by_screen(options, names)))
    else:
        screen = found.attempt(lambda: sources.load(names[0], root, measure, **options))
    if screen is not None:
        found.describe_screen(screen)
    return found
