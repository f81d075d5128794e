"""Bayesian last layer, fitted by stochastic variational inference; prediction in closed form.

The network is trained by maximum a posteriori inside the same ELBO that fits the posterior of the last layer and of the
hierarchical deviations of compounds and lines (see `hierarchical.model`); an unseen compound borrows from
like ones (see `hierarchical.kriging`).

Sources: variational Bayesian last layers, Harrison, Willes & Snoek 2024; neural linear models, Snoek et al. 2015; SVI,
Hoffman et al. 2013; the tool, Pyro, Bingham et al. 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features
from bdrp.inference.hierarchical.elbo import ClosedFormElbo
from bdrp.inference.hierarchical.fitted import LastLayerFit
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.method import Runtime
from bdrp.inference.network.options import NetworkMethod, quietly, restored
from bdrp.inference.network.trainee import SviTrainee, trained

COVARIANCES = ("full", "low_rank", "diagonal")


@dataclass(frozen=True)
class LastLayerMethod(NetworkMethod):
    """Options of the Bayesian last layer, beside those of `NetworkMethod`.

    Attributes:
        covariance: of the last layer's weights in the guide: "full", "low_rank" or "diagonal".
    """

    name: ClassVar[str] = "last_layer"

    covariance: Literal["full", "low_rank", "diagonal"] = "full"

    def __post_init__(self) -> None:
        """Refuse options that cannot be; see `NetworkMethod`."""
        super().__post_init__()
        if self.covariance not in COVARIANCES:
            raise FitError(f"covariance is {self.covariance!r}. Choose full, low_rank or diagonal.")

    def fit(self, batch: Batch, runtime: Runtime) -> LastLayerFit:
        """Fit by SVI on grid blocks; see `Method.fit`."""
        device = runtime.torch_device
        with quietly():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.begun(batch, fitted, runtime.seed)
            fitted.to(device)
            return trained(_Svi(method, fitted, batch.to(device)), runtime)

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> LastLayerFit:
        """Rebuild a fit; see `Method.restore`."""
        return restored(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> LastLayerFit:
        model = self.model(features, responses)
        return LastLayerFit(features, model, Guide(model, self.covariance))


class _Svi(SviTrainee):
    """The loss of a block is its negative evidence lower bound, a response."""

    def __init__(self, method: LastLayerMethod, fitted: LastLayerFit, batch: Batch) -> None:
        super().__init__(method, fitted, batch)
        self.elbo = ClosedFormElbo()(fitted.model, fitted.guide)

    def loss(self, block: Block) -> Tensor:
        return torch.as_tensor(self.elbo(self.batch.inputs, block)) / len(self.batch.train)


METHOD = LastLayerMethod
