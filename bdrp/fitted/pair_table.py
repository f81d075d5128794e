"""A table with a row a pair, as scikit-learn's estimators take them, becomes drugs, lines and pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data import identifiers
from bdrp.data.identifiers import listed
from bdrp.data.sources import tables
from bdrp.errors import DataError

IDS: Final = ("drug_id", "smiles", "cell_line_id")
ONLY_DRUG: Final = (["drug"], ["C"])  # methane stands for the structure that nobody told: it is the same in all rows


@dataclass(frozen=True)
class PairTable:
    """N pairs, each drug and each line once.

    Attributes:
        drugs: by drug_id, as `tables.read_drugs` has them.
        lines: (L, P) float32 by cell_line_id.
        pairs: (N, 2) cell_line_id and drug_id.
    """

    drugs: pd.DataFrame
    lines: pd.DataFrame
    pairs: pd.DataFrame

    @staticmethod
    def part(given: Any) -> tuple[pd.DataFrame, Any]:
        """The columns that name pairs, as text, and what is left; of what is no frame, nothing and all."""
        if not isinstance(given, pd.DataFrame):
            return pd.DataFrame(), given
        named = [column for column in IDS if column in given]
        ids = given[named].reset_index(drop=True)
        for column in named:
            empty = ids.index[ids[column].isna() | (ids[column].astype("str").str.strip() == "")]
            if len(empty):
                raise DataError(
                    f"X has {len(empty):,} rows without {column} (row {listed(empty + 1)}). Every row needs one where "
                    "there is such a column. Fill it in, or drop the rows."
                )
        return ids.astype("str"), given.drop(columns=named) if named else given

    @classmethod
    def of(
        cls,
        ids: pd.DataFrame,
        numbers: npt.NDArray[np.float64],
        names: list[str],
        *,
        prefix: str,
        known: pd.DataFrame | None = None,
    ) -> Self:
        """The three tables of N rows.

        Args:
            ids: columns that `part` found.
            numbers: (N, P) of the lines.
            names: P names of these.
            prefix: of the ids of lines that have none.
            known: drugs that need no SMILES.

        Raises:
            DataError: a line has two profiles, a drug has no structure or two, or a structure cannot be read.
        """
        rows = pd.RangeIndex(len(numbers))
        line = ids["cell_line_id"] if "cell_line_id" in ids else pd.Series([f"{prefix} {row + 1}" for row in rows])
        drugs, drug = _read_drugs(ids, rows, known)
        pairs = pd.DataFrame({"cell_line_id": line.to_numpy(), "drug_id": drug.to_numpy()}, dtype="str")
        return cls(drugs, _one_a_line(numbers, names, pairs["cell_line_id"]), pairs)


def _read_drugs(ids: pd.DataFrame, rows: pd.Index, known: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.Series]:
    """The drugs, and the id of each row's."""
    if "drug_id" not in ids and "smiles" not in ids:
        return _drugs_of(*ONLY_DRUG), pd.Series(ONLY_DRUG[0][0], index=rows)
    if "drug_id" not in ids:
        named = {smiles: identifiers.canonical_smiles(smiles) for smiles in ids["smiles"].unique()}
        drug = ids["smiles"].map(named)
        return _drugs_of(drug.unique(), drug.unique()), drug
    if "smiles" in ids:
        return tables.read_drugs(ids[["drug_id", "smiles"]].drop_duplicates()), ids["drug_id"]
    there = pd.Index([]) if known is None else known.index
    unknown = ids["drug_id"][~ids["drug_id"].isin(there)].unique()
    if known is None or len(unknown):
        raise DataError(
            f"X has {len(unknown):,} drugs without a structure ({listed(unknown)}). Each drug that was not fitted "
            "needs its SMILES. Add a column smiles."
        )
    return known.loc[ids["drug_id"].unique()], ids["drug_id"]


def _drugs_of(names: Any, smiles: Any) -> pd.DataFrame:
    return tables.read_drugs(pd.DataFrame({"drug_id": names, "smiles": smiles}))


def _one_a_line(numbers: npt.NDArray[np.float64], names: list[str], line: pd.Series) -> pd.DataFrame:
    columns = [str(name) for name in names]
    table = pd.DataFrame(numbers.astype(np.float32), columns=columns, index=pd.Index(line, name="cell_line_id"))
    distinct = table[~table.assign(cell_line_id=table.index).duplicated()]
    several = distinct.index[distinct.index.duplicated()].unique()
    if len(several):
        raise DataError(
            f"X describes {len(several):,} cell lines in more than one way ({listed(several)}). All rows of a line "
            "have the same numbers. Mend them, or give other samples ids of their own."
        )
    return distinct
