"""A fitted regressor as a posterior of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import ModelFolderError
from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.method import Fitted
from bdrp.inference.row_weights.known_variance import LEAST
from bdrp.inference.scikit_learn.errors import KEPT, NORMAL_WIDTH
from bdrp.inference.scikit_learn.estimators import predict
from bdrp.inference.scikit_learn.table import Rows
from bdrp.inference.trees.regressors import Regressors
from bdrp.predictive import MarginalPosterior

SAME = 1e-3  # chosen: SDs of the responses by which a fit that is made again may differ, as processors round otherwise


class SklearnFit(Fitted):
    """A regressor of the mean, where the noise is of quantiles those of the low and the high one, and the rows."""

    def __init__(self, features: Features, tensors: dict[str, Tensor], mean: Any, quantiles: tuple[Any, ...]) -> None:
        self.features, self.tensors = features, tensors
        self.mean, self.quantiles = mean, quantiles
        self.columns = Regressors(tensors["lines"].shape[1], tensors["loadings"], tensors["shift"])

    def state(self) -> dict[str, Tensor]:
        """The training rows, what makes rows of other pairs, variances, and the seed."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """The regressor's mean, the noise, and what is not known of a new drug, a new line and a new id."""
        if not len(pairs):
            return MarginalPosterior(self.features.unstandardise(*np.zeros((3, 0))))
        table = self.columns.table(inputs, pairs, descriptors=True)
        positions = (inputs.drug_effect[pairs.drug].cpu(), inputs.line_effect[pairs.line].cpu())
        new = torch.stack([position < 0 for position in positions], dim=1).double()
        unknown = (new @ self.tensors["unseen"]).numpy() + self.columns.unknown_shift_of(inputs, pairs, self.features)
        mean = predict(self.mean, table) + self.columns.shift_of(inputs, pairs)
        return MarginalPosterior(self.features.unstandardise(mean, self._noise(table, positions[0]), unknown))

    def _noise(self, table: np.ndarray, drug: Tensor) -> np.ndarray:
        """(N,) variances; an unseen drug has the mean of all."""
        if self.quantiles:
            low, high = (predict(one, table) for one in self.quantiles)
            floor = max(LEAST, 0.01 * float(self.tensors["noise"][0]))  # chosen: quantiles may touch or cross
            return np.maximum(((high - low) / NORMAL_WIDTH).clip(min=0) ** 2, floor)
        noise = self.tensors["noise"]
        return torch.where(drug >= 0, noise[drug.clamp(min=0)], noise.mean()).numpy()

    def predict_some(self) -> np.ndarray:
        """The standardised means of some training rows, spread over all."""
        rows = Rows(*(self.tensors[name] for name in Rows._fields))
        some = np.linspace(0, len(rows.response) - 1, min(KEPT, len(rows.response))).astype(int)
        return predict(self.mean, rows.table[some])

    def require_same(self) -> None:
        """Refuse an estimator that was fitted again and predicts otherwise than the first one did.

        Raises:
            ModelFolderError: by how much it does.
        """
        apart = float(np.abs(self.predict_some() - self.tensors["expected"].numpy()).max())
        if not apart <= SAME:
            raise ModelFolderError(
                f"{type(self.mean).__name__} was fitted again on the rows of the model folder, and predicts otherwise: "
                f"by up to {apart:.2g} SDs of the responses, where {SAME:g} is allowed. The release of its package is "
                "another one, or what it draws does not follow its random_state. Install the release of then, or fit "
                "again."
            )
