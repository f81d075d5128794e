"""Similarity kernels of drugs: by structure, descriptors, planned doses, compound, targets, pathway and laboratory.

Six kernels, each 1 on average for a drug with itself, and one more where there are several laboratories:

    structure    Tanimoto similarity of Morgan fingerprints (Ralaivola et al. 2005)
    descriptors  exp(-d^2), d^2 the mean squared difference of standardised descriptors
    compound     1 for two ids of one structure: what their assays have in common beyond their likeness to others
    target       the share of named targets in common (Jaccard); a drug of no named target is like itself alone
    pathway      1 for drugs of one named pathway
    dose         z z', z the standardised highest dose: linear, for whoever planned the assay of a potent compound chose
                 low doses (on GDSC2 the highest dose and a compound's mean ln IC50 correlate by 0.72)
    laboratory   1 for assays of one laboratory: what its level and readout add to all of them

The dose kernel of a compound whose doses are not known is 0 with every other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.features.descriptors import DESCRIPTORS
from bdrp.features.drugs import DrugRelations
from bdrp.features.molecules import tanimoto
from bdrp.features.structures import FINGERPRINT_BITS

KERNELS = ("structure", "descriptors", "dose", "compound", "target", "pathway")
LABORATORY = "laboratory"
FAR = 4.0  # chosen: SDs at which a descriptor is cut, so that one odd value does not make a compound similar to none


class CompoundDescriptors(NamedTuple):
    """Descriptors of D compounds, known before any response.

    Attributes:
        fingerprints: (D, F). physicochemical: (D, P). top_dose: (D,) NaN where not known.
        relations: with C training drugs.
    """

    fingerprints: Tensor
    physicochemical: Tensor
    top_dose: Tensor
    relations: DrugRelations

    @classmethod
    def from_inputs(cls, inputs: Inputs, drugs: Tensor) -> CompoundDescriptors:
        """The descriptors of the drugs at these positions of the inputs."""
        molecules = inputs.molecules
        known = (molecules.fingerprints[drugs], molecules.descriptors[drugs], inputs.top_dose[drugs])
        return cls(*known, inputs.relations.select(drugs))


class SimilarityKernels(nn.Module):
    """Kernels between any compounds and C trained ones; empty until `learn`.

    Args:
        compounds: C.
        laboratories: whose assays they are.
    """

    fingerprints: Tensor
    descriptors: Tensor
    dose: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, compounds: int, laboratories: int = 1) -> None:
        super().__init__()
        self.names = (*KERNELS, LABORATORY) if laboratories > 1 else KERNELS
        self.register_buffer("fingerprints", torch.zeros(compounds, FINGERPRINT_BITS))
        self.register_buffer("descriptors", torch.zeros(compounds, len(DESCRIPTORS)))
        self.register_buffer("dose", torch.zeros(compounds))
        self.register_buffer("centre", torch.zeros(len(DESCRIPTORS) + 1))
        self.register_buffer("scale", torch.zeros(len(DESCRIPTORS) + 1))

    @torch.no_grad()
    def learn(self, compounds: CompoundDescriptors) -> None:
        """Standardise by C trained compounds and keep their descriptors."""
        table = torch.cat([compounds.physicochemical, compounds.top_dose[:, None]], dim=1)
        centre = table.nanmean(0)
        deviation = (table - centre).square().nanmean(0).sqrt()
        self.centre.copy_(centre.nan_to_num())
        self.scale.copy_(torch.where(deviation > 1e-6, 1 / deviation, 0.0))  # a constant carries no information
        self.fingerprints.copy_(compounds.fingerprints)
        descriptors, dose = self._standardised(compounds)
        self.descriptors.copy_(descriptors)
        self.dose.copy_(dose.nan_to_num())

    def forward(self, compounds: CompoundDescriptors) -> tuple[Tensor, Tensor]:
        """(K, D, C) kernels of D compounds with the trained ones, and (K, D) with themselves."""
        descriptors, dose = self._standardised(compounds)
        # Beyond the doses of trained compounds linearity is not known to go on.
        near = dose.clamp(self.dose.min(), self.dose.max())
        distance = torch.cdist(descriptors, self.descriptors, compute_mode="donot_use_mm_for_euclid_dist")
        across = (
            tanimoto(compounds.fingerprints, self.fingerprints),
            torch.exp(-(distance**2) / len(DESCRIPTORS)),
            torch.outer(near.nan_to_num(), self.dose),
            compounds.relations.compound,
            compounds.relations.target,
            compounds.relations.pathway,
            1 - compounds.relations.elsewhere,
        )
        same = torch.ones_like(near)
        dose = torch.where(near.isnan(), same, near**2)
        own, kernels = (same, same, dose, same, same, same, same), len(self.names)
        return torch.stack(across[:kernels]), torch.stack(own[:kernels])

    def _standardised(self, compounds: CompoundDescriptors) -> tuple[Tensor, Tensor]:
        """(D, P) and (D,), NaN where not known."""
        table = torch.cat([compounds.physicochemical, compounds.top_dose[:, None]], dim=1)
        table = ((table - self.centre) * self.scale).clamp(-FAR, FAR)
        return table[:, :-1].nan_to_num(), table[:, -1]
