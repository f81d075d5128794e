"""Variational weights over the whole network: every weight of the encoders, the attention and the heads is random.

Mean-field normals over the network's weights (see `network.weights`) beside the posterior of the hierarchical last
layer, fitted by one ELBO in Pyro. The means start at a trained network with one value of each weight, and the
divergence of the network's weights from their prior is let in by degrees: from a random start, and at once, it would
silence the network before it has learned anything. A fit that was silenced nevertheless is refused.

Sources: Bayes by backprop, Blundell et al. 2015; warm-up, Sønderby et al. 2016; the tool, Pyro, Bingham et al. 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features
from bdrp.inference.hierarchical.elbo import ClosedFormElbo
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.predictor import network_term
from bdrp.inference.method import Runtime, require_at_least
from bdrp.inference.network.draws import DRAWS_TO_SCORE, VariationalFit
from bdrp.inference.network.fitted import restore_fit
from bdrp.inference.network.options import NetworkMethod, quiet_pyro
from bdrp.inference.network.training_module import TrainingModule, train_fit, validation_score
from bdrp.inference.network.weights import PosteriorScale, WholeGuide, WholeModel

SCALE_RATE = 10.0  # chosen: peak rate of the log SDs over head_rate; they have to move by nats in few epochs
LEAST_NATS = 0.02  # chosen: a weight this near to its prior learned nothing from the data
LEAST_SHARE = 0.001  # chosen: a thousandth of the responses' variance is no measure_contribution
ROWS_CHECKED = 4096  # chosen: a share of variance is known to a few per cent from so many


@dataclass(frozen=True)
class VariationalMethod(NetworkMethod):
    """Options of variational weights, beside those of `NetworkMethod`; `weight_decay` is left to the prior.

    Attributes:
        prior_scale: prior SD of a weight in units of 1 / sqrt(inputs of its layer). At 1 a random network's layers keep
            the variance of what they are given, so that the prior leaves the size of a signal free.
        init_scale: posterior SD that the weights start from, in the same units. Well above 0.1 the noise drowns what
            was learned before the scales are fitted; 0.02 did better than 0.1 on validation (docs/tried.md).
        pretrain: share of the epochs in which each weight of the network has one value.
        temperature: weight of the network's divergence from its prior in the ELBO; 1 is Bayes' rule.
        draws: S networks that a prediction averages.
    """

    name: ClassVar[str] = "variational"

    prior_scale: float = 1.0
    init_scale: float = 0.02
    pretrain: float = 0.5
    temperature: float = 1.0
    draws: int = 32

    def __post_init__(self) -> None:
        """Refuse options that cannot be; see `NetworkMethod`."""
        super().__post_init__()
        for name in ("prior_scale", "init_scale", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise FitError(f"{name} is {getattr(self, name)}; it must be above 0. Choose another value.")
        if not 0 <= self.pretrain < 1:
            raise FitError(f"pretrain is {self.pretrain}; it must be at least 0 and below 1. Choose another value.")
        require_at_least(self, draws=1)

    def kl_weight(self, epoch: int) -> float | None:
        """The weight of the network's divergence in an epoch, from 0; None while each weight has one value.

        It rises to the temperature over the first half of the other epochs.
        """
        epochs = self.schedule().epochs
        start = int(self.pretrain * epochs)
        rise = math.ceil((epochs - start) / 2)
        return None if epoch < start else self.temperature * min(1.0, (epoch - start + 1) / rise)

    def fit(self, batch: Batch, runtime: Runtime) -> VariationalFit:
        """Fit by SVI on grid blocks; see `Method.fit`.

        Raises:
            FitError: the weights fell back on their prior, or the means to a constant.
        """
        device = runtime.torch_device
        with quiet_pyro():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.warm_start(batch, fitted.layer)
            fitted.to(device)
            svi = _VariationalTraining(method, fitted, batch.to(device))
            before = explained_variance(fitted, svi.batch, over_draws=False)
            train_fit(svi, runtime)
            if not fitted.interrupted:
                refuse_collapse(svi.model, fitted, svi.batch, before)
            return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> VariationalFit:
        """Rebuild a fit; see `Method.restore`."""
        return restore_fit(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> VariationalFit:
        model = self.model(features, responses)
        layer = Layer(features, model, Guide(model, "full"))
        return VariationalFit(layer, PosteriorScale(model.network, self.init_scale), self.draws)


class _VariationalTraining:
    """The loss of a block is its negative evidence lower bound, a response."""

    def __init__(self, method: VariationalMethod, fitted: VariationalFit, batch: Batch) -> None:
        self.method, self.fitted, self.batch = method, fitted, batch
        self.training = TrainingModule(method, fitted, batch, self.loss, posterior=True)
        self.module, self.blocks, self.clip = self.training.module, self.training.blocks, self.training.clip
        layer, guide = fitted.layer.model, fitted.layer.guide
        self.model = WholeModel(layer, method.prior_scale).to(batch.inputs.drug_effect.device)
        self.pointed = ClosedFormElbo()(layer, guide)
        self.elbo = ClosedFormElbo()(self.model, WholeGuide(self.model, fitted.posterior_scale, guide))
        self.kl_weight: float | None = None

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network's decay is its prior's; the posterior scale has a rate of its own."""
        network, rest = self.training.parameter_groups()
        scale = self.fitted.posterior_scale.log_scale
        head = [parameter for parameter in rest["params"] if parameter is not scale]
        rate = SCALE_RATE * self.method.head_rate
        return [
            {**network, "weight_decay": 0.0},
            {**rest, "params": head},
            {"params": [scale], "lr": rate, "weight_decay": 0.0},
        ]

    def begin_epoch(self, epoch: int) -> None:
        """Anneal the weight of the divergence."""
        self.kl_weight = self.method.kl_weight(epoch)

    def loss(self, block: Block) -> Tensor:
        """With one value of each weight, the network's weights are estimated with the same prior."""
        if self.kl_weight is None:
            penalty = self.method.temperature * self.model.penalty()
            return (self.pointed(self.batch.inputs, block) + penalty) / len(self.batch.train)
        self.model.kl_weight = self.kl_weight
        return torch.as_tensor(self.elbo(self.batch.inputs, block)) / len(self.batch.train)

    def validation_score(self) -> float | None:
        """None before the KL weight is at the temperature, so that no posterior is chosen for being unfinished."""
        whole = self.kl_weight == self.method.temperature
        return validation_score(self.fitted, self.batch) if whole else None


