"""Drugs with their structures from a user's table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import in_memory, joining, reading
from bdrp.data.in_memory import DRUGS, Given
from bdrp.data.user_tables import columns

_SMILES_ALONE: Final = frozenset(columns.ALIASES["smiles"])


def read_raw(given: Given) -> pd.DataFrame:
    """The table as it stands; where it has structures and no ids, a column drug_id of the structures as written.

    Raises:
        DataError: the table cannot be read.
    """
    if isinstance(given, str | os.PathLike):
        raw = reading.read_table(Path(given), alone=_SMILES_ALONE)
    else:
        raw = in_memory.tabulate(given, DRUGS)
    smiles = columns.candidates(raw, "smiles")
    if smiles and not columns.candidates(raw, "drug_id") and not columns.candidates(raw, "name"):
        return raw.assign(drug_id=reading.text(raw, smiles[0]))
    return raw


def clean(raw: pd.DataFrame, path: Path, key: str | None = None) -> pd.DataFrame:
    """Drugs by drug_id: name, smiles (canonical), structure_key, target, pathway ("" where not known).

    Args:
        raw: the table.
        path: for messages.
        key: the column of ids; the preferred name where None.

    Raises:
        DataError: a structure is empty or unparsable, or one id has two structures.
    """
    found = columns.find(raw, ("smiles",), ("name", "target", "pathway"), path)
    table = pd.DataFrame({"drug_id": reading.ids(raw, key or columns.drug_keys(raw, path)[0])})
    for column, named in found.items():
        table[column] = reading.text(raw, named)
    return joining.clean_drugs(table, path.name)
