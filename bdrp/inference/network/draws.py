"""Prediction with a random network: S draws of its weights side by side, the last layer in closed form given each.

By the laws of total expectation and variance, over draws s of the network,

    mean = E[mean_s]    aleatoric = E[aleatoric_s]    epistemic = E[epistemic_s] + Var[mean_s].

All fits draw from the same standard normals, so that equal fits predict equally and a pair is predicted as it would be
in other company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bdrp.features.batch import Batch, Inputs, Pairs
from bdrp.inference.hierarchical.cached_moments import CachedMoments, outer_products
from bdrp.inference.hierarchical.grid import keep_named, keep_named_lines, sort_by_line
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior, Moments, unstandardise
from bdrp.inference.hierarchical.weight_draws import draw_weights
from bdrp.inference.network.fitted import SingleLayerFit
from bdrp.inference.network.mixture import RunningMixture, map_components
from bdrp.inference.network.weights import PosteriorScale, flatten_weights, split_weights
from bdrp.model.network import Network
from bdrp.predictive import JointPosterior, PairMoments, Parameter, PosteriorDraws
from bdrp.predictive.distribution import Floats, Index

SEED = 20_261  # chosen: any will do
DRAWS_TO_SCORE = 8  # chosen: epochs are compared under the same draws, so few will do
DRAWS_AT_ONCE = 16  # chosen, on a GPU: one core is 1.7 to 3 times faster at one after the other (docs/tried.md)

Result = TypeVar("Result")


class VariationalFit(SingleLayerFit[Guide]):
    """A random network under a random last layer.

    Args:
        layer: whose network holds the means of the weights.
        posterior_scale: their SDs.
        draws: S networks that a prediction averages.
    """

    def __init__(self, layer: Layer[Guide], posterior_scale: PosteriorScale, draws: int) -> None:
        super().__init__(layer, spread=posterior_scale)  # name of a saved tensor
        self.posterior_scale, self.draws = posterior_scale, draws

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> NetworkMixture:
        """The mixture over the draws of the network; see `Fitted.posterior_of`."""
        return NetworkMixture(self, inputs.to(self.layer.device), pairs.to(self.layer.device))

    @torch.no_grad()
    def draw_posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """Each draw takes one of the fit's networks and draws the last layer; see `HasWeightDraws`."""
        parts, rng = [], np.random.default_rng(seed)
        for weights, many in self.allocate_draws(rng, draws):
            sub = int(rng.integers(2**32))
            parts.append(self.with_weights(weights, partial(draw_weights, self.layer, inputs, pairs, many, sub)))
        return _shuffled(parts, rng.permutation(draws))

    def score(self, rows: Pairs, batch: Batch) -> float:
        """Over a few draws; see `NetworkFit.score`."""
        moments = self.scored_moments(*keep_named_lines(batch.inputs, rows))
        return self.layer.negative_log_density(rows, batch.features, moments)

    def scored_moments(self, inputs: Inputs, pairs: Pairs) -> Moments:
        """Standardised moments over a few draws."""
        return self.mixture_moments(inputs, pairs, min(self.draws, DRAWS_TO_SCORE))

    def weights(self, draws: int) -> Tensor:
        """(S, W) draws of the network's weights; the first of more are those of fewer."""
        return torch.stack(list(self._weights(draws)))

    def _weights(self, draws: int) -> Iterator[Tensor]:
        """The same one by one, (W,) each."""
        scale, mean = self.posterior_scale.log_scale.detach().exp(), flatten_weights(self.layer.model.network).detach()
        generator = torch.Generator().manual_seed(SEED)  # of the CPU, so that every device draws the same
        for _ in range(draws):
            noise = torch.empty(len(scale)).normal_(generator=generator)
            yield torch.addcmul(mean, scale, noise.to(scale.device))

    def with_weights(self, weights: Tensor, call: Callable[[], Result]) -> Result:
        """`call()` while the network has the weights (W,)."""
        network = self.layer.model.network
        return cast(Result, functional_call(_Under(network, call), split_weights(network, weights), ()))

    @torch.no_grad()
    def mixture_moments(self, inputs: Inputs, pairs: Pairs, draws: int) -> Moments:
        """Standardised mean, aleatoric and epistemic variance, (N,) each."""
        inputs, pairs = keep_named(inputs, pairs)
        sorted_pairs, mixture = sort_by_line(pairs), RunningMixture()
        cached = self.layer.cache_moments(inputs, sorted_pairs)
        square = torch.zeros(len(inputs.drug_ids), cached.u_covariance.shape[1], device=self.layer.device)
        for moments, squares in self.moments_by_draw(inputs, cached, draws):
            mixture.add(*moments)
            square += squares.sum(0)
        mean, aleatoric, rest = mixture.moments()
        epistemic = (rest + cached.line_variance(square / draws)).clamp(min=0)
        mean, aleatoric, epistemic = sorted_pairs.restore_order((mean, aleatoric, epistemic))
        return mean, aleatoric, epistemic

    @torch.no_grad()
    def moments_by_draw(self, inputs: Inputs, cached: CachedMoments, draws: int) -> Iterator[tuple[Moments, Tensor]]:
        """Moments of N grid entries given each network, (s, N) each, some of the networks at a time.

        Yields:
            Moments without the variance of u's term; and outer products of what u multiplies, (s, D, T): see
            `CachedMoments.line_variance`.
        """
        layer = self.layer
        layer.modules.eval()

        def call() -> tuple[Moments, Tensor]:
            encoded = layer.model.network.encode(inputs)
            return layer.conditional_moments(encoded, inputs, cached), outer_products(layer.by_line(encoded, cached))

        weights, at_once = self._weights(draws), draws_at_once(layer.device)
        while chunk := list(islice(weights, at_once)):
            yield map_components(lambda weights: self.with_weights(weights, call), torch.stack(chunk))

    def allocate_draws(self, rng: np.random.Generator, draws: int) -> Iterator[tuple[Tensor, int]]:
        """Networks that are drawn at least once among `draws`, with how often."""
        often = np.bincount(rng.integers(self.draws, size=draws), minlength=self.draws)
        for weights, many in zip(self.weights(self.draws), often.tolist(), strict=True):
            if many:
                yield weights, many


