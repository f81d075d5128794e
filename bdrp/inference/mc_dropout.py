"""Monte Carlo dropout: the deterministic network with dropout left on, each pass a draw of an approximate posterior.

Trained as the deterministic network (see `network.point`), with a dropout of the heads beside the encoders' own:
entries of w, of the slopes of v and of the factors of u are dropped at `rate`, the rest scaled up. To predict, S passes
each draw one network: a mask hides features (genes, hidden units, drug states) and weights, the same for all drugs,
lines and pairs. A dropped feature is a row of weights at zero, so a pass is one draw of the weights, and pairs that
share a pass have joint draws; a mask for each row would be noise that no set of weights makes.

    mean = average(m_s)  aleatoric = average(noise variance of s)  epistemic = variance(m_s) + prior variance of unseen

The variance has the noise term, tau^-1 in the paper. It is often left out where only the variance over the
passes is reported; `epistemic` alone is that variance, and how far its intervals miss is written in docs/model.md.

The rates are options, not estimates: more data does not make this variance shrink (Osband 2016).

Source: Gal & Ghahramani 2016, Dropout as a Bayesian approximation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import dropout

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.coefficients import Coefficients
from bdrp.inference.hierarchical.grid import PAIRS_A_PASS, GridChunk, GridEntries, keep_named, sort_by_line
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior, unstandardise
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import Predicted, Weights, add_loadings, network_term, rowwise_dot
from bdrp.inference.method import Runtime, isolate_random_state
from bdrp.inference.network.dropout import keep_dropout_on
from bdrp.inference.network.fitted import SingleLayerFit, restore_fit
from bdrp.inference.network.mixture import RunningMixture, map_components
from bdrp.inference.network.options import NetworkMethod, quiet_pyro
from bdrp.inference.network.point import PointModel
from bdrp.inference.network.training_module import TrainingModule, train_fit
from bdrp.model.network import Encoded, Network
from bdrp.predictive import JointPosterior, PairMoments
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
            raise FitError(f"passes is {self.passes}; a variance needs at least 2. Choose another number, such as 100.")

    def fit(self, batch: Batch, runtime: Runtime) -> DropoutFit:
        """Maximise the joint density with dropout; see `Method.fit`."""
        device = runtime.torch_device
        with quiet_pyro():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self.warm_start(batch, fitted.layer)
            fitted.to(device)
            there, layer = batch.to(device), fitted.layer
            joint = PointModel(layer.model, layer.guide, partial(drop_weights, rate=self.rate))
            train_fit(TrainingModule(method, fitted, there, partial(joint, there.inputs)), runtime)
            return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> DropoutFit:
        """Rebuild a fit; see `Method.restore`."""
        return restore_fit(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> DropoutFit:
        model = self.model(features, responses)
        return DropoutFit(Layer(features, model, PointEstimate(model)), self.rate, self.passes)


def drop_weights(weights: Weights, rate: float) -> Weights:
    """What a training step sees of the weights; what the prior judges are the whole ones."""
    v, u = drop_slopes(weights.v, rate), drop_slopes(weights.u, rate)
    return weights._replace(w=dropout(weights.w, rate), v=v, u=u)


def drop_slopes(rows: Tensor, rate: float) -> Tensor:
    """Rows (M, 1 + W) of an intercept and slopes, slopes dropped at a rate and the others scaled up."""
    return torch.cat([rows[:, :1], dropout(rows[:, 1:], rate)], dim=1)


class DropoutFit(SingleLayerFit[PointEstimate]):
    """One network, of which each pass takes a part.

    Args:
        layer: the network and one value of each weight.
        rate: of the heads' dropout.
        passes: S of a prediction.
    """

    def __init__(self, layer: Layer[PointEstimate], rate: float, passes: int) -> None:
        super().__init__(layer)
        self.rate, self.passes = rate, passes

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> PassMixture:
        """The passes, and the prior variance of what was not trained on; see `Fitted.posterior_of`."""
        inputs, pairs = keep_named(inputs.to(self.layer.device), pairs.to(self.layer.device))
        return PassMixture(self, inputs, pairs, self.layer.posterior_of(inputs, pairs))

    def score(self, rows: Pairs, batch: Batch) -> float:
        """Without dropout; see `NetworkFit.score`."""
        return self.layer.score(rows, batch)

    @torch.no_grad()
    def run_passes(self, inputs: Inputs, pairs: Pairs) -> Iterator[tuple[Tensor, Tensor]]:
        """Standardised means and noise variances of N pairs, (S, N) each, some of the passes at a time."""
        sorted_pairs = sort_by_line(pairs)
        chunks, known = sorted_pairs.chunks(PAIRS_A_PASS), self.layer.coefficients(inputs)
        at_once = PASSES_AT_ONCE if self.layer.device.type == "cuda" else 1
        network = keep_dropout_on(self.layer.model.network, at_once)

        def one(_: Tensor) -> tuple[Tensor, Tensor]:
            return self._run_pass(network, inputs, sorted_pairs, known, chunks)

        for start in range(0, self.passes, at_once):
            with isolate_random_state():
                torch.manual_seed(MASK_SEED + start)
                found = map_components(one, torch.empty(min(at_once, self.passes - start), device=self.layer.device))
            means, log_sds = sorted_pairs.restore_order(found)
            yield means, (2 * log_sds).exp()

    def _run_pass(
        self, network: Network, inputs: Inputs, pairs: GridEntries, known: Coefficients, chunks: Sequence[GridChunk]
    ) -> tuple[Tensor, Tensor]:
        """Means and log SDs of the noise of N grid entries, (N,) each, by one network.

        Masks of trained compounds and lines are drawn for all of them, so that none depends on who is asked for.
        """
        model, point = self.layer.model, self.layer.guide
        encoded = network.encode(inputs)
        w = dropout(point.w_mean, self.rate)
        v = _of_trained(drop_slopes(point.v_mean, self.rate), known.v, inputs.drug_effect)
        u = _of_trained(drop_slopes(point.u_mean, self.rate), known.u, inputs.line_effect)
        slopes = rowwise_dot(model.regressors(inputs.components), v, pairs.line, pairs.drug)
        factors = rowwise_dot(u, add_loadings(model.by_line(encoded), known.loadings), pairs.line, pairs.drug)

        def found(chunk: GridChunk) -> tuple[Tensor, Tensor]:
            near, rows = Encoded(encoded.drugs, encoded.lines.select(chunk.lines)), chunk.rows
            terms = model.terms(near, inputs, chunk.lines, chunk.line, chunk.drug)
            own = terms.own + v[:, 0].index_select(0, chunk.drug)
            predicted = Predicted(network_term(terms, w), slopes[rows], factors[rows], own)
            return predicted.mean, terms.log_noise(predicted.mean, predicted.own)

        means, log_sds = zip(*map(found, chunks), strict=True)
        return torch.cat(means), torch.cat(log_sds)


class PassMixture(JointPosterior):
    """Each joint draw takes one pass for all pairs, and a prior draw of what is unseen.

    Args:
        fit: network and dropout.
        inputs: drugs and lines, on the fit's device.
        pairs: N of them, on the fit's device.
        unseen: the posterior of the same pairs without dropout: the prior variance of what was not trained on.
    """

    def __init__(self, fit: DropoutFit, inputs: Inputs, pairs: Pairs, unseen: LayerPosterior) -> None:
        self.fit, self.inputs, self.pairs, self.unseen = fit, inputs, pairs, unseen
        self.noise_dof = unseen.noise_dof

    @cached_property
    def moments(self) -> PairMoments:
        """Over the passes, and the prior variance of what was not trained on."""
        mixture = RunningMixture()
        for means, variances in self.fit.run_passes(self.inputs, self.pairs):
            mixture.add(means, variances, torch.zeros_like(means))
        passed = unstandardise(self.fit.features, mixture.moments())
        return passed._replace(epistemic=passed.epistemic + self.unseen.epistemic)

    def __getitem__(self, index: Index) -> PassMixture:
        """The same for some of the pairs; moments that are known stay so."""
        chosen = torch.as_tensor(np.arange(len(self.pairs))[index], device=self.pairs.line.device)
        some = PassMixture(self.fit, self.inputs, self.pairs.select(chosen), self.unseen[index])
        if "moments" in vars(self):
            some.moments = PairMoments(*(part[index] for part in self.moments))
        return some

    def covariance(self, other: PassMixture) -> Floats:
        """(N, M) with the M pairs of another: what the passes disagree about, and what is unseen."""
        mine, theirs = self._disagreement(), other._disagreement()
        return np.asarray(mine.T @ theirs / len(mine) + self.unseen.covariance(other.unseen))

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        deviations = self._disagreement()
        taken = rng.integers(len(deviations), size=draws)
        return np.asarray(deviations[taken] + self.unseen.draw(rng, draws))

    def _disagreement(self) -> Floats:
        """(S, N) what the passes' means differ from their average by."""
        means = torch.cat([means for means, _ in self.fit.run_passes(self.inputs, self.pairs)]).double().cpu().numpy()
        return np.asarray(self.fit.features.response_std * (means - means.mean(0)))


def _of_trained(drawn: Tensor, known: Tensor, effect: Tensor) -> Tensor:
    """Rows of the trained (effect >= 0) with parts dropped; of the others what is known of them."""
    return torch.where((effect >= 0)[:, None], drawn[effect.clamp(min=0)], known)


METHOD = McDropoutMethod
