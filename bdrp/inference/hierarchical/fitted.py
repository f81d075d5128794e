"""The fitted last layer: exact predictive moments of pairs, and joint draws that share the weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.beliefs import Beliefs, doubled, squared, upper
from bdrp.inference.hierarchical.covariance import Deviations, deviations
from bdrp.inference.hierarchical.grid import PAIRS_A_PASS, Cells, Part, cells, narrowed, rowwise
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.kriging import Kinship
from bdrp.inference.hierarchical.likelihood import observed
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.hierarchical.similarity import Traits
from bdrp.inference.hierarchical.weight_draws import correlated, draw, root
from bdrp.inference.method import Fitted, isolated
from bdrp.model.network import Encoded
from bdrp.predictive import Normal, PosteriorDraws, StudentT
from bdrp.predictive.distribution import Index

if TYPE_CHECKING:
    from bdrp.inference.hierarchical.point import Point

NOTHING = 1e-4  # chosen: an SD too small to matter, whose square single precision still tells from 0

Moments = tuple[Tensor, Tensor, Tensor]  # mean, aleatoric and epistemic variance


class LastLayerFit(Fitted):
    """Network, priors and posterior; predicts in closed form."""

    can_draw: ClassVar[bool] = True
    can_update: ClassVar[bool] = True

    def __init__(self, features: Features, model: LastLayer, guide: Guide | Point) -> None:
        self.features = features
        self.model, self.guide = model, guide
        slopes, loadings = len(model.log_compound_scale) - 1, len(model.log_line_scale) - 1
        self.kinship = Kinship(len(features.compounds), (1, slopes, loadings))
        self.modules = nn.ModuleDict({"model": model, "guide": guide, "kinship": self.kinship})
        self.history: dict[str, Any] = {}
        self.leverage: Tensor | None = None  # (C, L) of the ridge that training started from

    def to(self, device: torch.device) -> None:
        """Move every tensor to a device."""
        self.modules.to(device)

    def state(self) -> dict[str, Tensor]:
        """Weights, priors and posterior."""
        return {name: value.detach().cpu().contiguous() for name, value in self.modules.state_dict().items()}

    def slopes(self) -> list[nn.Parameter]:
        """What the ridge found: v and its scales."""
        v = [parameter for name, parameter in self.guide.named_parameters() if name.startswith("v_")]
        return [*v, self.model.log_compound_scale, self.model.log_slope_scale]

    def effects(self) -> list[nn.Parameter]:
        """What belongs to single compounds and lines: v, u and the loadings, with their scales."""
        named = self.guide.named_parameters()
        own = [parameter for name, parameter in named if name.partition("_")[0] in ("v", "u", "g")]
        return [*own, *self.model.scales()]

    @torch.no_grad()
    def without_effects(self) -> None:
        """Hold v, u and the loadings at nothing, prior and posterior alike."""
        for name, parameter in self.guide.named_parameters():
            if name in ("v_mean", "u_mean", "g_mean"):
                parameter.zero_()
            if name == "v_log_scale":
                parameter.fill_(math.log(NOTHING))
        self.model.log_compound_scale.fill_(math.log(NOTHING))
        self.model.log_slope_scale.zero_()
        self.model.log_line_scale.fill_(math.log(NOTHING))

    def learn_kinship(self, inputs: Inputs) -> None:
        """Let unseen compounds borrow from what was found for trained ones."""
        known = torch.nonzero(inputs.drug_effect >= 0)[:, 0]
        row = torch.zeros(len(self.features.compounds), dtype=torch.int64, device=known.device)
        row[inputs.drug_effect[known]] = known  # any one of a compound's ids: they share the structure
        loadings_variance = (self.guide.g_scale_tril() ** 2).sum(2)
        mean = torch.cat([self.guide.v_mean, self.guide.g_mean], dim=1)
        variance = torch.cat([self.guide.v_variance(), loadings_variance], dim=1)
        self.kinship.learn(Traits.of(inputs, row), mean, variance)

    def predict(self, inputs: Inputs, pairs: Pairs) -> Normal | StudentT:
        """Exact predictive moments of N pairs, encoding each drug and line once; see `Fitted.predict`."""
        moments, joint = self.believed(inputs, pairs)
        return self.distribution(inputs, pairs, moments, joint, self.model.law.tails)

    def believed(self, inputs: Inputs, pairs: Pairs) -> tuple[tuple[np.ndarray, ...], Joint]:
        """Standardised mean, aleatoric and epistemic variance of N pairs, (N,) each, and their joint deviations."""
        device = self.guide.w_mean.device
        inputs, pairs = narrowed(inputs.to(device), pairs.to(device))
        encoded = self.encode(inputs)
        arrays = tuple(part.double().cpu().numpy() for part in self.moments(encoded, inputs, pairs))
        return arrays, Joint(self, encoded, inputs, pairs.line, pairs.drug)

    def posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """Draws of the guide; see `Fitted.posterior`."""
        return draw(self, inputs, pairs, draws, seed)

    def deviations(self, inputs: Inputs, pairs: Pairs) -> Deviations:
        """What the epistemic deviations of pairs share; see `covariance`."""
        return deviations(self, inputs, pairs)

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Encoded:
        """Encode all drugs and lines."""
        self.modules.eval()
        return self.model.network.encode(inputs.molecules, inputs.genes, inputs.drug_effect)

    @torch.no_grad()
    def score(self, rows: Pairs, batch: Batch) -> float:
        """Mean negative log predictive density of some rows of a batch, standardised; encodes only their lines."""
        moments = self.scored_moments(*narrowed(batch.inputs, rows))
        return -float(self.model.law.predictive_log_prob(observed(rows, batch.features), *moments).mean())

    def scored_moments(self, inputs: Inputs, pairs: Pairs) -> Moments:
        """Standardised moments by which `score` judges."""
        return self.moments(self.encode(inputs), inputs, pairs)

    @torch.no_grad()
    def moments(self, encoded: Encoded, inputs: Inputs, pairs: Pairs) -> Moments:
        """Standardised mean, aleatoric and epistemic variance of encoded pairs, (N,) each."""
        sorted_pairs = cells(pairs)
        believed = self.beliefs(inputs, sorted_pairs)
        mean, aleatoric, rest = self.given(encoded, inputs, believed)
        of_lines = believed.through_lines(squared(self.by_line(encoded, believed)))
        mean, aleatoric, epistemic = sorted_pairs.in_order((mean, aleatoric, (rest + of_lines).clamp(min=0)))
        return mean, aleatoric, epistemic

    def beliefs(self, inputs: Inputs, pairs: Cells) -> Beliefs:
        """What the moments of N cells take from elsewhere than the network."""
        compounds, (u_mean, u_covariance) = self.compounds(inputs), self.lines(inputs)
        by_compound, square = self.model.regressors(inputs.components), squared(u_mean) + upper(u_covariance)
        left = torch.cat([by_compound**2, square[:, u_mean.shape[1] :]], dim=1)
        right = torch.cat([compounds.variance, doubled(upper(compounds.loadings_covariance))], dim=1)
        return Beliefs(
            pairs,
            pairs.parts(PAIRS_A_PASS),
            rowwise(by_compound, compounds.mean, pairs.line, pairs.drug),
            compounds.mean[:, 0].index_select(0, pairs.drug),
            rowwise(left, right, pairs.line, pairs.drug),
            nn.functional.pad(compounds.loadings, (1, 0)),
            u_mean,
            doubled(upper(u_covariance)),
        )

    def by_line(self, encoded: Encoded, believed: Beliefs) -> Tensor:
        """(D, 1 + R) what u multiplies."""
        return self.model.by_line(encoded) + believed.loadings

    def given(self, encoded: Encoded, inputs: Inputs, believed: Beliefs) -> Moments:
        """Moments of N cells given the network, (N,) each; all but the variance that u brings.

        Nothing but torch, so that networks can be stacked. The variance that u brings is linear in what u multiplies,
        squared, and so is found at once for many networks: see `Beliefs.through_lines`.
        """
        by_line = self.by_line(encoded, believed)
        mean = believed.mean + rowwise(believed.u_mean, by_line, believed.cells.line, believed.cells.drug)
        found = [self._of_part(encoded, inputs, believed._replace(mean=mean), part) for part in believed.parts]
        mean, aleatoric, epistemic = (torch.cat(moments) for moments in zip(*found, strict=True))
        return mean, aleatoric, epistemic

    def _of_part(self, encoded: Encoded, inputs: Inputs, believed: Beliefs, part: Part) -> Moments:
        near = Encoded(encoded.drugs, encoded.lines.at(part.lines))
        terms = self.model.terms(near, inputs, part.lines, part.line, part.drug)
        mean = terms.offset + terms.features @ self.guide.w_mean + believed.mean[part.rows]
        epistemic = self.guide.weight_variance(terms.features) + believed.variance[part.rows]
        terms = terms._replace(own=terms.own + believed.own[part.rows])
        return mean, (2 * terms.log_noise(mean)).exp(), epistemic

    def compounds(self, inputs: Inputs) -> Compounds:
        """What is believed of D drugs: the posterior of trained compounds, prior and kinship of others."""
        guide, known = self.guide, (inputs.drug_effect >= 0)[:, None]
        kriged, spread = self._kriged(inputs)
        width, at = guide.v_mean.shape[1], inputs.drug_effect.clamp(min=0)
        mean = torch.where(known, guide.v_mean[at], kriged[:, :width])
        variance = torch.where(known, guide.v_variance()[at], spread[:, :width])
        loadings = torch.where(known, guide.g_mean[at], kriged[:, width:])
        root = guide.g_scale_tril()[at]
        covariance = torch.where(known[:, :, None], root @ root.transpose(1, 2), torch.diag_embed(spread[:, width:]))
        return Compounds(mean, variance, loadings, covariance)

    def _kriged(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and variance that D drugs borrow, (D, T); what was trained on borrows nothing, and 0 stands there."""
        unseen = torch.nonzero(inputs.drug_effect < 0)[:, 0]
        borrowed = self.kinship(Traits.of(inputs, unseen))
        mean, variance = (part.new_zeros(len(inputs.drug_ids), part.shape[1]) for part in borrowed)
        return mean.index_copy(0, unseen, borrowed[0]), variance.index_copy(0, unseen, borrowed[1])

    def lines(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean (L, 1 + R) and covariance (L, 1 + R, 1 + R) of u; the prior where the line was not trained on."""
        known, at = (inputs.line_effect >= 0)[:, None], inputs.line_effect.clamp(min=0)
        root = self.guide.u_scale_tril(at)
        prior = (2 * self.model.log_line_scale).exp().diag()
        mean = torch.where(known, self.guide.u_mean[at], 0.0)
        return mean, torch.where(known[:, :, None], root @ root.transpose(1, 2), prior)


class Compounds(NamedTuple):
    """What is believed of D drugs.

    Attributes:
        mean, variance: (D, 1 + K) of v.
        loadings: (D, R) their mean. loadings_covariance: (D, R, R).
    """

    mean: Tensor
    variance: Tensor
    loadings: Tensor
    loadings_covariance: Tensor


class Joint:
    """Epistemic deviations of pairs that share w, v and u."""

    def __init__(self, fit: LastLayerFit, encoded: Encoded, inputs: Inputs, line: Tensor, drug: Tensor) -> None:
        self.fit, self.encoded, self.inputs, self.line, self.drug = fit, encoded, inputs, line, drug

    def __getitem__(self, index: Index) -> Joint:
        chosen = torch.as_tensor(np.arange(len(self.line))[index])
        return Joint(self.fit, self.encoded, self.inputs, self.line[chosen], self.drug[chosen])

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """(S, N) deviations in the measure's unit."""
        fit, device = self.fit, self.line.device
        seed = int(rng.integers(2**63))
        lines, line = torch.unique(self.line, return_inverse=True)
        drugs, drug = self._one_id_a_compound()
        every = torch.arange(len(self.inputs.line_ids), device=device)
        terms = fit.model.terms(self.encoded, self.inputs, every, self.line, self.drug)
        compounds, (u_mean, u_covariance) = fit.compounds(self.inputs), fit.lines(self.inputs)
        by_line = (terms.by_line + nn.functional.pad(compounds.loadings, (1, 0)))[drugs]
        with isolated():
            torch.manual_seed(seed)
            w = fit.guide.w_deviations(draws)
            v = _noise(draws, compounds.variance[drugs])
            u = correlated(draws, root(u_covariance[lines]))
            g = correlated(draws, root(compounds.loadings_covariance[drugs]))
        by_compound = v @ terms.by_compound[lines].T  # (S, D, L)
        shared = u @ by_line.T + (u[..., 1:] + u_mean[lines][:, 1:]) @ g.transpose(1, 2)  # (S, L, D)
        deviation = w @ terms.features.T + by_compound[:, drug, line] + shared[:, line, drug]
        return fit.features.spread * deviation.double().cpu().numpy()

    def _one_id_a_compound(self) -> tuple[Tensor, Tensor]:
        """Drugs to draw v for, and which of them each pair takes: two ids of one trained compound share a draw."""
        effect = self.inputs.drug_effect[self.drug]
        compound = torch.where(effect >= 0, effect, len(self.fit.features.compounds) + self.drug)
        kinds, which = torch.unique(compound, return_inverse=True)
        return torch.zeros_like(kinds).scatter(0, which, self.drug), which


def _noise(draws: int, variance: Tensor) -> Tensor:
    return torch.randn(draws, *variance.shape, device=variance.device) * variance.sqrt()
