"""One spelling for every id, name and structure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import SaltRemover, inchi
from rdkit.Chem.MolStandardize import rdMolStandardize

from bdrp.data.structure_cache import Reader
from bdrp.errors import DataError

LONGEST_SMILES: Final = 2_000
"""Characters; chosen: the longest structure of GDSC, CCLE and CTRPv2 has under 300, and parsing time grows steeply."""

MOST_KEPT: Final = 65_536
"""Structures whose names stay in memory; chosen: some 10 MB."""

_CARBON = 6
_TRANSITION_METALS = frozenset({*range(21, 31), *range(39, 49), *range(72, 81)})
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")
_SPREADSHEET_NUMBER = re.compile(r"\d\.\d+[eE]\+\d{1,2}")
_BLANK = frozenset({"", "nan", "none", "na", "n/a", "<na>", "null"})
_ERRORS = frozenset({"#n/a", "#name?", "#ref!", "#value!", "#div/0!", "#num!", "#null!", "#spill!"})
"""What a spreadsheet puts where a formula failed, and nobody's id."""


def clean_id(value: object) -> str:
    """The id as text: no spaces around it and no ".0" that a spreadsheet left; "" where there is none.

    >>> clean_id(906826.0), clean_id(" 906826.0 "), clean_id(None), clean_id("1331031.0;1331030")
    ('906826', '906826', '', '1331031;1331030')
    """
    return ";".join(part for part in map(_plain_id, _text(value).split(";")) if part.lower() not in _BLANK | _ERRORS)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):  # an id that a workbook or Parquet took for one; in text it is TRUE
        return str(value).upper()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain_id(text: str) -> str:
    text = text.strip()
    if _SPREADSHEET_NUMBER.fullmatch(text) and float(text).is_integer():
        return str(int(float(text)))
    return _WHOLE_NUMBER.sub(r"\1", text) if _WHOLE_NUMBER.fullmatch(text) else text


def split_ids(value: object) -> tuple[str, ...]:
    """Every id of a cell that can hold several.

    >>> split_ids("1331031;1331030")
    ('1331031', '1331030')
    """
    cleaned = clean_id(value)
    return tuple(cleaned.split(";")) if cleaned else ()


def line_name_key(name: object) -> str:
    """A cell line's name as upper-case letters and digits, so that "NCI-H1975" and "nci h1975" meet.

    >>> line_name_key("NCI-H1975") == line_name_key("nci h1975")
    True
    """
    return re.sub(r"[^A-Z0-9]", "", str(name).upper())


def canonical_smiles(smiles: object) -> str:
    """The structure in RDKit's canonical SMILES.

    >>> canonical_smiles("OCC")
    'CCO'

    Raises:
        DataError: the text is empty, too long, holds control characters, or is no molecule.
    """
    return _canonical(_plain_smiles(smiles))


def structure_key(smiles: object) -> str:
    """The first block of the InChIKey: equal for all stereoisomers, charges and isotopes of one skeleton.

    Where InChI has no name for a structure, the key is "SMILES-" and 14 digits of the hash of the canonical SMILES.

    >>> structure_key("OCC")
    'LFQSCWFLJHTTHZ'

    Raises:
        DataError: as `canonical_smiles`.
    """
    return _key(_plain_smiles(smiles))


def name_structures(smiles: Sequence[object]) -> list[tuple[str, str] | DataError]:
    """Canonical SMILES and structure key of each of many structures, or what is wrong with it.

    Many are read at once, in processes, and kept among the user's caches.
    """
    named: list[tuple[str, str] | DataError] = []
    for start in range(0, len(smiles), MOST_KEPT):
        named += _name_run(smiles[start : start + MOST_KEPT])
    return named


def parent_key(smiles: object) -> str:
    """The structure key of what is left without salts and solvents, so that a base and its hydrochloride are one.

    Of several parts that are no known salts, such as two drugs in one vial, the largest organic one stands for all.
    Complexes of metals, such as cisplatin, and salts alone keep the key of the whole.

    >>> parent_key("CCN.Cl") == parent_key("CC[NH3+].[Cl-]") == structure_key("CCN")
    True

    Raises:
        DataError: as `canonical_smiles`.
    """
    text = _plain_smiles(smiles)
    return _parent(text) if "." in text else _key(text)


