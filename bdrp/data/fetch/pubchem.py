"""Structures from PubChem, by the compound ids of GDSC's drug list and else by name."""

from __future__ import annotations

import csv
import io
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bdrp.data import reading
from bdrp.data.fetch import asking
from bdrp.data.fetch.asking import TRANSIENT, BrokeOffError, Patience, UnavailableError
from bdrp.errors import BdrpWarning, DataError
from bdrp.files import atomic

PUBCHEM = "https://pubchem.ncbi.nlm.nih.gov/rest/pug"
BATCH = 100
"""Ids a request; chosen: GDSC's drugs in six requests."""
INTERVAL = 0.25
"""Seconds between requests: PubChem asks for no more than five a second."""
_MOST = 4 << 20
_SHOWN = 5
_NOTHING = "CID,SMILES\n"


def write_structures(drug_list: Path, path: Path, base_url: str, *, progress: bool, patience: Patience) -> None:
    """Writes DRUG_ID, name, cid, smiles, matched for every drug of the list that PubChem has a structure of.

    A drug is asked for by its PubChem id (`matched` is "id"; the first id where it has two). Where the list has none,
    it is asked for by its name, and taken where PubChem knows one compound of that name (`matched` is "name"). Drugs
    without a structure (mixtures, "none", "several", unknown or ambiguous names) are left out, with a warning.

    What PubChem answered so far is kept beside `path` as `.part`, so that a second call asks only for the rest.

    Raises:
        DataError: the list has neither ids nor names, or PubChem does not answer.
    """
    _write(_listed(drug_list), path, base_url, progress=progress, patience=patience)


def write_named_structures(
    names: Mapping[str, str], path: Path, base_url: str, *, progress: bool, patience: Patience
) -> None:
    """The same for drugs of which only names are known, by what the screen calls them ("" for what is no one compound).

    Raises:
        DataError: PubChem does not answer.
    """
    drugs = pd.DataFrame({"DRUG_ID": list(names), "name": list(names.values())})
    drugs["query"] = [_query(name, "") for name in names.values()]
    _write(drugs, path, base_url, progress=progress, patience=patience)


def _write(drugs: pd.DataFrame, path: Path, base_url: str, *, progress: bool, patience: Patience) -> None:
    told = _Told(path.with_name(f"{path.name}.part"))
    asker = _Asker(base_url, patience)
    queries = [query for query in sorted(set(drugs["query"]) - {""}) if query not in told.found]
    for batch in _shown(_batches(queries), progress):
        told.add(batch, asker.find(batch))
    found = [told.found.get(query, ("", "")) for query in drugs["query"]]
    matched = drugs["query"].str.partition(":")[0]
    table = drugs.drop(columns="query").assign(cid=[c for c, _ in found], smiles=[s for _, s in found], matched=matched)
    have = table["smiles"] != ""
    with atomic.replacing(path) as beside:
        table[have].to_csv(beside, index=False)
    told.path.unlink(missing_ok=True)
    _warn_of(table[~have], int((table["matched"][have] == "name").sum()), path)


def first_cid(cell: str) -> str:
    """The first PubChem id of a drug list's cell, "" where it has none.

    >>> first_cid("11719003, 58641927"), first_cid("3385.0"), first_cid("several")
    ('11719003', '3385', '')
    """
    match = re.match(r"\s*(\d{1,12})(?:\.0)?\s*(?:[,;].*)?$", cell)
    return match.group(1) if match else ""


def _listed(drug_list: Path) -> pd.DataFrame:
    """DRUG_ID, name and query: "id:702", "name:Ethanol", or "" where the list says that there is no one structure."""
    raw = reading.read_table(drug_list, published=True)
    raw.columns = pd.Index([re.sub(r"[^a-z]", "", str(column).lower()) for column in raw.columns])
    named = next((column for column in ("name", "drugname") if column in raw), None)
    if "drugid" not in raw or named is None:
        raise DataError(
            f"{drug_list.name} lacks the columns 'Drug Id' and 'Name', by which structures are asked for. It is no "
            "GDSC drug list; delete it to download it again."
        )
    table = pd.DataFrame({"DRUG_ID": reading.ids(raw, "drugid"), "name": reading.text(raw, named)})
    table["query"] = [_query(*cells) for cells in zip(table["name"], reading.text(raw, "pubchem"), strict=True)]
    worth = table["query"].str[:2].map({"id": 0, "na": 1}).fillna(2)  # of a drug's rows, the one that tells most
    best = table.iloc[worth.argsort(kind="stable")].drop_duplicates("DRUG_ID")
    return best.sort_values("DRUG_ID", ignore_index=True)


def _query(name: str, pubchem: str) -> str:
    if cid := first_cid(pubchem):
        return f"id:{cid}"
    first_name = name.split(",")[0].strip()
    return f"name:{first_name}" if first_name and not pubchem.strip() else ""


