"""A row a pair, kept small: what estimators are fitted to."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.trees.regressors import Regressors


class Rows(NamedTuple):
    """N training rows as indices into what is known of lines and of drugs, so that no profile is kept twice.

    Attributes:
        lines: (L, K) components. drugs: (D, P) coordinates and descriptors.
        line: (N,) index of a line. drug: (N,) index of a drug.
        response: (N,) standardised, without the shift of the drug id.
    """

    lines: Tensor
    drugs: Tensor
    line: Tensor
    drug: Tensor
    response: Tensor

    @classmethod
    def of(cls, columns: Regressors, inputs: Inputs, pairs: Pairs, response: np.ndarray) -> Self:
        """The rows of measured pairs."""
        table = columns.table(inputs, pairs, descriptors=True)
        (_, of_line, line), (_, of_drug, drug) = (
            np.unique(each.cpu().numpy(), return_index=True, return_inverse=True) for each in (pairs.line, pairs.drug)
        )
        return cls(
            torch.from_numpy(np.ascontiguousarray(table[of_line, : columns.components])),
            torch.from_numpy(np.ascontiguousarray(table[of_drug, columns.components :])),
            torch.from_numpy(line.astype(np.int32)),
            torch.from_numpy(drug.astype(np.int32)),
            torch.from_numpy(response),
        )

    @property
    def table(self) -> np.ndarray:
        """(N, K + P), what estimators see."""
        return torch.cat([self.lines[self.line.long()], self.drugs[self.drug.long()]], dim=1).numpy()
