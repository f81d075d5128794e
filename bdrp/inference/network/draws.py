"""Prediction with a random network: S draws of its weights side by side, the last layer in closed form given each.

By the laws of total expectation and variance, over draws s of the network,

    mean = E[mean_s]    aleatoric = E[aleatoric_s]    epistemic = E[epistemic_s] + Var[mean_s].

All fits draw from the same standard normals, so that equal fits predict equally and a pair is predicted as it would be
in other company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.hierarchical.beliefs import Beliefs, squared
from bdrp.inference.hierarchical.fitted import Joint, LastLayerFit, Moments
from bdrp.inference.hierarchical.grid import cells, named
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.hierarchical.weight_draws import draw
from bdrp.inference.network.mixture import RunningMixture, each
from bdrp.inference.network.weights import Spread, flat, split
from bdrp.model.network import Network
from bdrp.predictive import Normal, Parameter, PosteriorDraws, StudentT
from bdrp.predictive.distribution import Index

SEED = 20_261  # chosen: any will do
DRAWS_TO_SCORE = 8  # chosen: epochs are compared under the same draws, so few will do
DRAWS_TOGETHER = 16  # chosen, on a GPU: one core is 1.7 to 3 times faster at one after the other (docs/tried.md)


class VariationalFit(LastLayerFit):
    """A random network under a random last layer."""

    can_update = False

    def __init__(self, features: Features, model: LastLayer, guide: Guide, spread: Spread, draws: int) -> None:
        super().__init__(features, model, guide)
        self.spread, self.draws = spread, draws
        self.modules["spread"] = spread

    @torch.no_grad()
    def predict(self, inputs: Inputs, pairs: Pairs) -> Normal | StudentT:
        """Predictive moments of N pairs over the draws of the network; see `Fitted.predict`."""
        device = self.guide.w_mean.device
        inputs, pairs = inputs.to(device), pairs.to(device)
        moments = self.mixed(inputs, pairs, self.draws)
        arrays = tuple(part.double().cpu().numpy() for part in moments)
        joint = _Mixture(self, inputs, pairs)
        return self.distribution(inputs, pairs, arrays, joint, self.model.law.tails)

    @torch.no_grad()
    def posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """Each draw takes one of the fit's networks and draws the last layer; see `Fitted.posterior`."""
        device, parts = self.guide.w_mean.device, []
        inputs, pairs = inputs.to(device), pairs.to(device)
        rng = np.random.default_rng(seed)
        for weights, many in self._shared_out(rng, draws):
            sub = int(rng.integers(2**32))
            parts.append(self.under(weights, lambda many=many, sub=sub: draw(self, inputs, pairs, many, sub)))
        return _shuffled(parts, rng.permutation(draws))

    def scored_moments(self, inputs: Inputs, pairs: Pairs) -> Moments:
        """Over a few draws."""
        return self.mixed(inputs, pairs, min(self.draws, DRAWS_TO_SCORE))

    def weights(self, draws: int) -> Tensor:
        """(S, W) draws of the network's weights; the first of more are those of fewer."""
        return torch.stack(list(self._weights(draws)))

    def _weights(self, draws: int) -> Iterator[Tensor]:
        """The same one by one, (W,) each."""
        scale, mean = self.spread.log_scale.detach().exp(), flat(self.model.network).detach()
        generator = torch.Generator().manual_seed(SEED)  # of the CPU, so that every device draws the same
        for _ in range(draws):
            noise = torch.empty(len(scale)).normal_(generator=generator)
            yield torch.addcmul(mean, scale, noise.to(scale.device))

    def under(self, weights: Tensor, call: Callable[..., Any]) -> Any:
        """`call()` while the network has the weights (W,)."""
        network = self.model.network
        return functional_call(_Under(network, call), split(network, weights), ())

    @torch.no_grad()
    def mixed(self, inputs: Inputs, pairs: Pairs, draws: int) -> Moments:
        """Standardised mean, aleatoric and epistemic variance, (N,) each."""
        inputs, pairs = named(inputs, pairs)
        sorted_pairs, mixture = cells(pairs), RunningMixture()
        believed = self.beliefs(inputs, sorted_pairs)
        square = torch.zeros(len(inputs.drug_ids), believed.u_covariance.shape[1], device=believed.mean.device)
        for moments, squares in self.by_draw(inputs, believed, draws):
            mixture.add(*moments)
            square += squares.sum(0)
        mean, aleatoric, rest = mixture.moments()
        epistemic = (rest + believed.through_lines(square / draws)).clamp(min=0)
        mean, aleatoric, epistemic = sorted_pairs.in_order((mean, aleatoric, epistemic))
        return mean, aleatoric, epistemic

    @torch.no_grad()
    def by_draw(self, inputs: Inputs, believed: Beliefs, draws: int) -> Iterator[tuple[Moments, Tensor]]:
        """Moments of N cells under each network, (s, N) each, some of the networks at a time.

        Yields:
            All but the variance that u brings; and what u multiplies, squared, (s, D, T): see `Beliefs.through_lines`.
        """
        self.modules.eval()
        network = self.model.network

        def given() -> tuple[Moments, Tensor]:
            encoded = network.encode(inputs.molecules, inputs.genes, inputs.drug_effect)
            return self.given(encoded, inputs, believed), squared(self.by_line(encoded, believed))

        weights, together = self._weights(draws), draws_together(believed.mean.device)
        while chunk := list(islice(weights, together)):
            yield each(lambda weights: self.under(weights, given), torch.stack(chunk))

    def _shared_out(self, rng: np.random.Generator, draws: int) -> Iterator[tuple[Tensor, int]]:
        """Networks that are drawn at least once among `draws`, with how often."""
        often = np.bincount(rng.integers(self.draws, size=draws), minlength=self.draws)
        for weights, many in zip(self.weights(self.draws), often.tolist(), strict=True):
            if many:
                yield weights, many


