"""Structures -> graphs: atoms, bonds, a fingerprint and descriptors, for every molecule that RDKit can read.

Salts, metals, single atoms and molecules without a bond pass: a graph needs one atom and no edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from bdrp.errors import DataError
from bdrp.features.atom_classes import AtomClasses
from bdrp.features.descriptors import tabulate
from bdrp.features.structures import FINGERPRINT_BITS, OF_ATOM, OF_BOND, STRUCTURES, Structure

ELEMENTS = ("C", "N", "O", "S", "F", "Cl", "Br", "I", "P", "B", "Si", "Se", "Pt", "As", "Na", "K")
HYBRIDISATIONS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
_NUMBERS = tuple(Chem.GetPeriodicTable().GetAtomicNumber(element) for element in ELEMENTS)
BONDS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
MOST_KEPT = 2_000  # chosen: more drugs than a screen has; the graphs of one drug take some 25 kB

_NO_ATOM, _NO_BOND = (np.empty((0, width), dtype=np.int64) for width in (OF_ATOM, OF_BOND))
ATOM_WIDTH = len(ELEMENTS) + 1 + 6 + 5 + 5 + len(HYBRIDISATIONS) + 1 + 3
BOND_WIDTH = len(BONDS) + 1 + 3


@dataclass(frozen=True)
class MoleculeGraphs:
    """D molecules as one disconnected graph.

    Attributes:
        atoms: (A, ATOM_WIDTH) atom features.
        bonds: (2, E) atom indices, each bond in both directions.
        bond_features: (E, BOND_WIDTH).
        molecule: (A,) the molecule of each atom, ascending.
        fingerprints: (D, FINGERPRINT_BITS) Morgan bits, radius 2, as 0 or 1.
        descriptors: (D, P) physico-chemical, in their own units; see `bdrp.features.descriptors`.
    """

    atoms: Tensor
    bonds: Tensor
    bond_features: Tensor
    molecule: Tensor
    fingerprints: Tensor
    descriptors: Tensor

    def __len__(self) -> int:
        """The number of molecules."""
        return int(self.fingerprints.shape[0])

    @cached_property
    def classes(self) -> AtomClasses:
        """Which atoms look alike, found once."""
        return AtomClasses(self.atoms, self.bonds, self.bond_features)

    def to(self, device: torch.device | str) -> MoleculeGraphs:
        """The same graphs on another device; where they are there already, with the classes that were found."""
        if self.atoms.device == torch.device(device):
            return self
        return MoleculeGraphs(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def select(self, index: Tensor) -> MoleculeGraphs:
        """The molecules at `index`, (M,), in that order, each as often as it is named."""
        counts = torch.bincount(self.molecule, minlength=len(self))
        starts = counts.cumsum(0) - counts
        chosen = counts[index]
        offsets = chosen.cumsum(0) - chosen
        device = self.molecule.device
        molecule = torch.repeat_interleave(torch.arange(len(index), device=device), chosen)
        atoms = torch.arange(int(chosen.sum()), device=device) - offsets[molecule] + starts[index][molecule]
        bond_counts = torch.bincount(self.molecule[self.bonds[0]], minlength=len(self))
        bond_starts = bond_counts.cumsum(0) - bond_counts
        bond_chosen = bond_counts[index]
        of = torch.repeat_interleave(torch.arange(len(index), device=device), bond_chosen)
        first = bond_starts[index] - (bond_chosen.cumsum(0) - bond_chosen)
        edges = torch.arange(int(bond_chosen.sum()), device=device) + first[of]
        bonds = self.bonds[:, edges] - starts[index][of] + offsets[of]
        return MoleculeGraphs(
            self.atoms[atoms],
            bonds,
            self.bond_features[edges],
            molecule,
            self.fingerprints[index],
            self.descriptors[index],
        )


def graphs(smiles: Sequence[str]) -> MoleculeGraphs:
    """Every structure as a graph, in the order given; no structure is an empty graph.

    The last few sets of structures are kept, if they are no libraries: who asks for the same drugs again gets the very
    same graphs.

    Raises:
        DataError: a SMILES that RDKit cannot read, with its position.
    """
    return _kept(tuple(smiles)) if len(smiles) <= MOST_KEPT else _graphs(smiles)


@lru_cache(maxsize=4)
def _kept(smiles: tuple[str, ...]) -> MoleculeGraphs:
    return _graphs(smiles)


def _graphs(smiles: Sequence[str]) -> MoleculeGraphs:
    read = _read(smiles)
    sizes = [len(molecule.atoms) for molecule in read]
    ends, bond_features = _bonds(read, np.concatenate([[0], np.cumsum(sizes)]))
    packed = np.array([molecule.fingerprint for molecule in read], dtype=np.uint8)
    fingerprints = np.unpackbits(packed.reshape(-1, FINGERPRINT_BITS // 8), axis=1)
    return MoleculeGraphs(
        atoms=torch.tensor(_atoms(read)),
        bonds=torch.tensor(ends),
        bond_features=torch.tensor(bond_features),
        molecule=torch.repeat_interleave(torch.arange(len(read)), torch.tensor(sizes, dtype=torch.int64)),
        fingerprints=torch.tensor(fingerprints, dtype=torch.float32),
        descriptors=torch.tensor(tabulate([molecule.descriptors.tolist() for molecule in read])),
    )


def _read(smiles: Sequence[str]) -> list[Structure]:
    found = STRUCTURES.read_all(text for text in smiles if isinstance(text, str) and text.isascii())
    unread = [row for row, text in enumerate(smiles) if text not in found]
    if unread:
        raise DataError(
            f"The structure in row {unread[0]} cannot be read as a SMILES: {str(smiles[unread[0]])[:80]!r}. "
            "Every drug needs one molecule of at least one atom. Correct or drop the row."
        )
    return [found[text] for text in smiles]


def tanimoto(left: Tensor, right: Tensor) -> Tensor:
    """Tanimoto similarity of bit vectors, (M, F) and (N, F) -> (M, N); two empty vectors are alike (1)."""
    shared = left @ right.T
    union = left.sum(1)[:, None] + right.sum(1)[None, :] - shared
    return torch.where(union > 0, shared / union.clamp(min=1), torch.ones_like(union))


def _one_hot(values: np.ndarray, choices: Sequence[int]) -> np.ndarray:
    """(M, choices + 1) which choice each value is; last, whether it is none of them."""
    found = np.equal.outer(values, np.asarray(choices))
    return np.column_stack([found, ~found.any(axis=1)])


def _atoms(molecules: Sequence[Structure]) -> np.ndarray:
    """(A, ATOM_WIDTH): whole numbers of all atoms at once as ones and zeros."""
    columns = np.vstack([_NO_ATOM, *(molecule.atoms for molecule in molecules)]).T
    choices = (_NUMBERS, range(5), range(4), (-2, -1, 0, 1), tuple(map(int, HYBRIDISATIONS)))
    kinds = [_one_hot(column, tuple(of)) for column, of in zip(columns, choices, strict=False)]
    return np.column_stack([*kinds, *columns[len(choices) :]]).astype(np.float32)


def _bonds(molecules: Sequence[Structure], offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, E) ends and (E, BOND_WIDTH) features, each bond in both directions one after the other."""
    columns = np.vstack([_NO_BOND, *(molecule.bonds for molecule in molecules)]).T
    counts = [len(molecule.bonds) for molecule in molecules]
    begin, end = columns[:2] + np.repeat(offsets[:-1], counts).astype(np.int64)
    both = np.stack([begin, end, end, begin], axis=1).reshape(-1, 2).T
    features = np.column_stack([_one_hot(columns[2], tuple(map(int, BONDS))), *columns[3:]]).astype(np.float32)
    return np.ascontiguousarray(both), np.repeat(features, 2, axis=0)
