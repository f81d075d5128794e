"""A split from the user's own table: `cell_line_id,drug_id,part`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.data import reading
from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import assign_clusters
from bdrp.data.splits.drawing import Shares, as_split, check_parts, draw_parts, group_sizes
from bdrp.data.splits.leaks import find_leaks, held_out_kind
from bdrp.data.splits.split import PARTS, UNUSED, Split
from bdrp.errors import BdrpWarning, SplitError

COLUMNS = ("cell_line_id", "drug_id", "part")
SHOWN = 5


def from_file(
    screen: Screen,
    path: Path | str,
    *,
    seed: int = 0,
    validation: float = 0.08,
    calibration: float = 0.12,
    allow_leaks: bool = False,
) -> Split:
    """Reads a split written by hand, by another program or by `Split.save`.

    Parts are train, validation, calibration, test; "unused" or an empty cell leaves a pair out on purpose, and so does
    not listing it (which is reported). Where the file has no validation or no calibration part, it is drawn from train
    by the clusters that the file itself separates (lines, drugs, both, or else pairs), with `seed`.

    Args:
        screen: what was measured.
        path: a table of text, gzipped or not, a workbook or Parquet.
        seed: for the parts that are drawn.
        validation: share of train to draw where the file has no validation part.
        calibration: share of train to draw where the file has no calibration part.
        allow_leaks: warn, rather than refuse, where compounds or patients straddle parts.

    Raises:
        DataError: the file is missing, unreadable, or lacks a column.
        SplitError: bad part names, a pair in two parts, an empty part, or a leak.
    """
    table = _read(Path(path))
    _check_names(table)
    _check_once(table)
    parts = _placed(screen, table, Path(path))
    said = f"Parts read from {Path(path).name}."
    split = as_split(screen, "file", parts, seed, 0, 1, said)
    check_parts(split, Shares(0, 0))
    split = _with_drawn(screen, split, Shares(validation, calibration))
    _tell_leaks(find_leaks(screen, split), allow_leaks)
    return split


def _read(path: Path) -> pd.DataFrame:
    raw = reading.read_table(path, needs=COLUMNS, wanted=COLUMNS)
    part = reading.text(raw, "part").str.lower().replace("unused", UNUSED)
    return pd.DataFrame({key: reading.ids(raw, key) for key in COLUMNS[:2]} | {"part": part})


def _check_names(table: pd.DataFrame) -> None:
    bad = ~table["part"].isin([*PARTS, UNUSED])
    if bad.any():
        names = sorted(table.loc[bad, "part"].unique())
        raise SplitError(
            f"{int(bad.sum())} rows of the split file name no part (line {_lines(bad)}: {_some(names)}). "
            f"Allowed are {', '.join(PARTS)} and unused. Correct these rows."
        )
    nameless = (table["cell_line_id"] == "") | (table["drug_id"] == "")
    if nameless.any():
        raise SplitError(
            f"{int(nameless.sum())} rows of the split file lack an id (line {_lines(nameless)}). "
            "Each row needs a cell_line_id and a drug_id. Fill them in or delete the rows."
        )


def _check_once(table: pd.DataFrame) -> None:
    pairs = table.drop_duplicates()
    twice = pairs[pairs.duplicated(["cell_line_id", "drug_id"], keep=False)]
    if len(twice):
        in_parts = twice.groupby(["cell_line_id", "drug_id"])["part"].agg(
            lambda parts: " and ".join(p or "unused" for p in parts)
        )
        shown = [f"{line} with drug {drug} in {parts}" for (line, drug), parts in in_parts.items()]
        raise SplitError(
            f"{len(shown)} pairs are listed in two parts of the split file: {_some(shown)}. "
            "A pair belongs to one part. Delete one row of each."
        )


def _placed(screen: Screen, table: pd.DataFrame, path: Path) -> NDArray[np.object_]:
    """The part of each response; warns of what the file and the screen do not share."""
    unknown = {
        "cell lines": sorted(set(table["cell_line_id"]) - set(screen.cell_lines.index)),
        "drugs": sorted(set(table["drug_id"]) - set(screen.drugs.index)),
    }
    gaps = [f"{len(ids)} {noun} that the screen does not have ({_some(ids)})" for noun, ids in unknown.items() if ids]
    pairs = table.drop_duplicates(["cell_line_id", "drug_id"])
    merged = screen.responses[["cell_line_id", "drug_id"]].merge(pairs, how="left", on=["cell_line_id", "drug_id"])
    unlisted = merged["part"].isna()
    if unlisted.all():
        raise SplitError(
            f"No pair of {path.name} was measured in the screen: it names {'; '.join(gaps) or 'other pairs'}. "
            f"Ids must be the screen's own, such as {_example(screen)}. Translate the ids of the file."
        )
    if unlisted.any():
        gaps.append(f"not {int(unlisted.sum())} of the {len(merged)} responses, which stay unused")
    if gaps:
        warnings.warn(f"The split file {path.name} lists {'; '.join(gaps)}.", BdrpWarning, stacklevel=3)
    return np.asarray(merged["part"].fillna(UNUSED), dtype=object)


def _with_drawn(screen: Screen, split: Split, shares: Shares) -> Split:
    """Draws the parts that the file lacks out of its training part, by what the file holds out."""
    lacking = [part for part in ("validation", "calibration") if not len(split.rows(part))]
    wanted = replace(shares, **{part: 0.0 for part in ("validation", "calibration") if part not in lacking})
    if wanted.parts == 1:
        return split
    kind = held_out_kind(split)
    train = split.parts.to_numpy() == "train"
    if kind == "both":
        lines, drugs = (_drawn(screen, axis, train, wanted.wider(), split.seed) for axis in ("cell_line", "drug"))
        drawn = np.where(lines == drugs, lines, UNUSED)
    else:
        drawn = _drawn(screen, kind, train, wanted, split.seed)
    parts = split.parts.to_numpy(dtype=object)
    parts[train] = drawn
    said = f"{split.description} {' and '.join(lacking).capitalize()} drawn from train by {kind}, seed {split.seed}."
    full = as_split(screen, "file", parts, split.seed, 0, 1, said)
    check_parts(full, shares)
    return full


def _drawn(screen: Screen, kind: str, train: NDArray[np.bool_], shares: Shares, seed: int) -> NDArray[np.object_]:
    keys = assign_clusters(screen, kind)[train]
    sizes = group_sizes(keys)
    if len(sizes) < shares.parts:
        raise SplitError(
            f"The split file has no validation or calibration part, and its train part cannot give one: it holds "
            f"{len(sizes)} groups by {kind}, {shares.parts} are needed. List the parts in the file, or train on more."
        )
    return np.asarray(keys.map(draw_parts(sizes, shares, f"{seed}:file:{kind}")), dtype=object)


def _tell_leaks(found: list[str], allowed: bool) -> None:
    if found and not allowed:
        raise SplitError(
            f"The split file leaks: {' '.join(found)} Put all rows of each into one part, or allow it "
            "(--allow-leaks; in Python allow_leaks=True) and read every score as too good."
        )
    if found:
        warnings.warn(f"The split file leaks, so scores are too good: {' '.join(found)}", BdrpWarning, stacklevel=3)


def _lines(bad: pd.Series) -> str:
    return _some(str(row + 2) for row in np.flatnonzero(bad.to_numpy()))  # line 1 is the header


def _some(values: Iterable[str]) -> str:
    listed = list(values)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")


def _example(screen: Screen) -> str:
    first = screen.responses.iloc[0]
    return f"{first['cell_line_id']} with drug {first['drug_id']}"
