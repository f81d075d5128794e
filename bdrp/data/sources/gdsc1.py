"""GDSC1: Genomics of Drug Sensitivity in Cancer, https://www.cancerrxgene.org (free for non-commercial use)."""

from __future__ import annotations

from pathlib import Path

from bdrp.data.screen import Screen
from bdrp.data.sources import _gdsc

DESCRIPTION = "GDSC1: the official release files, found by name anywhere below the root"


def load(root: Path | None, *, measure: str = "ln_ic50_um", **files: str | Path) -> Screen:
    """GDSC1 as a screen; `files` may name the files that are otherwise found by pattern (see `_gdsc.PATTERNS`).

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    return _gdsc.load("gdsc1", root, measure=measure, files=files)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    return _gdsc.missing("gdsc1", root)
