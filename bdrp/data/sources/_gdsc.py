"""What GDSC1 and GDSC2 share: the release's files become one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.sources import _gdsc_files as files_of
from bdrp.errors import DataError

_COMPRESSED = ("", ".gz", ".zip")


def _named(*stems: str) -> tuple[str, ...]:
    return tuple(stem + ending for stem in stems for ending in _COMPRESSED)


PATTERNS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType({
    name: {
        "responses": (f"{name.upper()}_fitted_dose_response*", f"{name.upper()}_*fitted*"),
        "expression": ("Cell_line_RMA_proc_basalExp*",),
        "structures": ("gdsc*smiles*.csv*",),
        "model_list": ("model_list*.csv*",),
        "drug_list": ("GDSC_drug_list*.csv*", "screened_compounds*.csv*", "drug_list*.csv*"),
    } for name in ("gdsc1", "gdsc2")})


@dataclass
class _Notices:
    lines: list[str]


def load(name: str, root: Path | None, *, measure: str, files: Mapping[str, str | Path]) -> Screen:
    """Find, read and join the release's files.

    Raises:
        DataError: a file is missing, cannot be read, or nothing is left after the join.
    """
    paths = _find(name, root, files)
    notices: list[str] = []
    expression = files_of.read_expression(paths["expression"], notices)
    lines = files_of.read_model_list(paths["model_list"])
    raw = files_of.read_responses(paths["responses"], measure)
    drugs = files_of.read_drugs(raw, paths["structures"], paths.get("drug_list"), name, notices)
    raw = files_of.with_line_ids(raw, lines, expression.index, notices)
    raw = _keep(raw, "cell_line_id", expression.index, "cell line", "no expression", notices)
    raw = _keep(raw, "drug_id", drugs.index, "drug", "no structure", notices)
    raw = _keep_finite(raw, notices)
    if raw.empty:
        raise DataError(f"No response of {name} has a line with expression and a drug with a structure. Check that the files belong together.")
    kept_lines = pd.Index(sorted(raw["cell_line_id"].unique(), key=_by_number), name="cell_line_id")
    kept_drugs = pd.Index(sorted(raw["drug_id"].unique(), key=_by_number), name="drug_id")
    return Screen(
        name=name,
        measure=MEASURES[measure],
        responses=raw.reset_index(drop=True),
        drugs=drugs.loc[kept_drugs],
        cell_lines=files_of.describe_lines(kept_lines, lines, notices),
        expression=expression.loc[kept_lines],
        checksums=reading.checksums(paths.values()),
        notices=tuple(notices),
    )


def _by_number(text: str) -> tuple[int, str]:
    return (int(text) if text.isdigit() else 2**62, text)


def _find(name: str, root: Path | None, files: Mapping[str, str | Path]) -> dict[str, Path]:
    patterns = PATTERNS[name]
    unknown = sorted(set(files) - set(patterns))
    if unknown:
        raise DataError(f"{name} takes no option {unknown[0]!r}. Allowed are {', '.join(patterns)}, each the path of a file.")
    paths = {}
    for what, wanted in patterns.items():
        path = Path(files[what]) if what in files else None
        if path is None:
            if root is None:
                raise DataError(f"{name} needs a root folder below which its files lie. None was given; pass --root, or run `bdrp fetch {name} --root DIR` first.")
            path = reading.find(root, wanted, f"the {what.replace('_', ' ')} of {name}", f"name the right one with the option {what}=PATH")
        if path is not None:
            paths[what] = path
        elif what != "drug_list":
            raise DataError(
                f"The {what.replace('_', ' ')} of {name} was not found: no file below {str(root)!r} is named like "
                f"{' or '.join(wanted)}. Run `bdrp fetch {name} --root {root}`, or put the file there."
            )
    return paths


def _keep(rows: pd.DataFrame, column: str, known: pd.Index, noun: str, lack: str, notices: list[str]) -> pd.DataFrame:
    keep = rows[column].isin(known)
    lost = rows.loc[~keep, column]
    if len(lost):
        ids = lost.unique().tolist()
        listed = ", ".join(ids[:10]) + (", ..." if len(ids) > 10 else "")
        notices.append(f"{len(lost):,} responses dropped: {len(ids):,} {noun}s have {lack} ({listed}).")
    return rows[keep]


def _keep_finite(rows: pd.DataFrame, notices: list[str]) -> pd.DataFrame:
    missing = rows["response"].isna()
    if missing.any():
        notices.append(f"{int(missing.sum()):,} responses dropped: the cell is empty.")
    return rows[~missing]
