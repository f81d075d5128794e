"""What every method is: frozen options that fit a batch, and a fit that predicts distributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable

import pandas as pd
import torch
from torch import Tensor

from bdrp.data.profiles import EXPRESSION
from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.model.network import Network
from bdrp.predictive import JointPosterior, Normal, PairPosterior, PosteriorDraws, Scalable, Shaped, StudentT


@dataclass(frozen=True)
class Runtime:
    """How to run a fit; nothing here changes what is estimated.

    Attributes:
        seed: of every random draw.
        device: "auto" takes a GPU where there is one; otherwise a torch device such as "cpu" or "cuda:0".
        checkpoint: the file that a killed run resumes from; None keeps none.
        progress: show a progress bar.
    """

    seed: int = 0
    device: str = "auto"
    checkpoint: Path | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        """Refuse a seed that the generators do not take.

        Raises:
            FitError: the seed is negative or too large.
        """
        if not 0 <= self.seed < 2**32:
            raise FitError(f"seed is {self.seed}; it must be at least 0 and below {2**32:,}. Choose another.")

    def for_second_fit(self) -> Runtime:
        """The same for the second fit of a run, with a checkpoint of its own."""
        return self if self.checkpoint is None else replace(self, checkpoint=self.checkpoint.with_suffix(".second"))

    @property
    def torch_device(self) -> torch.device:
        """The device meant.

        Raises:
            FitError: a GPU was asked for and there is none, or the name is unknown.
        """
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(self.device)
        except (RuntimeError, TypeError) as error:
            raise FitError(
                f"device is {self.device!r}, which torch does not know. Choose auto, cpu or cuda."
            ) from error
        if device.type not in ("cpu", "cuda"):
            raise FitError(f"device is {self.device!r}; only a CPU or a CUDA GPU will do. Choose auto, cpu or cuda.")
        if device.type == "cuda" and not torch.cuda.is_available():
            raise FitError(f"device is {self.device!r}, but torch sees no GPU here. Choose cpu or auto.")
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise FitError(
                f"device is {self.device!r}, but torch sees {torch.cuda.device_count()} GPUs, counted from 0. "
                "Choose one of them, or auto."
            )
        return device


class Fitted(ABC):
    """A fitted method: has a posterior of any pairs, and gives its tensors up for saving.

    Attributes:
        features: how tables become tensors.
        interrupted: the user stopped the fit, which holds the best state so far.
        history: how training went, for a manifest; empty where nothing was trained step by step.
        settled: options that the fit chose by itself, and which the second fit on more rows takes over.
        censoring_aware: the likelihood is censored; recalibrations take every response for a measurement, so that none
            is chosen automatically.
        can_update: `bdrp.inference.hierarchical.updating` can take the posterior for a prior.
    """

    features: Features
    interrupted: bool = False
    history: Mapping[str, Any] = MappingProxyType({})
    settled: Mapping[str, Any] = MappingProxyType({})
    censoring_aware: bool = False
    can_update: ClassVar[bool] = False

    @abstractmethod
    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> PairPosterior:
        """The posterior of N pairs, in the measure's unit; a `JointPosterior` where pairs share random weights."""

    def predict(self, inputs: Inputs, pairs: Pairs) -> Scalable:
        """The predictive distribution of N pairs: the moments of their posterior, with their keys."""
        posterior = self.posterior_of(inputs, pairs)
        keys = pd.DataFrame(
            {
                "cell_line_id": pd.Series(inputs.line_ids, dtype=str).array.take(pairs.line.cpu().numpy()),
                "drug_id": pd.Series(inputs.drug_ids, dtype=str).array.take(pairs.drug.cpu().numpy()),
            }
        )
        measure, joint = self.features.measure, posterior if isinstance(posterior, JointPosterior) else None
        if posterior.shape is not None:
            return Shaped(keys, measure.name, *posterior.moments, posterior.shape, unit=measure.unit)
        if posterior.noise_dof is None:
            return Normal(keys, measure.name, *posterior.moments, joint=joint, unit=measure.unit)
        return StudentT(keys, measure.name, *posterior.moments, posterior.noise_dof, joint=joint, unit=measure.unit)

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Every tensor that `Method.restore` needs."""


@runtime_checkable
class HasWeightDraws(Protocol):
    """A fit with a posterior of weights that can be drawn from."""

    def draw_posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """S joint draws of the weights, with means, responses and log likelihoods of N pairs."""


@runtime_checkable
class HasNetwork(Protocol):
    """A fit with one network, of which each weight has one value or a mean."""

    @property
    def network(self) -> Network:
        """The network."""


def require_weight_draws(fitted: Fitted) -> HasWeightDraws:
    """The fit itself, typed as one that draws weights.

    Raises:
        FitError: the method has no posterior of weights.
    """
    if isinstance(fitted, HasWeightDraws):
        return fitted
    raise FitError(
        f"{type(fitted).__name__} has no posterior to draw from: it predicts by a formula without random weights. "
        "Allowed: methods that draw weights, such as last_layer. Fit one of these."
    )


def component_option(default: str | tuple[str, ...], unrecorded: str | tuple[str, ...] | None = None) -> Any:
    """An option that names a component of the model.

    Args:
        default: which component the model has.
        unrecorded: which one records mean that do not name it, where that is another one: they are of a time when it
            was the default. Where it is none, `Method.options` leaves the default out.
    """
    return field(default=default, metadata={"component": True, "unrecorded": unrecorded})


def signed_option(default: float) -> Any:
    """An option that may be negative; of every other number -1 is refused, and `bdrp.testing` checks that it is."""
    return field(default=default, metadata={"signed": True})


class Method(ABC):
    """Frozen options; the file's name is the method's name.

    What a method does not do, and `bdrp.testing` does not check, its attributes say.

    Attributes:
        name: the name of its file, or of the entry point of its package.
        modalities: the profiles of a line that it reads.
        stochastic: whether fits with two seeds differ.
        widens_for_new_lines: whether a line that was not trained on is less certain than it would be had it been.
        reads_response_sd: whether its likelihood adds known variances of measurements, so that its aleatoric variance
            is without them; the noise of any other method holds them.
        samples_predictions: whether a prediction is an average over random passes, which a processor and an
            accelerator draw differently from one seed.
    """

    name: ClassVar[str]
    stochastic: ClassVar[bool] = True
    widens_for_new_lines: ClassVar[bool] = True
    reads_response_sd: ClassVar[bool] = False
    samples_predictions: ClassVar[bool] = False
    modalities: tuple[str, ...] = (EXPRESSION,)

    def options(self) -> dict[str, Any]:
        """All options with their values; of components of the model those alone that were replaced or left out.

        So the record of a whole model is as it was before its components had names, and old folders stay good.
        """
        return {
            option.name: getattr(self, option.name)
            for option in fields(cast(Any, self))
            if not option.metadata.get("component")
            or option.metadata["unrecorded"] is not None
            or getattr(self, option.name) != option.default
        }

    @abstractmethod
    def fit(self, batch: Batch, runtime: Runtime) -> Fitted:
        """Fit on the training part, watching the validation part where there is one.

        Raises:
            FitError: the method cannot be fitted on these data, or collapsed.
        """

    def refit_options(self, fitted: Fitted) -> Self:
        """The options for fitting again on more rows without a validation part, `fitted` being the first fit."""
        return replace(cast(Any, self), **fitted.settled)

    @abstractmethod
    def restore(self, features: Features, state: Mapping[str, Tensor]) -> Fitted:
        """A fit rebuilt from its tensors.

        Raises:
            ModelFolderError: tensors are missing, foreign, or of the wrong shape.
        """


def require_at_least(options: object, **least: float) -> None:
    """Refuse options below what they may be.

    Raises:
        FitError: naming the first, what it was and what it may be.
    """
    for option, allowed in least.items():
        if not getattr(options, option) >= allowed:  # nor NaN
            raise FitError(
                f"{option} is {getattr(options, option)}; it must be at least {allowed}. Choose another value."
            )


def isolate_random_state() -> Any:
    """A context after which torch's random state, on every device, is as it was."""
    # Seeding the CPU seeds every GPU too, so that all states are restored.
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))
