"""Training modules: the training loop's view of a fit on a batch, and the call of that loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bdrp.features.batch import Batch, Pairs, grid_blocks
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import rowwise_dot
from bdrp.inference.method import Runtime
from bdrp.inference.network.fitted import NetworkFit
from bdrp.inference.network.options import NetworkMethod
from bdrp.inference.training.loop import Trainable, train

MASKED = 0.5  # chosen: the share of a step's lines that are masked: new lines are learned for as much as known ones


class TrainableFit(Trainable, Protocol):
    """What the loop trains where it belongs to a fit."""

    @property
    def method(self) -> NetworkMethod:
        """The options."""

    @property
    def fitted(self) -> NetworkFit:
        """What is trained."""

    @property
    def batch(self) -> Batch:
        """On what, on the fit's device."""


class Blocks:
    """Grid blocks of the training rows, an epoch at a time; what is not to be trained is held.

    Args:
        method: the options.
        layers: of the fit.
        batch: on the layers' device.
        posterior: v has a posterior that stays where the start put it, so that masked rows are scored by its mean.
    """

    def __init__(
        self, method: NetworkMethod, layers: Sequence[Layer[Guide | PointEstimate]], batch: Batch, *, posterior: bool
    ) -> None:
        self.method, self.batch = method, batch
        self.seen = standardise_responses(batch.train, batch.features)
        self.leverage = _average([layer.leverage for layer in layers if layer.leverage is not None])
        self.masked = MASKED if method.lines == "new" else 0.0
        self.ridge = layers[0] if posterior and method.lines == "new" else None
        for layer in layers:
            # The start's effects of leave-one-out residuals are what a new line has; trained on, u's scale would shrink
            # and the noise would grow for it, and few responses of a line would no longer tell of its others.
            if method.lines == "new" or method.hierarchical_effects == "ignored":
                for parameter in layer.effect_parameters():
                    parameter.requires_grad_(False)

    def __call__(self, generator: torch.Generator) -> Iterator[Block]:
        """One epoch's blocks."""
        rows = self.batch.train
        device = rows.line.device
        for lines, index in grid_blocks(rows, self.method.block_size, generator):
            lines, index = lines.to(device), index.to(device)
            line = torch.searchsorted(lines, rows.line[index])
            masked = (torch.rand(len(lines), generator=generator) < self.masked).to(device)[line]
            few = rows.select(index)
            yield Block(
                lines, line, few.drug, self.seen.select(index), masked, self._leverage(few), self._by_ridge(few)
            )

    def _leverage(self, rows: Pairs) -> Tensor | float:
        """(n,); 0 where training did not start from a ridge."""
        table, compound = self.leverage, self.batch.inputs.drug_effect[rows.drug]
        return 0.0 if table is None else torch.as_tensor(table.to(rows.line.device)[compound, rows.line])

    def _by_ridge(self, rows: Pairs) -> Tensor | None:
        """(n,) the ridge's mean of rows."""
        if self.ridge is None:
            return None
        inputs, v = self.batch.inputs, self.ridge.guide.v_mean.detach()
        regressors = self.ridge.model.regressors(inputs.components)
        return rowwise_dot(regressors, v, rows.line, inputs.drug_effect[rows.drug])


class TrainingModule:
    """The training module of a fit of one layer.

    Args:
        method: the options.
        fitted: the fit.
        batch: on the fit's device.
        loss: of a block, about one a response.
        posterior: see `Blocks`.
    """

    def __init__(
        self,
        method: NetworkMethod,
        fitted: NetworkFit,
        batch: Batch,
        loss: Callable[[Block], Tensor],
        *,
        posterior: bool = False,
    ) -> None:
        self.method, self.fitted, self.batch, self.loss = method, fitted, batch, loss
        self.module: nn.Module = fitted.modules
        self.blocks = Blocks(method, fitted.layers, batch, posterior=posterior)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Network and the rest, each with its rate."""
        network = [parameter for layer in self.fitted.layers for parameter in layer.model.network.parameters()]
        within = {id(parameter) for parameter in network}
        rest = [p for p in self.module.parameters() if id(p) not in within and p.requires_grad]
        return optimiser_groups(self.method, network, rest)

    def begin_epoch(self, epoch: int) -> None:
        """Nothing here depends on how far training is."""

    def clip(self, limit: float) -> None:
        """All parameters are clipped jointly."""
        nn.utils.clip_grad_norm_(self.module.parameters(), limit)

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""
        return validation_score(self.fitted, self.batch)


def optimiser_groups(method: NetworkMethod, network: list[Any], rest: list[Any]) -> list[dict[str, Any]]:
    """Optimiser groups of the network's parameters and of the rest."""
    of_network, of_rest = method.rates()
    return [
        {"params": network, "lr": of_network, "weight_decay": method.weight_decay},
        {"params": rest, "lr": of_rest, "weight_decay": 0.0},
    ]


def validation_score(fitted: NetworkFit, batch: Batch) -> float | None:
    """Mean negative log density of the validation part; None where there is none."""
    return fitted.score(batch.validation, batch) if len(batch.validation) else None


def train_fit(training: TrainableFit, runtime: Runtime) -> None:
    """Train, fit the kriging of unseen compounds, and keep the history and the options of a fit on more rows."""
    method, fitted = training.method, training.fitted
    progress = train(
        training,
        method.schedule(),
        seed=runtime.seed,
        checkpoint=runtime.checkpoint,
        identity=f"{method} seed={runtime.seed} {digest(training.batch)}",
        show=runtime.progress,
    )
    fitted.learn_kriging(training.batch)
    fitted.history, fitted.interrupted = {**asdict(progress), "lines": method.lines}, progress.interrupted
    # Not the best epoch: few lines or drugs choose it, and among flat scores by chance (docs/tried.md).
    fitted.settled = {"lines": method.lines, "epochs": max(1, progress.epoch), "patience": None}


def digest(batch: Batch) -> str:
    """A checksum of what is fitted, so that a run resumes on the same data only."""
    names = ("line", "drug", "response", "response_sd")
    rows = (getattr(part, name) for part in (batch.train, batch.validation) for name in names)
    inputs = batch.inputs
    checksum = hashlib.sha256()
    for tensor in (
        *rows,
        *inputs.lines.values(),
        inputs.molecules.fingerprints,
        inputs.drug_effect,
        inputs.line_effect,
    ):
        checksum.update(tensor.cpu().contiguous().numpy().tobytes())
    return checksum.hexdigest()


def _average(tables: Sequence[Tensor]) -> Tensor | None:
    """Of layers that each have their own ridge; None where there is none."""
    return torch.stack(list(tables)).mean(0) if tables else None
