"""The posterior of pairs under one network: moments, covariance and joint draws of the linear predictor.

In the notation of `predictor`, the deviation of a pair's mean from what is expected is

    w' . phi + v'[c] . (1, h) + u'[l] . (1, E g[c]) + (E u[l] + u'[l])[1:] . g'[c],

primes marking deviations, which the guide holds for independent of each other. So two pairs covary through w, through v
and g where they share a drug id, and through u where they share a line. The covariance is exact, the product u'g' too.
Components h that a line has no profile for deviate like u: h'[l] . E v[c] where two pairs share a line, and h' . v'.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.hierarchical.coefficients import Coefficients, symmetric_roots
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import Terms, add_loadings, predict
from bdrp.inference.method import isolate_random_state
from bdrp.model.network import Encoded
from bdrp.predictive import JointPosterior, PairMoments
from bdrp.predictive.distribution import Floats, Index

Labels = npt.NDArray[np.object_]
Moments = tuple[Tensor, Tensor, Tensor]  # standardised mean, aleatoric and epistemic variance


class PairModel(Protocol):
    """What a posterior of pairs takes from its layer."""

    @property
    def features(self) -> Features:
        """How tables became tensors, and the unit of the measure."""

    @property
    def model(self) -> LastLayer:
        """Network and priors."""

    @property
    def guide(self) -> Guide | PointEstimate:
        """The posterior of the weights, or one value of each."""

    def coefficients(self, inputs: Inputs) -> Coefficients:
        """What is known of single drugs and lines."""

    def standard_moments(self, encoded: Encoded, inputs: Inputs, pairs: Pairs) -> Moments:
        """Standardised mean, aleatoric and epistemic variance, (N,) each."""


class LayerPosterior(JointPosterior):
    """Pairs under a layer whose network has one value of each weight.

    Args:
        layer: network, priors and posterior.
        encoded: the drugs and lines of the inputs.
        inputs: the same before the network.
        pairs: N of them.
    """

    def __init__(self, layer: PairModel, encoded: Encoded, inputs: Inputs, pairs: Pairs) -> None:
        self.layer, self.encoded, self.inputs, self.pairs = layer, encoded, inputs, pairs
        self.noise_dof = layer.model.noise_distribution.noise_dof

    @cached_property
    def moments(self) -> PairMoments:
        """In closed form."""
        return unstandardise(self.layer.features, self.layer.standard_moments(self.encoded, self.inputs, self.pairs))

    def __getitem__(self, index: Index) -> LayerPosterior:
        """The same for some of the pairs; moments and roots that are known stay so."""
        chosen = torch.as_tensor(np.arange(len(self.pairs))[index], device=self.pairs.line.device)
        some = LayerPosterior(self.layer, self.encoded, self.inputs, self.pairs.select(chosen))
        if "moments" in vars(self):
            some.moments = PairMoments(*(part[index] for part in self.moments))
        if "roots" in vars(self):
            some.roots = Roots(*(part[index] for part in self.roots))
        return some

    def __len__(self) -> int:
        """N."""
        return len(self.pairs)

    def covariance(self, other: LayerPosterior) -> Floats:
        """(N, M) with the M pairs of another, which may be of other inputs of the same layer."""
        one, two = self.roots, other.roots
        compound, line = match_names(self.compounds, other.compounds), match_names(self.lines, other.lines)
        by_compound = compound * (one.by_compound @ two.by_compound.T)
        shared = min(one.by_line.shape[1], two.by_line.shape[1])  # one may lack components that the other knows
        by_line = line * (one.by_line[:, :shared] @ two.by_line[:, :shared].T)
        return np.asarray(one.shared @ two.shared.T + by_compound + by_line + compound * line * one.alone[:, None])

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N); two ids of one compound have each their own, the network's part apart."""
        seed = int(rng.integers(2**63))
        lines, line = torch.unique(self.pairs.line, return_inverse=True)
        drugs, drug = torch.unique(self.pairs.drug, return_inverse=True)
        coefficients, terms = self.layer.coefficients(self.inputs).select(lines, drugs), self._terms
        guide = self.layer.guide
        terms = terms._replace(by_compound=terms.by_compound[lines], by_line=terms.by_line[drugs])
        model, variance = self.layer.model, self.layer.model.regressor_variance(self.inputs)
        with isolate_random_state():
            torch.manual_seed(seed)
            drawn = coefficients.draw(guide.w_mean + guide.w_deviations(draws))
            drawn_terms = model.draw_regressors(terms, None if variance is None else variance[lines], draws)
        expected = predict(terms, coefficients.means(guide.w_mean), line, drug).mean
        deviation = predict(drawn_terms, drawn, line, drug).mean - expected
        return np.asarray(self.layer.features.response_std * deviation.double().cpu().numpy())

    @property
    def compounds(self) -> Labels:
        """(N,) names: training drugs by their label, others by their own id."""
        inputs = self.inputs
        known = np.asarray([*self.layer.features.drugs.labels, ""], dtype=object)[inputs.drug_effect.cpu().numpy()]
        names = np.where(known == "", np.asarray([f"new {drug}" for drug in inputs.drug_ids], dtype=object), known)
        return names[self.pairs.drug.cpu().numpy()]

    @property
    def assays(self) -> Labels:
        """(N,) drug ids: in another laboratory ids of one compound are apart, whatever they take from training."""
        return np.asarray(self.inputs.drug_ids, dtype=object)[self.pairs.drug.cpu().numpy()]

    @property
    def lines(self) -> Labels:
        """(N,) names."""
        return np.asarray(self.inputs.line_ids, dtype=object)[self.pairs.line.cpu().numpy()]

    @property
    def _terms(self) -> Terms:
        every = torch.arange(len(self.inputs.line_ids), device=self.pairs.line.device)
        return self.layer.model.terms(self.encoded, self.inputs, every, self.pairs.line, self.pairs.drug)

    @cached_property
    @torch.no_grad()
    def roots(self) -> Roots:
        """Roots of the covariance; they take N (P + K + 2R) numbers, so ask for that of many pairs by parts."""
        line, drug, terms = self.pairs.line, self.pairs.drug, self._terms
        known, scale = self.layer.coefficients(self.inputs), self.layer.features.response_std
        by_slopes = terms.by_compound[line] * known.v_variance.sqrt()[drug]
        by_loadings = _times_roots(known.u[line][:, 1:], known.loadings_covariance, drug)
        by_line = _times_roots(add_loadings(terms.by_line, known.loadings)[drug], known.u_covariance, line)
        alone = (known.u_covariance[line][:, 1:, 1:] * known.loadings_covariance[drug]).sum((1, 2))
        variance = self.layer.model.regressor_variance(self.inputs)
        if variance is not None:
            by_line = torch.cat([by_line, variance.sqrt()[line] * known.v[drug]], dim=1)
            alone = alone + (variance[line] * known.v_variance[drug]).sum(1)
        roots = (self.layer.guide.weight_roots(terms.features), torch.cat([by_slopes, by_loadings], dim=1), by_line)
        shared, by_compound, of_line = (scale * part.double().cpu().numpy() for part in roots)
        return Roots(shared, by_compound, of_line, scale**2 * alone.double().cpu().numpy())


