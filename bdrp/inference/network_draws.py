"""Prediction with a random network: S draws of its weights side by side, the last layer in closed form given each.

By the laws of total expectation and variance, over draws s of the network,

    mean = E[mean_s]    aleatoric = E[aleatoric_s]    epistemic = E[epistemic_s] + Var[mean_s].

All fits draw from the same standard normals, so that equal fits predict equally and a pair is predicted as it would be
in other company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils import _pytree as pytree

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.closed_form import Apart, Joint, LastLayerFit, narrowed, of_lines, parts
from bdrp.inference.hierarchy import Guide, LastLayer
from bdrp.inference.network_weights import Spread, flat, split
from bdrp.inference.weight_draws import draw
from bdrp.model.expression import LineStates
from bdrp.model.network import Encoded, Network
from bdrp.predictive import Normal, Parameter, PosteriorDraws, StudentT
from bdrp.predictive.distribution import Index

SEED = 20_261  # chosen: any will do
DRAWS_TO_SCORE = 8  # chosen: epochs are compared under the same draws, so few will do
DRAWS_ENCODED_TOGETHER = 16  # chosen, on a GPU: one core encodes drugs 1.7 to 3 times faster apart (docs/tried.md)
PAIRS_A_PASS = 4_096  # chosen: what a pass makes of its pairs stays in a processor's cache
NUMBERS_IN_CACHE = 250_000  # chosen: pairs x factors squared up to which networks side by side are faster on a core
NUMBERS_A_PASS = 8_000_000  # chosen: draws x pairs x factors squared of one pass; they take 32 MB

Moments = tuple[Tensor, Tensor, Tensor]


class Drawn(NamedTuple):
    """S networks: `weights` (S, W), and what each says of all drugs and lines, its tensors with S in front."""

    weights: Tensor
    encoded: Encoded

    def at(self, draw: int) -> Encoded:
        """What one of them says."""
        drugs, lines = self.encoded
        return Encoded(type(drugs)(*(part[draw] for part in drugs)), type(lines)(*(part[draw] for part in lines)))


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
        scale = self.spread.log_scale
        generator = torch.Generator().manual_seed(SEED)  # of the CPU, so that every device draws the same
        noise = torch.empty(draws, len(scale))
        for row in noise:
            row.normal_(generator=generator)
        return noise.to(scale.device).mul_(scale.detach().exp()).add_(flat(self.model.network).detach())

    def under(self, weights: Tensor, call: Callable[..., Any], *args: Any) -> Any:
        """`call(*args)` while the network has the weights (W,)."""
        network = self.model.network
        return functional_call(_Under(network, call), split(network, weights), args)

    @torch.no_grad()
    def mixed(self, inputs: Inputs, pairs: Pairs, draws: int) -> Moments:
        """Standardised mean, aleatoric and epistemic variance, (N,) each."""
        inputs, pairs = narrowed(inputs, pairs)
        drawn = self.drawn(inputs, draws)
        total = drawn.weights.new_empty(3, len(pairs), dtype=torch.float64)
        for rows, moments in self.by_draw(drawn, inputs, pairs):
            total[:, rows] = torch.stack(_total(moments))
        mean, aleatoric, epistemic = total
        return mean, aleatoric, epistemic

    @torch.no_grad()
    def drawn(self, inputs: Inputs, draws: int) -> Drawn:
        """S networks with all drugs and lines encoded by each."""
        self.modules.eval()
        weights, network = self.weights(draws), self.model.network

        def encode(one: Tensor) -> Any:
            return self.under(one, lambda: network.encode(inputs.molecules, inputs.genes, inputs.drug_effect))

        together = 1 if weights.device.type == "cpu" else DRAWS_ENCODED_TOGETHER
        return Drawn(weights, _stacked(encode, together, weights))

    @torch.no_grad()
    def by_draw(self, drawn: Drawn, inputs: Inputs, pairs: Pairs) -> Iterator[tuple[Tensor, Moments]]:
        """Some of the pairs at a time, with their moments under each network, (S, n) each."""
        believed = self.compounds(inputs), self.lines(inputs)
        for part in parts(pairs, PAIRS_A_PASS):
            few = of_lines(inputs, part.lines)
            apart = self.apart(few, part, *believed)
            drugs, lines = drawn.encoded
            near = Encoded(drugs, LineStates(*(states[:, part.lines] for states in lines)))
            yield part.rows, self._given_each(drawn.weights, near, few, apart)

    def _given_each(self, weights: Tensor, encoded: Encoded, inputs: Inputs, apart: Apart) -> Moments:
        numbers = len(apart.line) * apart.u_covariance.shape[1]

        def given(one: Tensor, encoded: Encoded) -> Any:
            return self.under(one, self.given, encoded, inputs, apart)

        together = 1 if weights.device.type == "cpu" and numbers > NUMBERS_IN_CACHE else NUMBERS_A_PASS // numbers
        moments: Moments = _stacked(given, max(1, together), weights, encoded)
        return moments

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

    def forward(self, *args: Any) -> Any:
        return self.call(*args)


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
        drawn = fit.drawn(self.inputs, fit.draws)
        means = np.empty((fit.draws, len(self.pairs)))
        for rows, (mean, _, _) in fit.by_draw(drawn, self.inputs, self.pairs):
            means[:, rows.cpu().numpy()] = mean.double().cpu().numpy()
        often = np.bincount(rng.integers(fit.draws, size=draws), minlength=fit.draws)
        parts = []
        for at in np.flatnonzero(often):
            joint = Joint(fit, drawn.at(int(at)), self.inputs, self.pairs.line, self.pairs.drug)
            own = fit.under(drawn.weights[at], joint.draw, rng, int(often[at]))
            parts.append(own + fit.features.spread * (means[at] - means.mean(0)))
        return rng.permutation(np.concatenate(parts))


def _stacked(call: Callable[..., Any], together: int, *many: Any) -> Any:
    """`call` for each of S, side by side by `torch.func.vmap` as far as memory allows; one by one if that is not far.

    What does not fit in the cache together is slower side by side.
    """
    if together > 1:
        return vmap(call, chunk_size=together)(*many)
    draws = len(many[0])
    apart = [call(*pytree.tree_map(lambda part, at=at: part[at], many)) for at in range(draws)]
    return pytree.tree_map(lambda *parts: torch.stack(parts), *apart)


def _total(moments: Moments) -> Moments:
    """(n,) moments of the mixture of (S, n); a single network has no variance of its own."""
    mean, aleatoric, epistemic = (part.double() for part in moments)
    centre = mean.mean(0)
    return centre, aleatoric.mean(0), epistemic.mean(0) + (mean - centre).square().mean(0)


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
