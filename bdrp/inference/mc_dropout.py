"""Monte Carlo dropout: the deterministic network with dropout left on, each pass a draw of an approximate posterior.

Trained as the deterministic network (see `point`), with a dropout of the heads beside the encoders' own: entries of w,
of the slopes of v and of the factors of u are dropped at `rate`, the rest scaled up. To predict, S passes each draw one
network: a mask hides features (genes, hidden units, drug states) and weights, the same for all drugs, lines and pairs.
A dropped feature is a row of weights at zero, so a pass is one draw of the weights, and pairs that share a pass have
joint draws; a mask for each row would be noise that no set of weights makes.

    mean = average(m_s)   aleatoric = average(noise variance of s)   epistemic = variance(m_s) + prior spread of unseen

The variance has the noise term, tau^-1 in the paper. It is often left out where only the spread of the passes is
reported; `epistemic` alone is that spread, and how far its intervals miss is written in docs/model.md.

The rates are options, not estimates: more data does not make the spread shrink (Osband 2016).

Source: Gal & Ghahramani 2016, Dropout as a Bayesian approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import dropout
from torch.utils import _pytree as pytree

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.closed_form import Joint, Part, narrowed, of_lines, parts, rowwise
from bdrp.inference.dropping import dropping
from bdrp.inference.hierarchy import LastLayer, Weights
from bdrp.inference.method import Runtime, isolated
from bdrp.inference.network_method import NetworkMethod, quietly, restored, trained
from bdrp.inference.point import Point, PointFit, PointModel, PointTrainee
from bdrp.model.network import Encoded, Network
from bdrp.predictive import Normal, StudentT
from bdrp.predictive.distribution import Floats, Index

MASK_SEED = 20160602  # chosen: any number does; a fit predicts the same to the bit each time
PASSES_AT_ONCE = 4  # chosen, on a GPU: a core takes one after the other, for the states of several leave its cache
PAIRS_AT_ONCE = 4096  # chosen: larger blocks leave the processor's cache too, smaller ones wait on calls


@dataclass(frozen=True)
class McDropoutMethod(NetworkMethod):
    """Options of Monte Carlo dropout, beside those of `NetworkMethod`.

    Attributes:
        rate: dropout of the heads' weights; that of the encoders is `gene_dropout` and `drug_dropout`.
        passes: S, how many networks a prediction draws.
    """

    name: ClassVar[str] = "mc_dropout"

    rate: float = 0.1
    passes: int = 100

    def __post_init__(self) -> None:
        """Refuse options that cannot be; see `NetworkMethod`."""
        super().__post_init__()
        if not 0 <= self.rate < 1:
            raise FitError(f"rate is {self.rate}; it must be at least 0 and below 1. Choose another, such as 0.1.")
        if self.passes < 2:
            raise FitError(f"passes is {self.passes}; a spread needs at least 2. Choose another number, such as 100.")

    def fit(self, batch: Batch, runtime: Runtime) -> DropoutFit:
        """Maximise the joint density with dropout; see `Method.fit`."""
        device = runtime.torch_device
        with quietly():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.begun(batch, fitted, runtime.seed)
            fitted.to(device)
            joint = DropoutModel(fitted.model, fitted.guide, self.rate)
            trained(PointTrainee(method, fitted, batch.to(device), joint), runtime)
            return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> DropoutFit:
        """Rebuild a fit; see `Method.restore`."""
        return restored(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> DropoutFit:
        model = self.model(features, responses)
        return DropoutFit(features, model, Point(model), self.rate, self.passes)


class DropoutModel(PointModel):
    """Model and weights, of which each step sees a part."""

    def __init__(self, model: LastLayer, point: Point, rate: float) -> None:
        super().__init__(model, point)
        self.rate = rate

    def used(self, weights: Weights) -> Weights:
        """The weights with some dropped; what the prior judges are the whole ones."""
        if not self.model.training:
            return weights
        v, u = without_some(weights.v, self.rate), without_some(weights.u, self.rate)
        return weights._replace(w=dropout(weights.w, self.rate), v=v, u=u)


def without_some(rows: Tensor, rate: float) -> Tensor:
    """Rows (M, 1 + W) of an intercept and slopes, slopes dropped at a rate and the others scaled up."""
    return torch.cat([rows[:, :1], dropout(rows[:, 1:], rate)], dim=1)


class _Drawn(NamedTuple):
    """S networks: encoded drugs and lines, w (S, P), v (S, D, 1 + K) and u (S, L, 1 + R), each with parts dropped."""

    encoded: Encoded
    w: Tensor
    v: Tensor
    u: Tensor


class _Believed(NamedTuple):
    """Means before anything is dropped: v (D, 1 + K), loadings (D, R), u (L, 1 + R)."""

    v: Tensor
    loadings: Tensor
    u: Tensor


class DropoutFit(PointFit):
    """One network, of which each pass takes a part."""

    def __init__(self, features: Features, model: LastLayer, point: Point, rate: float, passes: int) -> None:
        super().__init__(features, model, point)
        self.rate, self.passes = rate, passes

    def predict(self, inputs: Inputs, pairs: Pairs) -> Normal | StudentT:
        """Moments over the passes, and the prior spread of what was not trained on; see `Fitted.predict`."""
        device = self.guide.w_mean.device
        inputs, pairs = inputs.to(device), pairs.to(device)
        inputs, pairs = narrowed(inputs, pairs)
        encoded = self.encode(inputs)
        whole, _, unseen = (part.double() for part in self.moments(encoded, inputs, pairs))
        noise, first, second = (torch.zeros_like(whole) for _ in range(3))
        for means, variances in self.passed(inputs, pairs):
            beyond = means - whole  # small beside the mean, so that its square loses nothing
            first += beyond.sum(0)
            second += (beyond**2).sum(0)
            noise += variances.sum(0)
        shift = first / self.passes
        moments = whole + shift, noise / self.passes, (second / self.passes - shift**2).clamp(min=0) + unseen
        joint = _PassJoint(self, inputs, pairs, Joint(self, encoded, inputs, pairs.line, pairs.drug))
        arrays = tuple(part.cpu().numpy() for part in moments)
        return self.distribution(inputs, pairs, arrays, joint, self.model.law.tails)

    @torch.no_grad()
    def passed(self, inputs: Inputs, pairs: Pairs) -> Iterator[tuple[Tensor, Tensor]]:
        """Standardised means and noise variances of N pairs, (S, N) each, some of the passes at a time."""
        blocks = [(part, of_lines(inputs, part.lines)) for part in parts(pairs, PAIRS_AT_ONCE)]
        believed = _Believed(*self.compounds(inputs)[::2], self.lines(inputs)[0])
        together = PASSES_AT_ONCE if believed.u.device.type == "cuda" else 1
        network = dropping(self.model.network, together)
        for start in range(0, self.passes, together):
            with isolated():
                torch.manual_seed(MASK_SEED + start)
                drawn = self._drawn(network, inputs, believed, min(together, self.passes - start))
            found = believed.u.new_empty(2, len(drawn.w), len(pairs), dtype=torch.float64)
            for part, few in blocks:
                found[:, :, part.rows] = torch.stack(self._block(drawn, few, believed, part)).double()
            yield found[0], (2 * found[1]).exp()

    def _drawn(self, network: Network, inputs: Inputs, believed: _Believed, passes: int) -> _Drawn:
        """Masks of trained compounds and lines are drawn for all of them, so that none depends on who is asked for."""

        def one(_: Tensor) -> _Drawn:
            encoded = network.encode(inputs.molecules, inputs.genes, inputs.drug_effect)
            w = dropout(self.guide.w_mean, self.rate)
            v, u = without_some(self.guide.v_mean, self.rate), without_some(self.guide.u_mean, self.rate)
            return _Drawn(
                encoded,
                w,
                _of_trained(v, believed.v, inputs.drug_effect),
                _of_trained(u, believed.u, inputs.line_effect),
            )

        drawn: _Drawn = _each(one, torch.zeros(passes, device=believed.u.device))
        return drawn

    def _block(self, drawn: _Drawn, inputs: Inputs, believed: _Believed, part: Part) -> tuple[Tensor, Tensor]:
        """Means and log SDs of the noise of a part's pairs, (S, n) each; `inputs` has the part's lines alone."""
        lines, line, drug = part.lines, part.line, part.drug
        loadings = nn.functional.pad(believed.loadings, (1, 0))

        def one(drawn: _Drawn) -> tuple[Tensor, Tensor]:
            encoded = Encoded(drawn.encoded.drugs, drawn.encoded.lines.at(lines))
            terms = self.model.terms(encoded, inputs, torch.arange(len(lines), device=line.device), line, drug)
            mean = (
                terms.offset
                + terms.features @ drawn.w
                + rowwise(terms.by_compound, drawn.v, line, drug)
                + rowwise(drawn.u[lines], terms.by_line + loadings, line, drug)
            )
            return mean, terms._replace(own=terms.own + drawn.v[drug, 0]).log_noise(mean)

        found: tuple[Tensor, Tensor] = _each(one, drawn)
        return found


class _PassJoint:
    """Joint epistemic deviations: each draw takes one pass for all pairs, and the prior draws of what is unseen."""

    def __init__(self, fit: DropoutFit, inputs: Inputs, pairs: Pairs, unseen: Joint) -> None:
        self.fit, self.inputs, self.pairs, self.unseen = fit, inputs, pairs, unseen

    def __getitem__(self, index: Index) -> _PassJoint:
        chosen = torch.as_tensor(np.arange(len(self.pairs))[index], device=self.pairs.line.device)
        return _PassJoint(self.fit, self.inputs, self.pairs.at(chosen), self.unseen[index])

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """(S, N) deviations in the measure's unit."""
        means = torch.cat([means for means, _ in self.fit.passed(self.inputs, self.pairs)]).cpu().numpy()
        taken = rng.integers(len(means), size=draws)
        deviations = self.fit.features.spread * (means - means.mean(0))[taken]
        return np.asarray(deviations + self.unseen.draw(rng, draws))


def _each(call: Callable[[Any], Any], stacked: Any) -> Any:
    """`call` for each of S passes side by side; without the cost of `vmap` where there is but one."""
    if len(pytree.tree_leaves(stacked)[0]) > 1:
        return vmap(call, randomness="different")(stacked)
    return pytree.tree_map(lambda part: part[None], call(pytree.tree_map(lambda part: part[0], stacked)))


def _of_trained(drawn: Tensor, believed: Tensor, effect: Tensor) -> Tensor:
    """Rows of the trained (effect >= 0) with parts dropped; of the others what is believed of them."""
    return torch.where((effect >= 0)[:, None], drawn[effect.clamp(min=0)], believed)


METHOD = McDropoutMethod
