"""Monte Carlo dropout: the deterministic network with dropout left on, each pass a draw of an approximate posterior.

Trained as the deterministic network (see `network.point`), with a dropout of the heads beside the encoders' own:
entries of w, of the slopes of v and of the factors of u are dropped at `rate`, the rest scaled up. To predict, S passes
each draw one network: a mask hides features (genes, hidden units, drug states) and weights, the same for all drugs,
lines and pairs. A dropped feature is a row of weights at zero, so a pass is one draw of the weights, and pairs that
share a pass have joint draws; a mask for each row would be noise that no set of weights makes.

    mean = average(m_s)   aleatoric = average(noise variance of s)   epistemic = variance(m_s) + prior spread of unseen

The variance has the noise term, tau^-1 in the paper. It is often left out where only the spread of the passes is
reported; `epistemic` alone is that spread, and how far its intervals miss is written in docs/model.md.

The rates are options, not estimates: more data does not make the spread shrink (Osband 2016).

Source: Gal & Ghahramani 2016, Dropout as a Bayesian approximation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.fitted import Joint
from bdrp.inference.hierarchical.grid import PAIRS_A_PASS, Cells, Part, cells, named, rowwise
from bdrp.inference.hierarchical.model import LastLayer, Weights
from bdrp.inference.hierarchical.point import Point
from bdrp.inference.method import Runtime, isolated
from bdrp.inference.network.dropout import dropping
from bdrp.inference.network.mixture import RunningMixture, each
from bdrp.inference.network.options import NetworkMethod, quietly, restored
from bdrp.inference.network.point import PointFit, PointModel, PointTrainee
from bdrp.inference.network.trainee import trained
from bdrp.model.network import Encoded, Network
from bdrp.predictive import Normal, StudentT
from bdrp.predictive.distribution import Floats, Index

MASK_SEED = 20160602  # chosen: any number does; a fit predicts the same to the bit each time
PASSES_AT_ONCE = 4  # chosen, on a GPU: a core takes one after the other, for the states of several leave its cache


@dataclass(frozen=True)
class McDropoutMethod(NetworkMethod):
    """Options of Monte Carlo dropout, beside those of `NetworkMethod`.

    Attributes:
        rate: dropout of the heads' weights; that of the encoders is `gene_dropout` and `drug_dropout`.
        passes: S, how many networks a prediction draws.
    """

    name: ClassVar[str] = "mc_dropout"
    widens_for_new_lines: ClassVar[bool] = False  # the passes differ by the size of what enters, less in some new lines
    samples_predictions: ClassVar[bool] = True

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
        inputs, pairs = named(inputs.to(device), pairs.to(device))
        encoded = self.encode(inputs)
        unseen, mixture = self.moments(encoded, inputs, pairs)[2], RunningMixture()
        for means, variances in self.passed(inputs, pairs):
            mixture.add(means, variances, torch.zeros_like(means))
        mean, noise, spread = mixture.moments()
        joint = _PassJoint(self, inputs, pairs, Joint(self, encoded, inputs, pairs.line, pairs.drug))
        arrays = tuple(part.cpu().numpy() for part in (mean, noise, spread + unseen))
        return self.distribution(inputs, pairs, arrays, joint, self.model.law.tails)

    @torch.no_grad()
    def passed(self, inputs: Inputs, pairs: Pairs) -> Iterator[tuple[Tensor, Tensor]]:
        """Standardised means and noise variances of N pairs, (S, N) each, some of the passes at a time."""
        sorted_pairs = cells(pairs)
        some = sorted_pairs.parts(PAIRS_A_PASS)
        believed = _Believed(*self.compounds(inputs)[::2], self.lines(inputs)[0])
        together = PASSES_AT_ONCE if believed.u.is_cuda else 1
        network = dropping(self.model.network, together)

        def one(_: Tensor) -> tuple[Tensor, Tensor]:
            return self._passed(network, inputs, sorted_pairs, believed, some)

        for start in range(0, self.passes, together):
            with isolated():
                torch.manual_seed(MASK_SEED + start)
                found = each(one, torch.empty(min(together, self.passes - start), device=believed.u.device))
            means, log_sds = sorted_pairs.in_order(found)
            yield means, (2 * log_sds).exp()

    def _passed(
        self, network: Network, inputs: Inputs, pairs: Cells, believed: _Believed, some: Sequence[Part]
    ) -> tuple[Tensor, Tensor]:
        """Means and log SDs of the noise of N cells, (N,) each, by one network.

        Masks of trained compounds and lines are drawn for all of them, so that none depends on who is asked for.
        """
        encoded = network.encode(inputs.molecules, inputs.genes, inputs.drug_effect)
        w = dropout(self.guide.w_mean, self.rate)
        v = _of_trained(without_some(self.guide.v_mean, self.rate), believed.v, inputs.drug_effect)
        u = _of_trained(without_some(self.guide.u_mean, self.rate), believed.u, inputs.line_effect)
        by_line = self.model.by_line(encoded) + nn.functional.pad(believed.loadings, (1, 0))
        of_rows = rowwise(
            torch.cat([self.model.regressors(inputs.components), u], dim=1),
            torch.cat([v, by_line], dim=1),
            pairs.line,
            pairs.drug,
        )

        def found(part: Part) -> tuple[Tensor, Tensor]:
            near = Encoded(encoded.drugs, encoded.lines.at(part.lines))
            terms = self.model.terms(near, inputs, part.lines, part.line, part.drug)
            mean = terms.offset + terms.features @ w + of_rows[part.rows]
            own = terms.own + v[:, 0].index_select(0, part.drug)
            return mean, terms._replace(own=own).log_noise(mean)

        means, log_sds = zip(*map(found, some), strict=True)
        return torch.cat(means), torch.cat(log_sds)


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


def _of_trained(drawn: Tensor, believed: Tensor, effect: Tensor) -> Tensor:
    """Rows of the trained (effect >= 0) with parts dropped; of the others what is believed of them."""
    return torch.where((effect >= 0)[:, None], drawn[effect.clamp(min=0)], believed)


METHOD = McDropoutMethod
