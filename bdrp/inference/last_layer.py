"""Bayesian last layer, fitted by stochastic variational inference; prediction in closed form.

The network is trained by maximum a posteriori inside the same ELBO that fits the posterior of the last layer and of the
hierarchical deviations of compounds and lines (see `hierarchy`); an unseen compound borrows from like ones (see
`kinship`).

Sources: variational Bayesian last layers, Harrison, Willes & Snoek 2024; neural linear models, Snoek et al. 2015; SVI,
Hoffman et al. 2013; the tool, Pyro, Bingham et al. 2019.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import pyro
import torch
from pyro.infer import TraceMeanField_ELBO
from torch import Tensor, nn

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, grid_blocks
from bdrp.inference import hierarchical_ridge
from bdrp.inference.closed_form import LastLayerFit
from bdrp.inference.hierarchy import Block, Guide, LastLayer
from bdrp.inference.method import Fitted, Method, Runtime, isolated
from bdrp.inference.training import Schedule, train
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network


@dataclass(frozen=True)
class LastLayerMethod(Method):
    """Options of the Bayesian last layer.

    Attributes:
        covariance: of the last layer's weights in the guide: "full", "low_rank" or "diagonal".
        epochs: most passes over the training lines.
        patience: epochs without a better validation score before stopping.
        lines_a_block: lines of a grid block; each step encodes these and all drugs once.
        learning_rate: peak rate of the network. guide_rate: peak rate of posterior and prior scales.
        weight_decay: of the network.
        width, hidden, programmes, heads, factors, gene_dropout, drug_dropout: see `Architecture`.
    """

    name: ClassVar[str] = "last_layer"

    covariance: Literal["full", "low_rank", "diagonal"] = "full"
    epochs: int = 20
    patience: int = 8
    lines_a_block: int = 32
    learning_rate: float = 1e-3
    guide_rate: float = 5e-3
    weight_decay: float = 1.0
    width: int = 64
    hidden: int = 128
    programmes: int = 48
    heads: int = 4
    factors: int = 16
    gene_dropout: float = 0.6
    drug_dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        if self.covariance not in ("full", "low_rank", "diagonal"):
            raise FitError(f"covariance is {self.covariance!r}. Choose full, low_rank or diagonal.")
        for name in ("learning_rate", "guide_rate"):
            if not 0 < getattr(self, name) < 1:
                raise FitError(
                    f"{name} is {getattr(self, name)}; it must be above 0 and below 1. Choose another value."
                )
        if self.lines_a_block < 1 or self.weight_decay < 0:
            raise FitError("lines_a_block must be at least 1 and weight_decay at least 0. Choose other values.")
        Schedule(self.epochs, self.patience)
        self._architecture(1)

    def fit(self, batch: Batch, runtime: Runtime) -> LastLayerFit:
        """Fit by SVI on grid blocks; see `Method.fit`."""
        device = runtime.torch_device
        with isolated(), pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            _start_at_ridge(fitted, batch)
            _learn_kinship(fitted, batch.inputs)
            fitted.to(device)
            identity = f"{self} seed={runtime.seed} {_digest(batch)}"
            trainable = _Svi(self, fitted, batch.to(device))
            schedule = Schedule(self.epochs, self.patience)
            progress = train(
                trainable,
                schedule,
                seed=runtime.seed,
                checkpoint=runtime.checkpoint,
                identity=identity,
                show=runtime.progress,
            )
            _learn_kinship(fitted, trainable.batch.inputs)
        fitted.history, fitted.interrupted = asdict(progress), progress.interrupted
        return fitted

    def refitted(self, fitted: Fitted) -> LastLayerMethod:
        """The same, for as many epochs as the first fit needed; see `Method.refitted`."""
        epochs = max(1, int(getattr(fitted, "history", {}).get("best_epoch") or self.epochs))
        return replace(self, epochs=epochs, patience=epochs)

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> LastLayerFit:
        """Rebuild a fit; see `Method.restore`."""
        # Made without memory, so that sizes which the tensors do not bear out are refused before they are allocated.
        try:
            with pyro.settings.context(module_local_params=True), torch.device("meta"):
                fitted = self._assemble(features, 1)
            fitted.modules.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
        except (RuntimeError, TypeError) as error:
            raise ModelFolderError(
                f"The weights do not fit the method's options: {str(error)[:400]} The folder was altered or belongs to "
                "another version. Fit again, or restore the folder."
            ) from error
        fitted.modules.eval()
        return fitted

    def _assemble(self, features: Features, responses: int) -> LastLayerFit:
        genes, components = features.scaler.components.shape
        network = Network(self._architecture(genes))
        model = LastLayer(network, len(features.compounds), len(features.lines), components, responses)
        return LastLayerFit(features, model, Guide(model, self.covariance))

    def _architecture(self, genes: int) -> Architecture:
        names = ("width", "hidden", "programmes", "heads", "factors", "gene_dropout", "drug_dropout")
        return Architecture(genes=genes, **{name: getattr(self, name) for name in names})


class _Svi:
    """The loop's view of model and guide."""

    def __init__(self, method: LastLayerMethod, fitted: LastLayerFit, batch: Batch) -> None:
        self.method, self.fitted, self.batch = method, fitted, batch
        self.module: nn.Module = fitted.modules
        self.elbo = TraceMeanField_ELBO()(fitted.model, fitted.guide)
        features = batch.features
        self.response = ((batch.train.response - features.centre) / features.spread).float()

    def parameter_groups(self) -> list[dict[str, Any]]:
        method, network = self.method, list(self.fitted.model.network.parameters())
        within = {id(parameter) for parameter in network}
        rest = [parameter for parameter in self.module.parameters() if id(parameter) not in within]
        return [
            {"params": network, "lr": method.learning_rate, "weight_decay": method.weight_decay},
            {"params": rest, "lr": method.guide_rate, "weight_decay": 0.0},
        ]

    def blocks(self, generator: torch.Generator) -> Iterator[Block]:
        rows = self.batch.train
        device = rows.line.device
        for lines, index in grid_blocks(rows, self.method.lines_a_block, generator):
            lines, index = lines.to(device), index.to(device)
            position = torch.searchsorted(lines, rows.line[index])
            yield Block(lines, position, rows.drug[index], self.response[index])

    def loss(self, block: Block) -> Tensor:
        return torch.as_tensor(self.elbo(self.batch.inputs, block)) / len(self.batch.train)

    @torch.no_grad()
    def validation_score(self) -> float | None:
        rows, inputs, features = self.batch.validation, self.batch.inputs, self.batch.features
        if not len(rows):
            return None
        lines, line = torch.unique(rows.line, return_inverse=True)
        few = replace(
            inputs,
            line_ids=tuple(inputs.line_ids[position] for position in lines.tolist()),
            genes=inputs.genes[lines],
            components=inputs.components[lines],
            line_effect=inputs.line_effect[lines],
        )
        mean, aleatoric, epistemic = self.fitted.moments(self.fitted.encode(few), few, replace(rows, line=line))
        variance = aleatoric + epistemic
        error = (rows.response - features.centre) / features.spread - mean
        return float(0.5 * (error**2 / variance + variance.log() + math.log(2 * math.pi)).mean())