class _Under(nn.Module):
    """A call that reads a network, as a module whose parameters can be exchanged for its length."""

    def __init__(self, network: Network, call: Callable[..., Any]) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self) -> Any:
        return self.call()


class _Mixture:
    """Epistemic deviations of pairs that share the network, w, v and u."""

    def __init__(self, fit: VariationalFit, inputs: Inputs, pairs: Pairs) -> None:
        self.fit, self.inputs, self.pairs = fit, inputs, pairs

    def __getitem__(self, index: Index) -> _Mixture:
        chosen = torch.as_tensor(np.arange(len(self.pairs))[index])
        return _Mixture(self.fit, self.inputs, self.pairs.at(chosen))

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """(S, N) deviations in the measure's unit."""
        fit = self.fit
        means = self._means().double().cpu().numpy()
        often = np.bincount(rng.integers(fit.draws, size=draws), minlength=fit.draws)
        beyond, parts = fit.features.spread * (means - means.mean(0)), []
        for weights, many, shift in zip(fit.weights(fit.draws), often.tolist(), beyond, strict=True):
            if many:
                parts.append(shift + fit.under(weights, lambda many=many: self._given_a_network().draw(rng, many)))
        return rng.permutation(np.concatenate(parts))

    def _means(self) -> Tensor:
        """(S, N) of all networks."""
        sorted_pairs = cells(self.pairs)
        draws = self.fit.by_draw(self.inputs, self.fit.beliefs(self.inputs, sorted_pairs), self.fit.draws)
        return sorted_pairs.in_order([torch.cat([mean for (mean, _, _), _ in draws])])[0]

    def _given_a_network(self) -> Joint:
        return Joint(self.fit, self.fit.encode(self.inputs), self.inputs, self.pairs.line, self.pairs.drug)


def draws_together(device: torch.device) -> int:
    """How many networks predict side by side."""
    return 1 if device.type == "cpu" else DRAWS_TOGETHER


def _shuffled(parts: list[PosteriorDraws], order: np.ndarray) -> PosteriorDraws:
    """Draws one after the other, in an order in which no network's stand together."""
    first = parts[0]
    parameters = {
        name: Parameter(
            np.concatenate([part.parameters[name].values for part in parts])[order], parameter.dims, parameter.labels
        )
        for name, parameter in first.parameters.items()
    }
    mean, response, likelihood = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("mean", "response", "log_likelihood")
    )
    return PosteriorDraws(mean, response, likelihood, parameters, first.estimates)
