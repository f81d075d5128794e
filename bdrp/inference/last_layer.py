"""Bayesian last layer, fitted by stochastic variational inference; prediction in closed form.

The network is trained by maximum a posteriori inside the same ELBO that fits the posterior of the last layer and of the
hierarchical deviations of compounds and lines (see `hierarchy`).

Sources: variational Bayesian last layers, Harrison, Willes & Snoek 2024; neural linear models, Snoek et al. 2015; SVI,
Hoffman et al. 2013; the tool, Pyro, Bingham et al. 2019.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pyro
import torch
from pyro.infer import TraceMeanField_ELBO
from torch import Tensor, nn

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs, grid_blocks
from bdrp.inference import hierarchical_ridge
from bdrp.inference.hierarchy import Block, Guide, LastLayer, Terms
from bdrp.inference.method import Fitted, Method, Runtime
from bdrp.inference.training import Schedule, train
from bdrp.model.architecture import Architecture
from bdrp.model.network import Encoded, Network
from bdrp.predictive import Normal
from bdrp.predictive.distribution import Index

PAIRS_A_PASS = 65_536  # chosen: the attention weights of one pass take 50 MB


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
        with _isolated(), pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            _start_at_ridge(fitted, batch)
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


class LastLayerFit(Fitted):
    """Network, priors and posterior; predicts in closed form."""

    def __init__(self, features: Features, model: LastLayer, guide: Guide) -> None:
        self.features = features
        self.model, self.guide = model, guide
        self.modules = nn.ModuleDict({"model": model, "guide": guide})
        self.history: dict[str, Any] = {}

    def to(self, device: torch.device) -> None:
        """Move every tensor to a device."""
        self.modules.to(device)

    def state(self) -> dict[str, Tensor]:
        """Weights, priors and posterior."""
        return {name: value.detach().cpu().contiguous() for name, value in self.modules.state_dict().items()}

    def predict(self, inputs: Inputs, pairs: Pairs) -> Normal:
        """Exact predictive moments of N pairs, encoding each drug and line once; see `Fitted.predict`."""
        device = self.guide.w_mean.device
        inputs = inputs.to(device)
        encoded = self.encode(inputs)
        moments = self.moments(encoded, inputs, pairs.to(device))
        arrays = tuple(part.double().cpu().numpy() for part in moments)
        joint = _Joint(self, encoded, inputs, pairs.line.to(device), pairs.drug.to(device))
        return self.distribution(inputs, pairs, arrays, joint)

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Encoded:
        """Encode all drugs and lines."""
        self.modules.eval()
        return self.model.network.encode(inputs.molecules, inputs.genes)

    @torch.no_grad()
    def moments(self, encoded: Encoded, inputs: Inputs, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised mean, aleatoric and epistemic variance of encoded pairs, (N,) each."""
        line, drug = pairs.line.split(PAIRS_A_PASS), pairs.drug.split(PAIRS_A_PASS)
        parts = [self._moments(encoded, inputs, a, b) for a, b in zip(line, drug, strict=True)]
        if not parts:
            return tuple(torch.zeros(0) for _ in range(3))  # type: ignore[return-value]
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]

    def _moments(self, encoded: Encoded, inputs: Inputs, line: Tensor, drug: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lines = torch.arange(len(inputs.line_ids), device=line.device)
        terms = self.model.terms(encoded, inputs, lines, line, drug)
        v_mean, v_variance = self.compounds(inputs)
        u_mean, u_variance = self.lines(inputs)
        mean = (
            terms.offset
            + terms.features @ self.guide.w_mean
            + _rowwise(terms.by_compound, v_mean, line, drug)
            + _rowwise(u_mean, terms.by_line, line, drug)
        )
        epistemic = (
            self._weight_variance(terms)
            + _rowwise(terms.by_compound**2, v_variance, line, drug)
            + _rowwise(u_variance, terms.by_line**2, line, drug)
        )
        terms = terms._replace(own=terms.own + v_mean[drug, 0])
        return mean, (2 * terms.log_noise(mean)).exp(), epistemic

    def compounds(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and variance of v for D drugs, (D, 1 + K) each; the prior where the compound was not trained on."""
        guide, prior = self.guide, self.model.compound_scale(inputs.drug_effect) ** 2
        return _posterior_or_prior(inputs.drug_effect, guide.v_mean, (2 * guide.v_log_scale).exp(), prior)

    def lines(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and variance of u for L lines, (L, 1 + R) each; the prior where the line was not trained on."""
        guide, prior = self.guide, (2 * self.model.log_line_scale).exp()
        return _posterior_or_prior(inputs.line_effect, guide.u_mean, (2 * guide.u_log_scale).exp(), prior)

    def _weight_variance(self, terms: Terms) -> Tensor:
        posterior = self.guide.w()
        if self.guide.covariance == "full":
            return ((terms.features @ posterior.scale_tril) ** 2).sum(1)
        variance = (terms.features**2) @ (self.guide.w_log_scale * 2).exp()
        if self.guide.covariance == "low_rank":
            variance = variance + ((terms.features @ posterior.cov_factor) ** 2).sum(1)
        return variance


class _Joint:
    """Epistemic deviations of pairs that share w, v and u."""

    def __init__(self, fit: LastLayerFit, encoded: Encoded, inputs: Inputs, line: Tensor, drug: Tensor) -> None:
        self.fit, self.encoded, self.inputs, self.line, self.drug = fit, encoded, inputs, line, drug

    def __getitem__(self, index: Index) -> _Joint:
        chosen = torch.as_tensor(np.arange(len(self.line))[index])
        return _Joint(self.fit, self.encoded, self.inputs, self.line[chosen], self.drug[chosen])

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """(S, N) deviations in the measure's unit."""
        fit, device = self.fit, self.line.device
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        lines, line = torch.unique(self.line, return_inverse=True)
        drugs, drug = torch.unique(self.drug, return_inverse=True)
        terms = fit.model.terms(
            self.encoded, self.inputs, torch.arange(len(self.inputs.line_ids), device=device), self.line, self.drug
        )
        with _isolated():
            torch.manual_seed(int(generator.initial_seed()))
            w = fit.guide.w().sample((draws,)) - fit.guide.w_mean
            v = _noise(draws, fit.compounds(self.inputs)[1][drugs])
            u = _noise(draws, fit.lines(self.inputs)[1][lines])
        by_compound = v @ terms.by_compound[lines].T  # (S, D, L)
        by_line = u @ terms.by_line[drugs].T  # (S, L, D)
        deviation = w @ terms.features.T + by_compound[:, drug, line] + by_line[:, line, drug]
        return fit.features.spread * deviation.double().cpu().numpy()


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


def _rowwise(left: Tensor, right: Tensor, line: Tensor, drug: Tensor) -> Tensor:
    """left[line[n]] . right[drug[n]] for n < N, by one product of the whole grid where that is the cheaper way."""
    if len(left) * len(right) <= 4 * len(line):
        return (left @ right.T)[line, drug]
    return (left[line] * right[drug]).sum(1)


def _posterior_or_prior(effect: Tensor, mean: Tensor, variance: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    known, at = (effect >= 0)[:, None], effect.clamp(min=0)
    return torch.where(known, mean[at], 0.0), torch.where(known, variance[at], prior)


def _noise(draws: int, variance: Tensor) -> Tensor:
    return torch.randn(draws, *variance.shape, device=variance.device) * variance.sqrt()


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


def _isolated() -> Any:
    # Seeding the CPU seeds every GPU too, so that all are kept apart.
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def _digest(batch: Batch) -> str:
    """A checksum of what is fitted, so that a run resumes on the same data only."""
    rows = (getattr(part, name) for part in (batch.train, batch.validation) for name in ("line", "drug", "response"))
    inputs = batch.inputs
    checksum = hashlib.sha256()
    for tensor in (*rows, inputs.genes, inputs.molecules.fingerprints, inputs.drug_effect, inputs.line_effect):
        checksum.update(tensor.cpu().contiguous().numpy().tobytes())
    return checksum.hexdigest()


METHOD = LastLayerMethod
