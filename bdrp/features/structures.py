"""What RDKit says of a molecule, in whole numbers: its atoms, bonds and fingerprint, and its descriptors.

Nothing here needs torch, which processes that read structures would take longest to import.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from bdrp.data.structure_cache import Reader
from bdrp.errors import DataError
from bdrp.features import descriptors
from bdrp.features.descriptors import describe

FINGERPRINT_BITS: Final = 1024  # chosen: Morgan radius 2 folded to 1,024 is the field's usual size (Rogers & Hahn 2010)
MOST_KEPT: Final = 16_384
"""Structures that stay in memory, and are read at once of a library; chosen: some 30 MB."""
OF_ATOM, OF_BOND = 8, 6

_FINGERPRINTS = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FINGERPRINT_BITS)


class Structure(NamedTuple):
    """What RDKit says of one molecule of A atoms and B bonds.

    Attributes:
        atoms: (A, OF_ATOM) int16: atomic number, degree, hydrogens, charge, hybridisation, and whether it is aromatic,
            in a ring, and chiral.
        bonds: (B, OF_BOND) int16: its two atoms, its type, and whether it is conjugated, in a ring, and of known
            stereochemistry.
        fingerprint: (FINGERPRINT_BITS / 8,) uint8, Morgan bits of radius 2, packed.
        descriptors: (P,) float64; see `bdrp.features.descriptors`.
    """

    atoms: np.ndarray
    bonds: np.ndarray
    fingerprint: np.ndarray
    descriptors: np.ndarray


def read(text: str) -> Structure:
    """A SMILES as RDKit reads it.

    Raises:
        DataError: it cannot be read, or has no atom.
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text)
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise DataError(f"{text[:80]!r} cannot be read as a SMILES of one atom or more. Correct or drop it.")
    bits = np.packbits(_FINGERPRINTS.GetFingerprintAsNumPy(molecule))
    return Structure(_say_atoms(molecule), _say_bonds(molecule), bits, np.array(describe(molecule)))


def _say_atoms(molecule: Chem.Mol) -> np.ndarray:
    said: list[int] = []
    for atom in map(molecule.GetAtomWithIdx, range(molecule.GetNumAtoms())):
        said += (
            atom.GetAtomicNum(),
            atom.GetDegree(),
            atom.GetTotalNumHs(),
            atom.GetFormalCharge(),
            int(atom.GetHybridization()),
            atom.GetIsAromatic(),
            atom.IsInRing(),
            atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED,
        )
    return np.array(said, dtype=np.int16).reshape(-1, OF_ATOM)


def _say_bonds(molecule: Chem.Mol) -> np.ndarray:
    said: list[int] = []
    for bond in map(molecule.GetBondWithIdx, range(molecule.GetNumBonds())):
        said += (
            bond.GetBeginAtomIdx(),
            bond.GetEndAtomIdx(),
            int(bond.GetBondType()),
            bond.GetIsConjugated(),
            bond.IsInRing(),
            bond.GetStereo() != Chem.BondStereo.STEREONONE,
        )
    return np.array(said, dtype=np.int16).reshape(-1, OF_BOND)


def _pack(one: Structure) -> bytes:
    sizes = np.array([len(one.atoms), len(one.bonds)], dtype="<i4")
    parts = (sizes, one.atoms.astype("<i2"), one.bonds.astype("<i2"), one.fingerprint)
    return b"".join(part.tobytes() for part in parts) + one.descriptors.astype("<f8").tobytes()


def _unpack(said: bytes) -> Structure:
    atoms, bonds = np.frombuffer(said, "<i4", 2).tolist()
    whole, start = OF_ATOM * atoms + OF_BOND * bonds, 8
    numbers = np.frombuffer(said, "<i2", whole, start).astype(np.int16)
    bits = np.frombuffer(said, np.uint8, FINGERPRINT_BITS // 8, start + 2 * whole)
    return Structure(
        numbers[: OF_ATOM * atoms].reshape(-1, OF_ATOM),
        numbers[OF_ATOM * atoms :].reshape(-1, OF_BOND),
        bits.copy(),
        np.frombuffer(said, "<f8", -1, start + 2 * whole + FINGERPRINT_BITS // 8).astype(np.float64),
    )


STRUCTURES: Final = Reader(
    "bdrp.features.structures:STRUCTURES", read, _pack, _unpack, (__file__, descriptors.__file__), MOST_KEPT
)
"""Those that were read, by SMILES."""