def _batches(queries: list[str]) -> list[list[str]]:
    """Ids by the hundred; names one by one, as PubChem wants them."""
    ids = [query for query in queries if query.startswith("id:")]
    names = [[query] for query in queries if query.startswith("name:")]
    return [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)] + names


@dataclass(frozen=True)
class _Asker:
    """Asks PubChem for batches of structures, no faster than it allows."""

    base_url: str
    patience: Patience

    def find(self, batch: list[str]) -> dict[str, tuple[str, str]]:
        """Id and SMILES by query, for ids or one name; what PubChem does not know, or knows twice, is missing."""
        kind, _, first = batch[0].partition(":")
        if kind == "name":
            known = list(_parsed(self._post({"name": first}, "name") or _NOTHING).items())
            return {batch[0]: known[0]} if len(known) == 1 else {}
        cids = [query.removeprefix("id:") for query in batch]
        return {f"id:{cid}": (cid, smiles) for cid, smiles in self._by_id(cids).items() if cid in cids}

    def _by_id(self, cids: list[str]) -> dict[str, str]:
        answer = self._post({"cid": ",".join(cids)}, "cid")
        if answer is not None:
            return _parsed(answer)
        if len(cids) == 1:
            return {}
        half = len(cids) // 2  # one unknown id can spoil a batch
        return self._by_id(cids[:half]) | self._by_id(cids[half:])

    def _post(self, form: dict[str, str], by: str) -> str | None:
        """The answer's text; None where PubChem says that it does not know the ids or the name."""
        seen = ""
        for attempt in range(self.patience.attempts):
            time.sleep(INTERVAL if not attempt else self.patience.pause * 2 ** (attempt - 1))
            try:
                with asking.answer(
                    "POST",
                    f"{self.base_url}/compound/{by}/property/SMILES/CSV",
                    self.patience,
                    data=form,
                    headers={"Accept-Encoding": "identity", "User-Agent": "bdrp"},
                ) as response:
                    body = _text(asking.pieces(response, self.patience))
                    if response.status_code == 200:
                        return body
                    if response.status_code == 404 and "PUGREST.NotFound" in body:
                        return None
                    seen = f"it answers {response.status_code} {response.reason}"
                    if response.status_code not in TRANSIENT:
                        break
            except BrokeOffError as error:
                seen = str(error)
            except UnavailableError as error:
                seen = str(error)
                break
        raise DataError(
            f"PubChem ({self.base_url}) gives no structures: {seen}, at the last of {attempt + 1} attempts. They are "
            "needed for the drugs. Run the same command later, which goes on from here, or put a table such "
            "as gdsc_drug_smiles.csv with DRUG_ID,name,smiles beside the other files."
        )


def _text(pieces: Iterator[bytes]) -> str:
    body = b""
    for piece in pieces:
        body += piece
        if len(body) > _MOST:
            raise DataError(
                f"PubChem's answer is longer than {_MOST:,} bytes. No list of {BATCH} structures is. Look at the "
                "address with a browser."
            )
    return body.decode("utf-8", "replace")


def _parsed(answer: str) -> dict[str, str]:
    """SMILES by id from rows of "CID","SMILES"; the property's name has changed over the years."""
    rows = csv.DictReader(io.StringIO(answer))
    columns = [name for name in rows.fieldnames or () if name.upper().endswith("SMILES")]
    if "CID" not in (rows.fieldnames or ()) or not columns:
        raise DataError(
            f"PubChem's answer is no table of structures: it begins {answer[:60]!r}. CID and SMILES are expected. A "
            "proxy or a login page may stand in between; look at it with a browser."
        )
    return {row["CID"]: smiles for row in rows if (smiles := (row[columns[0]] or "").strip())}


class _Told:
    """What PubChem answered so far, on the disk: id and SMILES by query, both "" for what it does not know."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, tuple[str, str]] = {}
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                self.found = {row[0]: (row[1], row[2]) for row in csv.reader(file) if len(row) == 4 and row[3] == "."}

    def add(self, asked: list[str], found: dict[str, tuple[str, str]]) -> None:
        """Appends a batch; each row ends in "." so that one cut short is seen, and the empty row ends that one."""
        new = {query: found.get(query, ("", "")) for query in asked}
        self.found |= new
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["", "", "", ""], *([query, *told, "."] for query, told in new.items())])


def _shown(batches: list[list[str]], progress: bool) -> Iterator[list[str]]:
    from tqdm import tqdm

    yield from tqdm(batches, desc="structures", unit="batch", disable=None if progress else True, leave=False)


def _warn_of(lacking: pd.DataFrame, by_name: int, path: Path) -> None:
    told = []
    if by_name:
        told.append(f"{by_name} structures in {path.name} were found by name, not by id (column matched); check them")
    if len(lacking):
        names = ", ".join(lacking["name"].head(_SHOWN)) + (", …" if len(lacking) > _SHOWN else "")
        told.append(f"{len(lacking)} drugs have no structure at PubChem and cannot be predicted: {names}")
    if told:
        warnings.warn(". ".join(told) + ".", BdrpWarning, stacklevel=6)
