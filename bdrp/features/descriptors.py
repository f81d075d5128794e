"""Physico-chemical descriptors of molecules: size, polarity, shape; what scaffolds that differ may have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

DESCRIPTORS: Final[Mapping[str, Callable[[Chem.Mol], float]]] = MappingProxyType(
    {
        "ln_weight": lambda molecule: float(np.log(max(Descriptors.MolWt(molecule), 1.0))),  # "*" weighs nothing
        "log_p": Crippen.MolLogP,
        "polar_surface": rdMolDescriptors.CalcTPSA,
        "hydrogen_donors": rdMolDescriptors.CalcNumHBD,
        "hydrogen_acceptors": rdMolDescriptors.CalcNumHBA,
        "rings": rdMolDescriptors.CalcNumRings,
        "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
        "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
        "saturated_carbon": rdMolDescriptors.CalcFractionCSP3,
    }
)
"""RDKit's functions by the descriptor's name; those of oral drugs (Lipinski et al. 2001; Veber et al. 2002)."""


def describe(molecule: Chem.Mol) -> tuple[float, ...]:
    """The descriptors of one molecule, in their order; not finite where RDKit finds none."""
    return tuple(float(function(molecule)) for function in DESCRIPTORS.values())


def tabulate(found: Sequence[Sequence[float]]) -> np.ndarray:
    """(D, len(DESCRIPTORS)) float32 of D molecules; 0 where RDKit finds none, as for a bare metal."""
    table = np.array(found, dtype=np.float32).reshape(-1, len(DESCRIPTORS))
    return np.nan_to_num(table, nan=0.0, posinf=0.0, neginf=0.0)