def unstandardise(features: Features, moments: Moments) -> PairMoments:
    """Moments in the measure's unit, from standardised ones."""
    mean, aleatoric, epistemic = (part.double().cpu().numpy() for part in moments)
    return features.unstandardise(mean, aleatoric, epistemic)


class Roots(NamedTuple):
    """Roots of the covariance of N pairs, in the measure's unit: products of two pairs' rows are their covariance.

    Attributes:
        shared: (N, P) of w, for any two pairs.
        by_compound: (N, 1 + K + R) of v and the loadings, for pairs of one drug id.
        by_line: (N, 1 + R) of u, for pairs of one line; (N, 2 + R + K) where components of lines are not known.
        alone: (N,) variance of u'g' and h'v', which pairs of one line and one drug id share.
    """

    shared: Floats
    by_compound: Floats
    by_line: Floats
    alone: Floats


def match_names(left: Labels, right: Labels) -> npt.NDArray[np.bool_]:
    """(n, m) whether the names are equal."""
    codes = pd.factorize(np.concatenate([left, right]))[0]
    return np.equal.outer(codes[: len(left)], codes[len(left) :])


def _times_roots(rows: Tensor, covariance: Tensor, which: Tensor) -> Tensor:
    """(n, W) rows times the root of the covariance (M, W, W) that belongs to each."""
    return torch.einsum("nw,nwv->nv", rows, symmetric_roots(covariance)[which])
