"""The network with one value for every weight and a noise head: how far a model without epistemic variance gets.

Maximum a posteriori of the same model that the Bayesian methods fit (see `network.point`), so that a comparison shows
what the posterior adds and nothing else. Its predictive variance is the noise head's (Nix & Weigend 1994), to which
only compounds and lines that were never trained on add their prior variance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from bdrp.features.batch import Batch, Features
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.method import Runtime
from bdrp.inference.network.fitted import restore_fit
from bdrp.inference.network.options import NetworkMethod, quiet_pyro
from bdrp.inference.network.point import PointFit, PointModel
from bdrp.inference.network.training_module import TrainingModule, train_fit


@dataclass(frozen=True)
class DeterministicMethod(NetworkMethod):
    """Options: those of `NetworkMethod`."""

    name: ClassVar[str] = "deterministic"

    def fit(self, batch: Batch, runtime: Runtime) -> PointFit:
        """Maximise the joint density on grid blocks; see `Method.fit`."""
        with quiet_pyro():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.warm_start(batch, fitted.layer)
            fitted.to(runtime.torch_device)
            there, joint = batch.to(runtime.torch_device), PointModel(fitted.layer.model, fitted.layer.guide)
            train_fit(TrainingModule(method, fitted, there, partial(joint, there.inputs)), runtime)
            return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> PointFit:
        """Rebuild a fit; see `Method.restore`."""
        return restore_fit(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> PointFit:
        model = self.model(features, responses)
        return PointFit(Layer(features, model, PointEstimate(model)))


METHOD = DeterministicMethod
