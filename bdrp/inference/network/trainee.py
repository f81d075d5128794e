"""The training loop's view of a fit on a batch, and the call of that loop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from bdrp.features.batch import Batch, Pairs, grid_blocks
from bdrp.inference.hierarchical.likelihood import observed
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.method import Runtime
from bdrp.inference.network.options import NetworkMethod
from bdrp.inference.training.loop import train

HIDDEN = 0.5  # chosen: as many lines of a step teach what a new line needs as teach what a known one does


class Trainee:
    """The training loop's view of a fit on a batch; a method adds the loss."""

    def __init__(self, method: NetworkMethod, fitted: Any, batch: Batch) -> None:
        self.method, self.fitted, self.batch = method, fitted, batch
        self.module: nn.Module = fitted.modules
        self.seen = observed(batch.train, batch.features)
        fixed = fitted.slopes() if method.lines == "new" else []
        for parameter in fitted.effects() if method.hierarchical_effects == "ignored" else fixed:
            parameter.requires_grad_(False)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Network and the rest, each with its rate."""
        method, network = self.method, list(self.fitted.model.network.parameters())
        within = {id(parameter) for parameter in network}
        rest = [p for p in self.module.parameters() if id(p) not in within and p.requires_grad]
        return [
            {"params": network, "lr": method.learning_rate, "weight_decay": method.weight_decay},
            {"params": rest, "lr": method.head_rate, "weight_decay": 0.0},
        ]

    def begin(self, epoch: int) -> None:
        """Nothing here depends on how far training is."""

    def blocks(self, generator: torch.Generator) -> Iterator[Block]:
        """One epoch's blocks."""
        rows = self.batch.train
        device = rows.line.device
        for lines, index in grid_blocks(rows, self.method.lines_a_block, generator):
            lines, index = lines.to(device), index.to(device)
            line = torch.searchsorted(lines, rows.line[index])
            share = HIDDEN if self.method.lines == "new" else 0.0
            hidden = (torch.rand(len(lines), generator=generator) < share).to(device)[line]
            few = rows.at(index)
            yield Block(lines, line, few.drug, self.seen.at(index), hidden, self._leverage(few), self.linear(few))

    def _leverage(self, rows: Pairs) -> Tensor | float:
        """(n,); 0 where training did not start from a ridge."""
        table, compound = self.fitted.leverage, self.batch.inputs.drug_effect[rows.drug]
        return 0.0 if table is None else torch.as_tensor(table.to(rows.line.device)[compound, rows.line])

    def linear(self, rows: Pairs) -> Tensor | None:
        """(n,) what the slopes' mean says of rows, where they have a posterior that stays where the start put it."""
        return None

    def clip(self, limit: float) -> None:
        """All parameters descend together."""
        nn.utils.clip_grad_norm_(self.module.parameters(), limit)

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""
        return self.fitted.score(self.batch.validation, self.batch) if len(self.batch.validation) else None


class SviTrainee(Trainee):
    """The view of a fit whose last layer has a posterior."""

    def linear(self, rows: Pairs) -> Tensor | None:
        """(n,) what the ridge's mean says of rows."""
        if self.method.lines != "new":
            return None
        inputs, v = self.batch.inputs, self.fitted.guide.v_mean.detach()
        regressors = self.fitted.model.regressors(inputs.components)
        return torch.as_tensor((regressors[rows.line] * v[inputs.drug_effect[rows.drug]]).sum(1))


def trained(trainee: Any, runtime: Runtime) -> Any:
    """Train, learn the kinship of what was found, and write the history down."""
    method, fitted = trainee.method, trainee.fitted
    identity = f"{method} seed={runtime.seed} {digest(trainee.batch)}"
    progress = train(
        trainee,
        method.schedule(),
        seed=runtime.seed,
        checkpoint=runtime.checkpoint,
        identity=identity,
        show=runtime.progress,
    )
    fitted.learn_kinship(trainee.batch.inputs)
    fitted.history, fitted.interrupted = {**asdict(progress), "lines": method.lines}, progress.interrupted
    return fitted


def digest(batch: Batch) -> str:
    """A checksum of what is fitted, so that a run resumes on the same data only."""
    rows = (getattr(part, name) for part in (batch.train, batch.validation) for name in ("line", "drug", "response"))
    inputs = batch.inputs
    checksum = hashlib.sha256()
    for tensor in (*rows, inputs.genes, inputs.molecules.fingerprints, inputs.drug_effect, inputs.line_effect):
        checksum.update(tensor.cpu().contiguous().numpy().tobytes())
    return checksum.hexdigest()
