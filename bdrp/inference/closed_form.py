"""The fitted last layer: exact predictive moments of pairs, and joint draws that share the weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.hierarchy import Guide, LastLayer, Terms
from bdrp.inference.kinship import Kinship
from bdrp.inference.method import Fitted, isolated
from bdrp.inference.weight_draws import draw
from bdrp.model.network import Encoded
from bdrp.predictive import Normal, PosteriorDraws
from bdrp.predictive.distribution import Index

PAIRS_A_PASS = 65_536  # chosen: the attention weights of one pass take 50 MB


class LastLayerFit(Fitted):
    """Network, priors and posterior; predicts in closed form."""

    can_draw: ClassVar[bool] = True

    def __init__(self, features: Features, model: LastLayer, guide: Guide) -> None:
        self.features = features
        self.model, self.guide = model, guide
        self.kinship = Kinship(len(features.compounds))
        self.modules = nn.ModuleDict({"model": model, "guide": guide, "kinship": self.kinship})
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

    def posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """Draws of the guide; see `Fitted.posterior`."""
        return draw(self, inputs, pairs, draws, seed)

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
        """Mean and variance of v for D drugs, (D, 1 + K) each; prior and kinship for a compound not trained on."""
        guide, prior = self.guide, self.model.compound_scale(inputs.drug_effect) ** 2
        kriged, spread = self.kinship(inputs.molecules.fingerprints)
        expected = torch.cat([kriged[:, None], torch.zeros_like(prior[:, 1:])], dim=1)
        prior = torch.cat([spread[:, None], prior[:, 1:]], dim=1)
        return _posterior_or_prior(inputs.drug_effect, guide.v_mean, (2 * guide.v_log_scale).exp(), expected, prior)

    def lines(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and variance of u for L lines, (L, 1 + R) each; the prior where the line was not trained on."""
        guide, prior = self.guide, (2 * self.model.log_line_scale).exp()
        variance = (2 * guide.u_log_scale).exp()
        return _posterior_or_prior(inputs.line_effect, guide.u_mean, variance, torch.zeros_like(prior), prior)

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
        seed = int(rng.integers(2**63))
        lines, line = torch.unique(self.line, return_inverse=True)
        drugs, drug = self._one_id_a_compound()
        every = torch.arange(len(self.inputs.line_ids), device=device)
        terms = fit.model.terms(self.encoded, self.inputs, every, self.line, self.drug)
        with isolated():
            torch.manual_seed(seed)
            w = fit.guide.w().sample((draws,)) - fit.guide.w_mean
            v = _noise(draws, fit.compounds(self.inputs)[1][drugs])
            u = _noise(draws, fit.lines(self.inputs)[1][lines])
        by_compound = v @ terms.by_compound[lines].T  # (S, D, L)
        by_line = u @ terms.by_line.T  # (S, L, D)
        deviation = w @ terms.features.T + by_compound[:, drug, line] + by_line[:, line, self.drug]
        return fit.features.spread * deviation.double().cpu().numpy()

    def _one_id_a_compound(self) -> tuple[Tensor, Tensor]:
        """Drugs to draw v for, and which of them each pair takes: two ids of one trained compound share a draw."""
        effect = self.inputs.drug_effect[self.drug]
        compound = torch.where(effect >= 0, effect, len(self.fit.features.compounds) + self.drug)
        kinds, which = torch.unique(compound, return_inverse=True)
        return torch.zeros_like(kinds).scatter(0, which, self.drug), which


def _rowwise(left: Tensor, right: Tensor, line: Tensor, drug: Tensor) -> Tensor:
    """left[line[n]] . right[drug[n]] for n < N, by one product of the whole grid where that is the cheaper way."""
    if len(left) * len(right) <= 4 * len(line):
        return (left @ right.T)[line, drug]
    return (left[line] * right[drug]).sum(1)


def _posterior_or_prior(
    effect: Tensor, mean: Tensor, variance: Tensor, expected: Tensor, prior: Tensor
) -> tuple[Tensor, Tensor]:
    known, at = (effect >= 0)[:, None], effect.clamp(min=0)
    return torch.where(known, mean[at], expected), torch.where(known, variance[at], prior)


def _noise(draws: int, variance: Tensor) -> Tensor:
    return torch.randn(draws, *variance.shape, device=variance.device) * variance.sqrt()
