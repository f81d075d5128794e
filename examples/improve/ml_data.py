"""What IMPROVE's scripts hand on to each other: rows of the stages, expression and structures, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from examples.over_files.asking import KEYS, Features

STAGES: Final = ("train", "val", "test")
PARTS: Final = {"train": "train", "val": "test"}
"""What a fit takes the stages for: rows of val are never trained on, so that their scores are honest."""


def keep_described(responses: pd.DataFrame, features: Features, ids: list[str]) -> pd.DataFrame:
    """The responses whose line has expression and whose drug a structure; `ids` are the columns of line and drug."""
    line, drug = ids
    known = responses[line].isin(features.expression.index) & responses[drug].isin(features.smiles.index)
    return responses[known].reset_index(drop=True)


def write_rows(responses: pd.DataFrame, path: Path, columns: list[str]) -> None:
    """Write `columns`, which are those of line, drug and response, under bdrp's names; ids are text."""
    table = responses[columns].set_axis([*KEYS, "response"], axis=1)
    table.astype(dict.fromkeys(KEYS, "str")).to_parquet(path, index=False)


def write_features(features: Features, folder: Path) -> None:
    """Write expression.parquet and structures.parquet, a row a line and a row a drug; ids are text."""
    smiles = features.smiles.rename("smiles").to_frame()
    for table, key, name in ((features.expression, KEYS[0], "expression"), (smiles, KEYS[1], "structures")):
        described = table.set_axis(table.index.astype("str"), axis=0).rename_axis(key)
        described.reset_index().to_parquet(folder / f"{name}.parquet", index=False)


def read_features(folder: Path) -> Features:
    """What `write_features` wrote."""
    expression = pd.read_parquet(folder / "expression.parquet").set_index(KEYS[0])
    return Features(expression, pd.read_parquet(folder / "structures.parquet").set_index(KEYS[1])["smiles"])