def _start_at_ridge(fitted: LastLayerFit, batch: Batch) -> None:
    """Start where a hierarchical ridge ends, so that no epoch is spent on finding what is linear in expression."""
    features, rows, model, guide = batch.features, batch.train, fitted.model, fitted.guide
    components = batch.inputs.components
    ridge = hierarchical_ridge.fit(
        torch.cat([components.new_ones(len(components), 1), components], dim=1),
        rows.line,
        batch.inputs.drug_effect[rows.drug],
        (rows.response - features.centre) / features.spread,
        len(features.compounds),
    )
    with torch.no_grad():
        guide.v_mean.copy_(ridge.mean)
        guide.v_log_scale.copy_(ridge.variance.sqrt().log())
        model.log_compound_scale.copy_(ridge.scale.log())
        model.log_slope_scale.copy_(ridge.slope_scale.log())
        model.noise[0] = ridge.noise.log().mean()
        model.compound_noise[:, 0] = ridge.noise.log() - ridge.noise.log().mean()


def _learn_kinship(fitted: LastLayerFit, inputs: Inputs) -> None:
    """Let unseen compounds borrow from the intercepts that were found for trained ones."""
    known = torch.nonzero(inputs.drug_effect >= 0)[:, 0]
    row = torch.zeros(len(fitted.features.compounds), dtype=torch.int64, device=known.device)
    row[inputs.drug_effect[known]] = known  # any one of a compound's ids: they share the structure
    fitted.kinship.learn(inputs.molecules.fingerprints[row], fitted.guide.v_mean[:, 0])


def _digest(batch: Batch) -> str:
    """A checksum of what is fitted, so that a run resumes on the same data only."""
    rows = (getattr(part, name) for part in (batch.train, batch.validation) for name in ("line", "drug", "response"))
    inputs = batch.inputs
    checksum = hashlib.sha256()
    for tensor in (*rows, inputs.genes, inputs.molecules.fingerprints, inputs.drug_effect, inputs.line_effect):
        checksum.update(tensor.cpu().contiguous().numpy().tobytes())
    return checksum.hexdigest()


METHOD = LastLayerMethod
