"""States of the drugs that were asked for last: for other lines of the same drugs, none is encoded again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.attention import DrugStates


class LastDrugStates:
    """The states of one set of drugs under one state of the weights.

    Attributes:
        states: of the drugs; None where they are not known.
    """

    def __init__(self) -> None:
        self.states: DrugStates | None = None
        self._molecules: MoleculeGraphs | None = None
        self._effects: Tensor | None = None
        self._weights: tuple[tuple[int, int], ...] = ()

    def forget_if_other(self, encoder: nn.Module, inputs: Inputs) -> None:
        """Forget the states unless they are of these very drugs, and the encoder's weights are what they were."""
        weights = tuple((weight.data_ptr(), weight._version) for weight in encoder.parameters())
        same = self._molecules is inputs.molecules and weights == self._weights and self._effects is not None
        if not (same and self._effects is not None and torch.equal(self._effects, inputs.drug_effect)):
            self.states = None
        self._molecules, self._effects, self._weights = inputs.molecules, inputs.drug_effect, weights
