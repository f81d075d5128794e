"""States of the drugs that were asked for last: for other lines of the same drugs, none is encoded again."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.attention import DrugStates

KEPT: Final = 2  # chosen: the drugs of a panel, which an update measures, and those of a screen, which it tells of


class LastDrugStates:
    """The states of the last sets of drugs under one state of the weights."""

    def __init__(self) -> None:
        self._sets: list[_Kept] = []
        self._weights: tuple[tuple[int, int], ...] = ()

    def find(self, encoder: nn.Module, inputs: Inputs) -> DrugStates | None:
        """The states of these very drugs; None where they are not known, or the encoder's weights are others now."""
        weights = tuple((weight.data_ptr(), weight._version) for weight in encoder.parameters())
        if weights != self._weights:
            self._sets, self._weights = [], weights
        return next((one.states for one in self._sets if one.is_of(inputs)), None)

    def keep(self, inputs: Inputs, states: DrugStates) -> None:
        """Keep the states of these drugs, and forget those that were asked for least lately."""
        others = [one for one in self._sets if not one.is_of(inputs)]
        self._sets = [_Kept(inputs.molecules, inputs.drug_effect, states), *others][:KEPT]


class _Kept(NamedTuple):
    molecules: MoleculeGraphs
    effects: Tensor
    states: DrugStates

    def is_of(self, inputs: Inputs) -> bool:
        return self.molecules is inputs.molecules and torch.equal(self.effects, inputs.drug_effect)
