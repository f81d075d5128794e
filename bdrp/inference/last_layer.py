"""Bayesian last layer, fitted by stochastic variational inference; prediction in closed form.

The network is trained by maximum a posteriori inside the same ELBO that fits the posterior of the last layer and of the
hierarchical deviations of compounds and lines (see `hierarchical.model`); an unseen compound borrows from
similar ones (see `hierarchical.kriging`).

Sources: variational Bayesian last layers, Harrison, Willes & Snoek 2024; neural linear models, Snoek et al. 2015; SVI,
Hoffman et al. 2013; the tool, Pyro, Bingham et al. 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.weight_draws import draw_weights
from bdrp.inference.method import Runtime
from bdrp.inference.network.fitted import ClosedFormFit, restore_fit
from bdrp.inference.network.options import NetworkMethod, quiet_pyro
from bdrp.inference.network.training_module import TrainingModule, train_fit
from bdrp.predictive import PosteriorDraws

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
        with quiet_pyro():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.warm_start(batch, fitted.layer)
            fitted.to(device)
            loss = negative_elbo(fitted.layer, batch.to(device))
            train_fit(TrainingModule(method, fitted, batch.to(device), loss, posterior=True), runtime)
            return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> LastLayerFit:
        """Rebuild a fit; see `Method.restore`."""
        return restore_fit(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> LastLayerFit:
        model = self.model(features, responses)
        return LastLayerFit(Layer(features, model, Guide(model, self.covariance)))


class LastLayerFit(ClosedFormFit[Guide]):
    """A network with a posterior of the last layer, of compounds and of lines."""

    can_update: ClassVar[bool] = True

    def draw_posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """Draws of the guide; see `HasWeightDraws`."""
        return draw_weights(self.layer, inputs, pairs, draws, seed)


def negative_elbo(layer: Layer[Guide], batch: Batch) -> Callable[[Block], Tensor]:
    """The loss of a block: its negative evidence lower bound, a response."""
    from bdrp.inference.hierarchical.elbo import ClosedFormElbo  # late: with it comes Pyro

    elbo = ClosedFormElbo()(layer.model, layer.guide)
    return lambda block: torch.as_tensor(elbo(batch.inputs, block)) / len(batch.train)


METHOD = LastLayerMethod