def listed(items: Iterable[object], most: int = 10) -> str:
    """The first of the items for a message.

    >>> listed(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    first = [str(item) for item in islice(items, most + 1)]
    return ", ".join(first[:most]) + (", ..." if len(first) > most else "")


def _name_run(smiles: Sequence[object]) -> list[tuple[str, str] | DataError]:
    """Of no more structures than are kept in memory."""
    plain = list(map(_plain_or_error, smiles))
    canonical = _canonical.read_all(text for text in plain if isinstance(text, str))
    _key.read_all(canonical.values())
    return [_name(text) if isinstance(text, str) else text for text in plain]


def _name(plain: str) -> tuple[str, str] | DataError:
    try:
        canonical = _canonical(plain)
        return canonical, _key(canonical)
    except DataError as error:
        return error


def _plain_or_error(smiles: object) -> str | DataError:
    try:
        return _plain_smiles(smiles)
    except DataError as error:
        return error


def _plain_smiles(smiles: object) -> str:
    text = "" if smiles is None else str(smiles).strip()
    if text.lower() in _BLANK:
        raise DataError(
            "SMILES is empty. A structure in SMILES notation is needed; drop the drug or give its structure."
        )
    if len(text) > LONGEST_SMILES:
        raise DataError(
            f"SMILES has {len(text):,} characters ({text[:40]!r}...). At most {LONGEST_SMILES:,} are allowed, because "
            "parsing time grows steeply with length and no small molecule needs more. Drop the drug or correct the "
            "cell."
        )
    if not text.isprintable() or not text.isascii() or " " in text:
        raise DataError(
            f"SMILES {text[:80]!r} holds spaces, control or non-ASCII characters. Only printable ASCII without spaces "
            "is allowed. Correct the cell."
        )
    return text


def _read_canonical(smiles: str) -> str:
    return str(Chem.MolToSmiles(_molecule(smiles)))


def _read_key(smiles: str) -> str:
    with rdBase.BlockLogs():
        key = inchi.MolToInchiKey(_molecule(smiles))  # type: ignore[no-untyped-call, unused-ignore]
    if key:
        return str(key).split("-")[0]
    return "SMILES-" + hashlib.sha256(_canonical(smiles).encode()).hexdigest()[:14]


_canonical = Reader(f"{__name__}:_canonical", _read_canonical, str.encode, bytes.decode, (__file__,), MOST_KEPT)
_key = Reader(f"{__name__}:_key", _read_key, str.encode, bytes.decode, (__file__,), MOST_KEPT)


@lru_cache(maxsize=MOST_KEPT)
def _parent(smiles: str) -> str:
    whole = _molecule(smiles)
    if any(atom.GetAtomicNum() in _TRANSITION_METALS for atom in whole.GetAtoms()):
        return _key(smiles)
    with rdBase.BlockLogs():
        left = _salt_remover().StripMol(whole, dontRemoveEverything=True)
        largest = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(left)
    organic = any(atom.GetAtomicNum() == _CARBON for atom in largest.GetAtoms())
    return _key(str(Chem.MolToSmiles(largest)) if organic else smiles)


@lru_cache(maxsize=1)
def _salt_remover() -> SaltRemover.SaltRemover:
    """RDKit's list of salts, read once."""
    return SaltRemover.SaltRemover()


def _molecule(smiles: str) -> Chem.Mol:
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise DataError(
            f"SMILES {smiles[:80]!r} cannot be read as a molecule. RDKit must be able to parse it; correct the "
            "structure or drop the drug."
        )
    if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
        raise DataError(
            f"SMILES {smiles[:80]!r} has an atom that is any (*), as a polymer or a query has. Whole molecules are "
            "needed; write it out or drop the drug."
        )
    return molecule
