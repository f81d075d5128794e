"""What GDSC1 and GDSC2 share: the release's files, found by name, become one screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bdrp.data import joining, reading, screen_cache, unpacking
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources import _gdsc_files, _lines
from bdrp.data.sources._found import Wanted

RESPONSES: Final = {
    "gdsc1": ("GDSC1_fitted_dose_response*", "GDSC1_*fitted*", "v17*fitted_dose_response*"),
    "gdsc2": ("GDSC2_fitted_dose_response*", "GDSC2_*fitted*"),
}
PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    "expression": ("Cell_line_RMA_proc_basalExp*",),
    "structures": ("gdsc*smiles*",),
    "model_list": ("model_list*",),
    "drug_list": ("screened_compounds*", "GDSC_drug_list*"),
    "mutations": ("gdsc*genomic_features*",),
}
"""File names below the root, the preferred first; upper and lower case, gzip, zip and plain alike."""


def load(name: str, root: Path | None, *, measure: str, files: Mapping[str, str | Path]) -> Screen:
    """Find, read and join the files of a release, or take what they were parsed to before.

    Raises:
        DataError: a file is missing or cannot be read, or nothing is left after the join.
    """
    paths = _wanted(name).find(root, files)
    return screen_cache.load_or_read(name, measure, paths, lambda: _read(name, measure, paths))


def _read(name: str, measure: str, paths: Mapping[str, Path]) -> Screen:
    notices = joining.Notices()
    expression = _gdsc_files.read_expression(paths["expression"], notices)
    models = _lines.read_model_list(paths["model_list"])
    curves = _gdsc_files.read_responses(paths["responses"], measure, name)
    sites = _gdsc_files.read_drug_list(paths.get("drug_list"), name)
    profiles = {EXPRESSION: expression}
    if "mutations" in paths:
        profiles["mutations"] = _gdsc_files.read_mutations(paths["mutations"], models, expression.index, notices)
    parts = joining.RawTables(
        responses=_lines.with_line_ids(curves, models, expression.index, notices).assign(
            laboratory=reading.lookup(curves["drug_id"], sites["site"].to_dict())
        ),
        drugs=_gdsc_files.read_drugs(paths["structures"], curves, sites),
        lines=_lines.describe_lines(models, expression.index),
        profiles=profiles,
        checksums=unpacking.checksums(paths.values()),
    )
    return joining.join_screen(name, measure, parts, notices)


def missing(name: str, root: Path) -> str:
    """Why the files of a release cannot be found below `root`, or "" where they can; no file is read."""
    return _wanted(name).missing(root)


def _wanted(name: str) -> Wanted:
    return Wanted(name, {"responses": RESPONSES[name], **PATTERNS}, optional=("drug_list", "mutations"))
