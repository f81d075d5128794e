"""Structures -> graphs: atoms, bonds, a fingerprint and descriptors, for every molecule that RDKit can read.

Salts, metals, single atoms and molecules without a bond pass: a graph needs one atom and no edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from torch import Tensor

from bdrp.errors import DataError
from bdrp.features.atom_classes import AtomClasses
from bdrp.features.descriptors import descriptors

ELEMENTS = ("C", "N", "O", "S", "F", "Cl", "Br", "I", "P", "B", "Si", "Se", "Pt", "As", "Na", "K")
HYBRIDISATIONS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
BONDS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
FINGERPRINT_BITS = 1024  # chosen: Morgan radius 2 folded to 1,024 is the field's usual size (Rogers & Hahn 2010)

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

    The last few sets of structures are kept: who asks for the same drugs again gets the very same graphs.

    Raises:
        DataError: a SMILES that RDKit cannot read, with its position.
    """
    return _graphs(tuple(smiles))


@lru_cache(maxsize=8)
def _graphs(smiles: tuple[str, ...]) -> MoleculeGraphs:
    parsed = [_parse(text, row) for row, text in enumerate(smiles)]
    sizes = [molecule.GetNumAtoms() for molecule in parsed]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    bonds = [_bonds(molecule, int(offset)) for molecule, offset in zip(parsed, offsets, strict=False)]
    no_ends, no_bond = np.zeros((2, 0), np.int64), np.zeros((0, BOND_WIDTH), np.float32)
    return MoleculeGraphs(
        atoms=torch.tensor(
            np.array([_atom(a) for m in parsed for a in m.GetAtoms()], np.float32).reshape(-1, ATOM_WIDTH)
        ),
        bonds=torch.tensor(np.concatenate([no_ends, *(ends for ends, _ in bonds)], axis=1)),
        bond_features=torch.tensor(np.concatenate([no_bond, *(features for _, features in bonds)])),
        molecule=torch.repeat_interleave(torch.arange(len(parsed)), torch.tensor(sizes, dtype=torch.int64)),
        fingerprints=torch.tensor(_fingerprints(parsed), dtype=torch.float32),
        descriptors=torch.tensor(descriptors(parsed)),
    )


def tanimoto(left: Tensor, right: Tensor) -> Tensor:
    """Tanimoto similarity of bit vectors, (M, F) and (N, F) -> (M, N); two empty vectors are alike (1)."""
    shared = left @ right.T
    union = left.sum(1)[:, None] + right.sum(1)[None, :] - shared
    return torch.where(union > 0, shared / union.clamp(min=1), torch.ones_like(union))


def _parse(text: str, row: int) -> Chem.Mol:
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text) if isinstance(text, str) else None
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise DataError(
            f"The structure in row {row} cannot be read as a SMILES: {str(text)[:80]!r}. "
            "Every drug needs one molecule of at least one atom. Correct or drop the row."
        )
    return molecule


def _one_hot(value: object, choices: Sequence[object]) -> list[float]:
    return [float(value == choice) for choice in choices] + [float(value not in choices)]


def _atom(atom: Chem.Atom) -> list[float]:
    return [
        *_one_hot(atom.GetSymbol(), ELEMENTS),
        *_one_hot(atom.GetDegree(), range(5)),
        *_one_hot(atom.GetTotalNumHs(), range(4)),
        *_one_hot(atom.GetFormalCharge(), (-2, -1, 0, 1)),
        *_one_hot(atom.GetHybridization(), HYBRIDISATIONS),
        float(atom.GetIsAromatic()),
        float(atom.IsInRing()),
        float(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED),
    ]


def _bonds(molecule: Chem.Mol, offset: int) -> tuple[np.ndarray, np.ndarray]:
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    features = [_bond(bond) for bond in molecule.GetBonds()]
    index = np.array([pair for a, b in ends for pair in ((a, b), (b, a))], dtype=np.int64).reshape(-1, 2).T + offset
    return index, np.repeat(np.array(features, dtype=np.float32).reshape(-1, BOND_WIDTH), 2, axis=0)


def _bond(bond: Chem.Bond) -> list[float]:
    return [
        *_one_hot(bond.GetBondType(), BONDS),
        float(bond.GetIsConjugated()),
        float(bond.IsInRing()),
        float(bond.GetStereo() != Chem.BondStereo.STEREONONE),
    ]


def _fingerprints(molecules: Sequence[Chem.Mol]) -> np.ndarray:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FINGERPRINT_BITS)
    bits = [generator.GetFingerprintAsNumPy(molecule) for molecule in molecules]
    return np.array(bits, dtype=np.uint8).reshape(-1, FINGERPRINT_BITS)
