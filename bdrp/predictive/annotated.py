"""Predictions as AnnData: lines in obs, drugs in var, a layer a number; for single-cell and matrix tools."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.errors import OutputError
from bdrp.files import h5ad, tables
from bdrp.predictive.distribution import KEYS, QUANTILES

LAYERS: Final = ("mean", "std", "aleatoric_std", "epistemic_std", *QUANTILES)
"""X is the mean too. What a pair was not predicted for is NaN."""
OF_PAIRS: Final = ("lower_limit", "upper_limit")
"""Columns of the context that are layers, where they hold numbers."""


def write(frame: pd.DataFrame, path: Path, note: str) -> None:
    """Write a table of predictions as lines by drugs.

    Columns that are the same in all pairs of a line go to obs, those of a drug to var; others are left out.

    Args:
        frame: a row a pair, with `KEYS` and `LAYERS`.
        path: the file.
        note: says the measure and its unit, as JSON.

    Raises:
        OutputError: a pair stands twice, which a matrix cannot hold.
        DataError: anndata is not installed.
        OSError: the place cannot be written to.
    """
    twice = frame.duplicated(list(KEYS))
    if twice.any():
        first = frame.loc[twice, list(KEYS)].iloc[0]
        raise OutputError(
            f"A matrix cannot hold {int(twice.sum()):,} pairs that are predicted twice (such as {first.iloc[0]} with "
            f"{first.iloc[1]}). A pair has one place; write Parquet, or predict each pair once."
        )
    lines, drugs = (pd.Index(frame[key].unique()) for key in KEYS)
    at = lines.get_indexer(frame[KEYS[0]]), drugs.get_indexer(frame[KEYS[1]])
    layers = {}
    for name in (*LAYERS, *(one for one in OF_PAIRS if one in frame and frame[one].notna().any())):
        layers[name] = np.full((len(lines), len(drugs)), np.nan)
        layers[name][at] = frame[name].to_numpy(dtype=float)
    rest = tables.encodable(frame.drop(columns=[*LAYERS, *(one for one in OF_PAIRS if one in frame)]))
    obs, var = (_told_by(rest, key, index) for key, index in zip(KEYS, (lines, drugs), strict=True))
    h5ad.write(layers, obs, var, note, path)


def _told_by(frame: pd.DataFrame, key: str, ids: pd.Index) -> pd.DataFrame:
    """The columns that have one value for each id, by id; of columns that are of lines and of drugs, those of one."""
    other = KEYS[1 - KEYS.index(key)]
    rest = frame.drop(columns=[other]).groupby(key, sort=False)
    constant = rest.nunique(dropna=False).le(1).all()
    return rest.first().reindex(ids)[[name for name in constant.index if constant[name]]]
