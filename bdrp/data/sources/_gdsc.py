"""What GDSC1 and GDSC2 share: the release's files, found by name, become one screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bdrp.data import joining, reading, unpacking
from bdrp.data.screen import Screen
from bdrp.data.sources import _gdsc_files, _gdsc_lines
from bdrp.errors import DataError

RESPONSES: Final = {
    "gdsc1": ("GDSC1_fitted_dose_response*", "GDSC1_*fitted*", "v17*fitted_dose_response*"),
    "gdsc2": ("GDSC2_fitted_dose_response*", "GDSC2_*fitted*"),
}
PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    "expression": ("Cell_line_RMA_proc_basalExp*",),
    "structures": ("gdsc*smiles*",),
    "model_list": ("model_list*",),
    "drug_list": ("screened_compounds*", "GDSC_drug_list*"),
}
"""File names below the root, the preferred first; upper and lower case, gzip, zip and plain alike."""


def load(name: str, root: Path | None, *, measure: str, files: Mapping[str, str | Path]) -> Screen:
    """Find, read and join the files of a release.

    Raises:
        DataError: a file is missing or cannot be read, or nothing is left after the join.
    """
    paths = _find(name, root, files)
    notices = joining.Notices()
    expression = _gdsc_files.read_expression(paths["expression"], notices)
    models = _gdsc_lines.read_model_list(paths["model_list"])
    curves = _gdsc_files.read_responses(paths["responses"], measure, name)
    sites = _gdsc_files.read_drug_list(paths.get("drug_list"), name)
    parts = joining.Parts(
        responses=_gdsc_lines.with_line_ids(curves, models, expression.index, notices).assign(
            laboratory=reading.lookup(curves["drug_id"], sites["site"].to_dict())
        ),
        drugs=_gdsc_files.read_drugs(paths["structures"], curves, sites),
        lines=_gdsc_lines.described(models, expression.index),
        expression=expression,
        checksums=unpacking.checksums(paths.values()),
    )
    return joining.screen(name, measure, parts, notices)


def missing(name: str, root: Path) -> str:
    """Why the files of a release cannot be told below `root`, or "" where they can; no file is read."""
    try:
        _find(name, root, {})
    except DataError as refusal:
        return str(refusal)
    return ""


def _find(name: str, root: Path | None, files: Mapping[str, str | Path]) -> dict[str, Path]:
    patterns = {"responses": RESPONSES[name], **PATTERNS}
    unknown = sorted(set(files) - set(patterns))
    if unknown:
        raise DataError(
            f"{name} takes no option {unknown[0]!r}. Allowed are {', '.join(patterns)}, each a file's path."
        )
    if root is None and set(patterns) - {"drug_list"} - set(files):
        raise DataError(
            f"{name} needs a root folder below which its files lie, and none was given. Give --root DIR; "
            f"`bdrp fetch {name} --root DIR` downloads the files there."
        )
    paths = {what: Path(path) for what, path in files.items()}
    for what, wanted in patterns.items():
        if what not in paths and root is not None and (path := _found(name, what, wanted, root)):
            paths[what] = path
    return paths


def _found(name: str, what: str, patterns: tuple[str, ...], root: Path) -> Path | None:
    noun = f"the {what.replace('_', ' ')} of {name}"
    path = unpacking.find(root, patterns, noun, f"name the right one with the option {what}=PATH")
    if path is None and what != "drug_list":
        raise DataError(
            f"No file below {str(root)!r} is {noun}: its name must be like {' or '.join(patterns)}. Run "
            f"`bdrp fetch {name} --root {root}`, or put the file there."
        )
    return path
