"""Structures from PubChem by the compound ids of GDSC's drug list."""

from __future__ import annotations

import csv
import io
import os
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bdrp.data import reading
from bdrp.data.fetch.resuming import Patience
from bdrp.errors import BdrpWarning, DataError

if TYPE_CHECKING:
    import requests

PUBCHEM = "https://pubchem.ncbi.nlm.nih.gov/rest/pug"
BATCH = 100
"""Ids a request; chosen: GDSC's drugs in six requests."""
INTERVAL = 0.25
"""Seconds between requests: PubChem asks for no more than five a second."""
_MOST = 4 << 20
_SHOWN = 5


def write_structures(drug_list: Path, path: Path, base_url: str, *, progress: bool, patience: Patience) -> None:
    """Writes DRUG_ID, name, cid, smiles for every drug of the list that has one PubChem id; the first where it has two.

    What PubChem told so far is kept beside `path` as `.part`, so that a second call asks only for the rest. Drugs
    without an id ("none", "several") or without a record are left out, with a warning.

    Raises:
        DataError: the list has no PubChem ids, or PubChem does not answer.
    """
    drugs = _with_ids(drug_list)
    told = _Told(path.with_name(f"{path.name}.part"))
    wanted = [cid for cid in sorted(set(drugs["cid"]) - {""}, key=int) if cid not in told.smiles]
    asker = _Asker(base_url, patience)
    for batch in _shown([wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)], progress):
        told.add(asker.smiles(batch), batch)
    table = drugs.assign(smiles=drugs["cid"].map(told.smiles).fillna(""))
    _warn_of(table[table["smiles"] == ""], drug_list)
    finished = path.with_name(f".{path.name}.part")
    table[table["smiles"] != ""].to_csv(finished, index=False)
    os.replace(finished, path)
    told.path.unlink(missing_ok=True)


def first_cid(cell: str) -> str:
    """The first PubChem id of a drug list's cell, "" where it has none.

    >>> first_cid("11719003, 58641927"), first_cid("3385.0"), first_cid("several")
    ('11719003', '3385', '')
    """
    match = re.match(r"\s*(\d{1,12})(?:\.0)?\s*(?:[,;].*)?$", cell)
    return match.group(1) if match else ""


def _with_ids(drug_list: Path) -> pd.DataFrame:
    raw = reading.read_table(drug_list)
    raw.columns = pd.Index([re.sub(r"[^a-z]", "", str(column).lower()) for column in raw.columns])
    if not {"drugid", "pubchem"} <= set(raw.columns):
        raise DataError(
            f"{drug_list.name} lacks the columns 'Drug Id' and 'PubCHEM', by which structures are asked for. It is no "
            "GDSC drug list; delete it to download it again."
        )
    table = pd.DataFrame({"DRUG_ID": reading.ids(raw, "drugid"), "name": reading.text(raw, "name")})
    table["cid"] = [first_cid(cell) for cell in reading.text(raw, "pubchem")]
    known_first = table.assign(lacking=table["cid"] == "").sort_values("lacking", kind="stable")
    return known_first.drop_duplicates("DRUG_ID").drop(columns="lacking").sort_index(ignore_index=True)


@dataclass(frozen=True)
class _Asker:
    """Asks PubChem for batches of structures, no faster than it allows."""

    base_url: str
    patience: Patience

    def smiles(self, cids: list[str]) -> dict[str, str]:
        """SMILES by id; ids that PubChem does not know are missing."""
        answer = self._post(cids)
        if answer is not None:
            return _parsed(answer, cids)
        if len(cids) == 1:
            return {}
        half = len(cids) // 2  # one unknown id can spoil a batch
        return self.smiles(cids[:half]) | self.smiles(cids[half:])

    def _post(self, cids: list[str]) -> str | None:
        """The answer's text; None where PubChem says that it does not know the ids."""
        import requests

        seen = ""
        for attempt in range(self.patience.attempts):
            time.sleep(INTERVAL if not attempt else self.patience.pause * 2 ** (attempt - 1))
            try:
                with requests.post(
                    f"{self.base_url}/compound/cid/property/SMILES/CSV",
                    data={"cid": ",".join(cids)},
                    headers={"User-Agent": "bdrp"},
                    timeout=(self.patience.connect, self.patience.read),
                    stream=True,
                ) as response:
                    if response.status_code == 200:
                        return _text(response)
                    if response.status_code in (400, 404):
                        return None
                    seen = f"it answers {response.status_code} {response.reason}"
            except requests.RequestException as error:
                seen = type(error).__name__
        raise DataError(
            f"PubChem ({self.base_url}) gives no structures: {seen}, {self.patience.attempts} times in a row. They are "
            "needed for the drugs. Run the same command later, which goes on from here, or put a table "
            "gdsc_drug_smiles.csv with DRUG_ID,name,smiles beside the other files."
        )


def _text(response: requests.Response) -> str:
    body = response.raw.read(_MOST + 1, decode_content=True)
    if len(body) > _MOST:
        raise DataError(
            f"PubChem's answer is longer than {_MOST:,} bytes, which no list of {BATCH} structures is. Stop."
        )
    return str(body.decode("utf-8", "replace"))


def _parsed(answer: str, cids: list[str]) -> dict[str, str]:
    """Rows of "CID","SMILES" for ids that were asked for; the property's name has changed over the years."""
    rows = csv.DictReader(io.StringIO(answer))
    columns = [name for name in rows.fieldnames or () if name.upper().endswith("SMILES")]
    if "CID" not in (rows.fieldnames or ()) or not columns:
        raise DataError(
            f"PubChem's answer is no table of structures: it begins {answer[:60]!r}. CID and SMILES are expected. A "
            "proxy or a login page may stand in between; look at it with a browser."
        )
    return {
        row["CID"]: row[columns[0]].strip() for row in rows if row["CID"] in cids and (row[columns[0]] or "").strip()
    }


class _Told:
    """What PubChem told so far, on the disk; "" for an id that it does not know."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.smiles: dict[str, str] = {}
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                self.smiles = {row[0]: row[1] for row in csv.reader(file) if len(row) == 3 and row[2] == "."}

    def add(self, found: dict[str, str], asked: list[str]) -> None:
        """Appends a batch; each row ends in "." so that one cut short is seen."""
        new = {cid: found.get(cid, "") for cid in asked}
        self.smiles |= new
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["", "", ""], *([cid, smiles, "."] for cid, smiles in new.items())])


def _shown(batches: list[list[str]], progress: bool) -> Iterator[list[str]]:
    from tqdm import tqdm

    yield from tqdm(batches, desc="structures", unit="batch", disable=None if progress else True, leave=False)


def _warn_of(lacking: pd.DataFrame, drug_list: Path) -> None:
    if len(lacking):
        names = ", ".join(lacking["name"].head(_SHOWN)) + (", …" if len(lacking) > _SHOWN else "")
        told = (
            f"{len(lacking)} drugs of {drug_list.name} have no structure at PubChem and cannot be predicted: {names}."
        )
        warnings.warn(told, BdrpWarning, stacklevel=5)