def refuse_collapse(model: WholeModel, fitted: VariationalFit, batch: Batch, before: float) -> None:
    """Refuse a posterior that learned nothing.

    Args:
        model: with the prior.
        fitted: at its end.
        batch: that it was trained on.
        before: the share of the training responses' variance that the linear start explained.

    Raises:
        FitError: saying what was seen and what to do.
    """
    advice = "Lower init_scale or prior_scale, raise pretrain or epochs, or lower temperature."
    informed = (model.divergence(fitted.posterior_scale) > LEAST_NATS).float().mean().item()
    signal, noise = measure_contribution(fitted, batch)
    if informed < LEAST_SHARE and signal < max(LEAST_SHARE, noise):
        raise FitError(
            f"The network's weights collapsed to their prior: {informed:.1%} of them lie more than {LEAST_NATS} nats "
            f"from it, and the network's part varies by {signal:.2g} between pairs and by {noise:.2g} between draws, "
            f"in variances of the response. At least {LEAST_SHARE:.1%} of the weights, or a signal above "
            f"{LEAST_SHARE} and above its noise, is needed. {advice}"
        )
    after = explained_variance(fitted, batch)
    if before > 10 * LEAST_SHARE and after < 0.1 * before:
        raise FitError(
            f"The means collapsed to a constant: they explain {max(after, 0):.1%} of the training responses' variance, "
            f"where the linear start explained {before:.1%}. A fit must keep at least a tenth of that. {advice}"
        )


@torch.no_grad()
def explained_variance(fitted: VariationalFit, batch: Batch, *, over_draws: bool = True) -> float:
    """Share of the training responses' variance that the means explain, over draws or at the means of the weights."""
    rows = batch.train.select(_some(len(batch.train), batch.train.line.device))
    response = standardise_responses(rows, batch.features).response
    inputs, layer = batch.inputs, fitted.layer
    moments = (
        fitted.scored_moments(inputs, rows)
        if over_draws
        else layer.standard_moments(layer.encode(inputs), inputs, rows)
    )
    total = response.var(correction=0)
    return float(1 - (response - moments[0]).square().mean() / total) if total > 0 else 0.0


@torch.no_grad()
def measure_contribution(fitted: VariationalFit, batch: Batch) -> tuple[float, float]:
    """How much the network contributes to the means of training rows, in variances of the response.

    Returns:
        The variance between rows of what the draws agree on, and the mean variance between draws.
    """
    rows, inputs = batch.train.select(_some(len(batch.train), batch.train.line.device)), batch.inputs
    every = torch.arange(len(inputs.line_ids), device=rows.line.device)

    def added() -> Tensor:
        layer = fitted.layer
        terms = layer.model.terms(layer.encode(inputs), inputs, every, rows.line, rows.drug)
        return network_term(terms, layer.guide.w_mean)

    parts = torch.stack([fitted.with_weights(weights, added) for weights in fitted.weights(DRAWS_TO_SCORE)])
    noise = parts.var(0).mean()
    # The mean of a few draws keeps a share of their noise, which is no signal.
    return float(parts.mean(0).var(correction=0) - noise / DRAWS_TO_SCORE), float(noise)


def _some(rows: int, device: torch.device) -> Tensor:
    """Positions of at most ROWS_CHECKED rows, evenly spread."""
    return torch.arange(0, rows, max(1, rows // ROWS_CHECKED), device=device)


METHOD = VariationalMethod