class _Under(nn.Module):
    """A call that reads a network, as a module whose parameters can be exchanged for its length."""

    def __init__(self, network: Network, call: Callable[[], object]) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self) -> object:
        return self.call()


class NetworkMixture(JointPosterior):
    """The posterior of N pairs that share the network, w, v and u.

    Args:
        fit: random network and last layer.
        inputs: drugs and lines, on the fit's device.
        pairs: N of them, on the fit's device.
    """

    def __init__(self, fit: VariationalFit, inputs: Inputs, pairs: Pairs) -> None:
        self.fit, self.inputs, self.pairs = fit, inputs, pairs
        self.noise_dof = fit.layer.model.noise_distribution.noise_dof

    @cached_property
    def moments(self) -> PairMoments:
        """Over the draws of the network."""
        return unstandardise(self.fit.features, self.fit.mixture_moments(self.inputs, self.pairs, self.fit.draws))

    def __getitem__(self, index: Index) -> NetworkMixture:
        """The same for some of the pairs; moments that are known stay so."""
        chosen = torch.as_tensor(np.arange(len(self.pairs))[index], device=self.pairs.line.device)
        some = NetworkMixture(self.fit, self.inputs, self.pairs.select(chosen))
        if "moments" in vars(self):
            some.moments = PairMoments(*(part[index] for part in self.moments))
        return some

    def covariance(self, other: NetworkMixture) -> Floats:
        """(N, M) with the M pairs of another: what the networks disagree about, and what each does not know."""
        fit, mine, theirs = self.fit, [], []
        within = np.zeros((len(self.pairs), len(other.pairs)))
        for weights in fit.weights(fit.draws):
            one, two, shared = fit.with_weights(weights, partial(_both, self, other))
            mine.append(one)
            theirs.append(two)
            within += shared
        left, right = (np.stack(means) - np.mean(means, axis=0) for means in (mine, theirs))
        return np.asarray((left.T @ right + within) / fit.draws)

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        parts = [
            self.fit.with_weights(weights, partial(self._drawn, rng, many))
            for weights, many in self.fit.allocate_draws(rng, draws)
        ]
        return np.concatenate(parts)[rng.permutation(draws)] - self.mean

    def _drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        posterior = self.conditional_posterior()
        return posterior.mean + posterior.draw(rng, draws)

    def conditional_posterior(self) -> LayerPosterior:
        """The posterior of the pairs given the weights that the network has now."""
        return self.fit.layer.posterior_of(self.inputs, self.pairs)


def _both(left: NetworkMixture, right: NetworkMixture) -> tuple[Floats, Floats, Floats]:
    """Means of two sets of pairs and their covariance, given the weights that the network has now."""
    one, two = left.conditional_posterior(), right.conditional_posterior()
    return one.mean, two.mean, one.covariance(two)


def draws_at_once(device: torch.device) -> int:
    """How many networks predict side by side."""
    return 1 if device.type == "cpu" else DRAWS_AT_ONCE


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
