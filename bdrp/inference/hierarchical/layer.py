"""One network with its priors, its posterior and its kriging: what every fit that trains a network is made of."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.cached_moments import CachedMoments, double_off_diagonals, outer_products, upper_halves
from bdrp.inference.hierarchical.coefficients import Coefficients
from bdrp.inference.hierarchical.encoded_drugs import LastDrugStates
from bdrp.inference.hierarchical.grid import PAIRS_A_PASS, GridChunk, GridEntries, keep_named_lines, sort_by_line
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.kriging import Kriging
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior, Moments
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import Predicted, add_loadings, network_term, rowwise_dot
from bdrp.inference.hierarchical.similarity import CompoundDescriptors
from bdrp.model.attention import DrugStates
from bdrp.model.network import Encoded

Weighting = TypeVar("Weighting", bound=Guide | PointEstimate, covariant=True)
"""A posterior of the weights, or one value of each."""

NOTHING = 1e-4  # chosen: an SD too small to matter, whose square single precision still tells from 0


class Layer(Generic[Weighting]):
    """Network, priors and posterior; the moments of pairs are in closed form.

    Args:
        features: of the training part.
        model: the network and the priors.
        guide: the posterior, or one value of each weight.
    """

    def __init__(self, features: Features, model: LastLayer, guide: Weighting) -> None:
        self.features = features
        self.model, self.guide = model, guide
        slopes, loadings = len(model.log_compound_scale) - 1, len(model.log_line_scale) - 1
        laboratories = len(features.drugs.laboratory_names)
        self.kriging = Kriging(len(features.compounds), (1, slopes, loadings), laboratories)
        self.modules = nn.ModuleDict(
            {"model": model, "guide": guide, "kinship": self.kriging}
        )  # names of saved tensors
        self._drug_states = LastDrugStates()
        self.leverage: Tensor | None = None  # (C, L) of the ridge that training started from

    def effect_parameters(self) -> list[nn.Parameter]:
        """Parameters of what single compounds and lines add: v, u, loadings, their scales, factors of structure."""
        named = self.guide.named_parameters()
        own = [parameter for name, parameter in named if name.partition("_")[0] in ("v", "u", "g")]
        return [*own, *self.model.prior_scales(), *self.model.network.drugs.factors.parameters()]

    @torch.no_grad()
    def fix_effects_at_zero(self) -> None:
        """Fix v, u and the loadings at zero, prior and posterior alike."""
        for name, parameter in self.guide.named_parameters():
            if name in ("v_mean", "u_mean", "g_mean"):
                parameter.zero_()
            if name == "v_log_scale":
                parameter.fill_(math.log(NOTHING))
        self.model.log_compound_scale.fill_(math.log(NOTHING))
        self.model.log_slope_scale.zero_()
        self.model.log_line_scale.fill_(math.log(NOTHING))

    def learn_kriging(self, inputs: Inputs) -> None:
        """Fit the kriging of unseen compounds to the coefficients of the trained ones."""
        known = torch.nonzero(inputs.drug_effect >= 0)[:, 0]
        row = torch.zeros(len(self.features.compounds), dtype=torch.int64, device=known.device)
        row[inputs.drug_effect[known]] = known  # any one of its ids, where a model knows compounds alone
        loadings_variance = (self.guide.g_scale_tril() ** 2).sum(2)
        mean = torch.cat([self.guide.v_mean, self.guide.g_mean], dim=1)
        variance = torch.cat([self.guide.v_variance(), loadings_variance], dim=1)
        slopes = self.model.log_compound_scale.exp()
        scale = torch.cat([slopes, torch.ones_like(self.guide.g_mean[0])])
        self.kriging.learn(CompoundDescriptors.from_inputs(inputs, row), mean, variance, scale)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.guide.w_mean.device

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> LayerPosterior:
        """The posterior of N pairs, encoding each drug and each line that they name once."""
        inputs, pairs = keep_named_lines(inputs.to(self.device), pairs.to(self.device))
        encoded = self.encode(inputs, self._drug_states.find(self.model.network.drugs, inputs))
        self._drug_states.keep(inputs, encoded.drugs)
        return LayerPosterior(self, encoded, inputs, pairs)

    @torch.no_grad()
    def encode(self, inputs: Inputs, drugs: DrugStates | None = None) -> Encoded:
        """Encode all lines, and all drugs where their states are not given."""
        self.modules.eval()
        return self.model.network.encode(inputs, drugs=drugs)

    @torch.no_grad()
    def score(self, rows: Pairs, batch: Batch) -> float:
        """Mean negative log predictive density of some rows of a batch, standardised; encodes only their lines."""
        inputs, few = keep_named_lines(batch.inputs, rows)
        return self.negative_log_density(rows, batch.features, self.standard_moments(self.encode(inputs), inputs, few))

    @torch.no_grad()
    def negative_log_density(self, rows: Pairs, features: Features, moments: Moments) -> float:
        """Mean negative log density of rows under standardised moments."""
        return -float(
            self.model.noise_distribution.predictive_log_prob(standardise_responses(rows, features), *moments).mean()
        )

    @torch.no_grad()
    def standard_moments(self, encoded: Encoded, inputs: Inputs, pairs: Pairs) -> Moments:
        """Standardised mean, aleatoric and epistemic variance of encoded pairs, (N,) each."""
        sorted_pairs = sort_by_line(pairs)
        cached = self.cache_moments(inputs, sorted_pairs)
        mean, aleatoric, rest = self.conditional_moments(encoded, inputs, cached)
        of_lines = cached.line_variance(outer_products(self.by_line(encoded, cached)))
        mean, aleatoric, epistemic = sorted_pairs.restore_order((mean, aleatoric, (rest + of_lines).clamp(min=0)))
        return mean, aleatoric, epistemic

    def cache_moments(self, inputs: Inputs, pairs: GridEntries) -> CachedMoments:
        """The moments of N grid entries as far as they do not depend on the network."""
        known, by_compound = self.coefficients(inputs), self.model.regressors(inputs.components)
        square = outer_products(known.u) + upper_halves(known.u_covariance)
        left = torch.cat([by_compound**2, square[:, known.u.shape[1] :]], dim=1)
        right = torch.cat([known.v_variance, double_off_diagonals(upper_halves(known.loadings_covariance))], dim=1)
        variance = self.model.regressor_variance(inputs)
        if variance is not None:  # Var(h v) = (E h)^2 Var v + Var h E v^2
            left = torch.cat([left, variance], dim=1)
            right = torch.cat([right, known.v_variance + known.v**2], dim=1)
        return CachedMoments(
            pairs,
            pairs.chunks(PAIRS_A_PASS),
            rowwise_dot(by_compound, known.v, pairs.line, pairs.drug),
            known.v[:, 0].index_select(0, pairs.drug),
            rowwise_dot(left, right, pairs.line, pairs.drug),
            known.loadings,
            known.u,
            double_off_diagonals(upper_halves(known.u_covariance)),
        )

    def by_line(self, encoded: Encoded, cached: CachedMoments) -> Tensor:
        """(D, 1 + R) what u multiplies."""
        return add_loadings(self.model.by_line(encoded), cached.loadings)

    def conditional_moments(self, encoded: Encoded, inputs: Inputs, cached: CachedMoments) -> Moments:
        """Moments of N grid entries given the network, (N,) each, without the variance of u's term.

        Nothing but torch, so that networks can be stacked. The variance of u's term is linear in outer products of what
        u multiplies, and so is found at once for many networks: see `CachedMoments.line_variance`.
        """
        entries = cached.entries
        factors = rowwise_dot(cached.u_mean, self.by_line(encoded, cached), entries.line, entries.drug)
        found = [self._chunk_moments(encoded, inputs, cached, factors, chunk) for chunk in cached.chunks]
        mean, aleatoric, epistemic = (torch.cat(moments) for moments in zip(*found, strict=True))
        return mean, aleatoric, epistemic

    def _chunk_moments(
        self, encoded: Encoded, inputs: Inputs, cached: CachedMoments, factors: Tensor, chunk: GridChunk
    ) -> Moments:
        near, rows = Encoded(encoded.drugs, encoded.lines.select(chunk.lines)), chunk.rows
        terms = self.model.terms(near, inputs, chunk.lines, chunk.line, chunk.drug)
        own = terms.own + cached.own[rows]
        predicted = Predicted(network_term(terms, self.guide.w_mean), cached.slopes[rows], factors[rows], own)
        epistemic = self.guide.weight_variance(terms.features) + cached.variance[rows]
        return predicted.mean, (2 * terms.log_noise(predicted.mean, predicted.own)).exp(), epistemic

    def coefficients(self, inputs: Inputs) -> Coefficients:
        """Coefficients of D drugs and L lines: the posterior of trained ones, kriging and the prior of unseen ones."""
        guide, known = self.guide, (inputs.drug_effect >= 0)[:, None]
        kriged, variance = self._kriged(inputs)
        width, at = guide.v_mean.shape[1], inputs.drug_effect.clamp(min=0)
        drug = torch.arange(len(at), device=at.device)
        root = guide.g_scale_tril(at)
        return Coefficients(
            torch.where(inputs.drug_effect >= 0, inputs.drug_effect, len(self.features.compounds) + drug),
            torch.where(known, guide.v_mean[at], kriged[:, :width]),
            torch.where(known, guide.v_variance()[at], variance[:, :width]),
            torch.where(known, guide.g_mean[at], kriged[:, width:]),
            torch.where(known[:, :, None], root @ root.transpose(1, 2), torch.diag_embed(variance[:, width:])),
            *self._lines(inputs),
        )

    def _kriged(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and variance of the coefficients of unseen drugs, (D, T); 0 for the trained ones."""
        unseen = torch.nonzero(inputs.drug_effect < 0)[:, 0]
        width = self.guide.v_mean.shape[1] + self.guide.g_mean.shape[1]
        mean, variance = (self.guide.v_mean.new_zeros(len(inputs.drug_ids), width) for _ in range(2))
        if not len(unseen):
            return mean, variance
        moments = self.kriging(CompoundDescriptors.from_inputs(inputs, unseen))
        return mean.index_copy(0, unseen, moments[0]), variance.index_copy(0, unseen, moments[1])

    def _lines(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean (L, 1 + R) and covariance (L, 1 + R, 1 + R) of u; those of the prior for unseen lines."""
        known, at = (inputs.line_effect >= 0)[:, None], inputs.line_effect.clamp(min=0)
        root = self.guide.u_scale_tril(at)
        prior = (2 * self.model.log_line_scale).exp().diag()
        mean = torch.where(known, self.guide.u_mean[at], 0.0)
        return mean, torch.where(known[:, :, None], root @ root.transpose(1, 2), prior)
