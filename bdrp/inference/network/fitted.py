"""What fits of trained networks have in common: layers, tensors, and how training went."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bdrp.errors import ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer, Weighting
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.method import Fitted
from bdrp.model.network import Network


class NetworkFit(Fitted, ABC):
    """One layer or several, with whatever a method adds to them.

    Args:
        features: of the training part.
        layers: networks with their priors and posteriors.
        modules: everything that is trained or saved, the layers' modules among it.
    """

    def __init__(
        self, features: Features, layers: Sequence[Layer[Guide | PointEstimate]], modules: nn.ModuleDict
    ) -> None:
        self.features, self.layers, self.modules = features, tuple(layers), modules
        self.censoring_aware = layers[0].model.noise_distribution.likelihood.censored

    @abstractmethod
    def score(self, rows: Pairs, batch: Batch) -> float:
        """Mean negative log predictive density of some rows of a batch, standardised."""

    def to(self, device: torch.device) -> None:
        """Move every tensor to a device."""
        self.modules.to(device)

    def state(self) -> dict[str, Tensor]:
        """Weights, priors and posterior."""
        return {name: value.detach().cpu().clone() for name, value in self.modules.state_dict().items()}

    def learn_kriging(self, batch: Batch) -> None:
        """Fit the kriging of unseen compounds; see `Layer.learn_kriging`."""
        for layer in self.layers:
            layer.learn_kriging(batch.inputs)


class SingleLayerFit(NetworkFit, ABC, Generic[Weighting]):
    """One layer.

    Args:
        layer: a network with its priors and its posterior.
        more: what is trained or saved beside it, by name.
    """

    def __init__(self, layer: Layer[Weighting], **more: nn.Module) -> None:
        super().__init__(layer.features, [layer], nn.ModuleDict({**layer.modules, **more}))
        self.layer = layer

    @property
    def network(self) -> Network:
        """See `HasNetwork`."""
        return self.layer.model.network


class ClosedFormFit(SingleLayerFit[Weighting], ABC):
    """One layer, whose own moments are those of the fit."""

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> LayerPosterior:
        """In closed form; see `Fitted.posterior_of`."""
        return self.layer.posterior_of(inputs, pairs)

    def score(self, rows: Pairs, batch: Batch) -> float:
        """See `NetworkFit.score`."""
        return self.layer.score(rows, batch)


AnyFit = TypeVar("AnyFit", bound=NetworkFit)


def restore_fit(assemble: Callable[[], AnyFit], state: Mapping[str, Tensor]) -> AnyFit:
    """A fit made without memory and filled from its tensors.

    Sizes that the tensors do not bear out are so refused before they are allocated.

    Raises:
        ModelFolderError: tensors are missing, foreign, or of the wrong shape.
    """
    try:
        with torch.device("meta"), _Undrawn():
            fitted = assemble()
        fitted.modules.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except (RuntimeError, TypeError) as error:
        raise ModelFolderError(
            f"The weights do not fit the method's options: {str(error)[:400]} The folder was altered or belongs to "
            "another version. Fit again, or restore the folder."
        ) from error
    fitted.modules.eval()
    return fitted


class _Undrawn(TorchFunctionMode):
    """Draws no first weights: they are replaced at once, and torch compiles what draws without memory for seconds."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given, draws = kwargs or {}, getattr(func, "__module__", None) == nn.init.__name__
        return given["tensor"] if draws else func(*args, **given)
