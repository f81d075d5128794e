"""What trees split on, and what is taken off their responses: the shift of each drug id."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.features.structures import FINGERPRINT_BITS


class Regressors(NamedTuple):
    """How pairs become a table, and responses what trees are fitted to.

    Two ids of one compound are the same to a tree, so that trees see responses from which each id's shift is taken.

    Attributes:
        components: of expression.
        loadings: (FINGERPRINT_BITS, coordinates) of the fingerprint.
        shift: (C,) how far the mean response of a training drug lies from that of its compound's ids.
    """

    components: int
    loadings: Tensor
    shift: Tensor

    @classmethod
    def of(cls, batch: Batch, components: int, coordinates: int) -> Regressors:
        """Fitted on the training rows."""
        response = standardised_response(batch.train, batch.features)
        drug, drugs = batch.inputs.drug_effect[batch.train.drug].numpy(), batch.features.drugs
        count, total = (np.bincount(drug, each, minlength=len(drugs)) for each in (None, response))
        shift = drugs.deviations(torch.as_tensor(total / np.maximum(count, 1)))
        return cls(components, fingerprint_loadings(batch, coordinates), shift)

    def table(self, inputs: Inputs, pairs: Pairs, *, descriptors: bool = False) -> np.ndarray:
        """(N, P): components, coordinates and, if wanted, physico-chemical descriptors in their own units."""
        columns = regressors(inputs, pairs, self.loadings, self.components)
        if not descriptors:
            return columns
        return np.concatenate([columns, inputs.molecules.descriptors.cpu()[pairs.drug.cpu()].numpy()], axis=1)

    def response(self, inputs: Inputs, pairs: Pairs, features: Features) -> np.ndarray:
        """(N,) standardised responses of measured rows, without the shift of their id."""
        return standardised_response(pairs, features) - self.shift_of(inputs, pairs)

    def shift_of(self, inputs: Inputs, pairs: Pairs) -> np.ndarray:
        """(N,) the shift of each pair's id; 0 where it was not trained on."""
        position = inputs.drug_effect.cpu()[pairs.drug.cpu()]
        return torch.where(position >= 0, self.shift[position.clamp(min=0)], 0.0).numpy()

    def unknown_shift_of(self, inputs: Inputs, pairs: Pairs, features: Features) -> np.ndarray:
        """(N,) variance of an untrained id's shift, and of the mean of the n ids that it is a shift from; else 0."""
        ids, position = inputs.relations.ids.cpu(), inputs.drug_effect.cpu()
        variance = (
            self.shift.square().sum()
            / max(features.drugs.repeats, 1)
            * torch.where(ids > 0, 1 + 1 / ids.clamp(min=1), 1.0)
        )
        return torch.where(position >= 0, 0.0, variance)[pairs.drug.cpu()].numpy()


def regressors(inputs: Inputs, pairs: Pairs, loadings: Tensor, components: int) -> np.ndarray:
    """(N, components + coordinates) single precision, as scikit-learn compares it."""
    line, drug = pairs.line.cpu(), pairs.drug.cpu()
    structure = inputs.molecules.fingerprints.cpu() @ loadings
    return torch.cat([inputs.components.cpu()[line, :components], structure[drug]], dim=1).numpy()


def fingerprint_loadings(batch: Batch, coordinates: int) -> Tensor:
    """(FINGERPRINT_BITS, coordinates) principal directions of the training drugs' bits; 0 beyond their rank."""
    bits = batch.inputs.molecules.fingerprints[torch.unique(batch.train.drug)].cpu().double()
    _, singular, right = torch.linalg.svd(bits - bits.mean(0), full_matrices=False)
    loadings = torch.zeros(FINGERPRINT_BITS, coordinates)
    selected = right[singular > 1e-8][:coordinates]
    loadings[:, : len(selected)] = selected.T.float()
    return loadings


def standardised_response(rows: Pairs, features: Features) -> np.ndarray:
    """(N,) of measured rows.

    Single precision makes it the same in every unit, so that ties between splits fall the same way.
    """
    response = (rows.response - features.response_mean) / features.response_std
    return np.asarray(response.float().double().numpy())
