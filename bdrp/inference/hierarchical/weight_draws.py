"""Draws from the posterior of the last layer: weights, and what each draw of them says about pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.likelihood import observed
from bdrp.inference.hierarchical.model import Terms
from bdrp.inference.method import isolated
from bdrp.predictive import Parameter, PosteriorDraws

if TYPE_CHECKING:
    from bdrp.inference.hierarchical.fitted import LastLayerFit

NUMBERS_A_PASS = 4_000_000  # chosen: draws x pairs x regressors of one pass; they take 16 MB


class _Weights(NamedTuple):
    """S draws of w (S, P); v (S, C, 1 + K) and loadings (S, C, R) of C compounds; u (S, L, 1 + R) of L lines."""

    w: Tensor
    v: Tensor
    loadings: Tensor
    u: Tensor


class _Beliefs(NamedTuple):
    """What C compounds and L lines are drawn from: means, SDs of v (C, 1 + K), roots of the covariances of the others.

    Attributes:
        v, v_scale: (C, 1 + K). loadings: (C, R). loadings_root: (C, R, R). u: (L, 1 + R). u_root: (L, 1 + R, 1 + R).
    """

    v: Tensor
    v_scale: Tensor
    loadings: Tensor
    loadings_root: Tensor
    u: Tensor
    u_root: Tensor


class _Rows(NamedTuple):
    """N pairs as positions among the C compounds and L lines that they name, with the terms of both."""

    terms: Terms
    compound: Tensor
    compounds: Tensor
    line: Tensor
    lines: Tensor
    drug: Tensor


@torch.no_grad()
def draw(fit: LastLayerFit, inputs: Inputs, pairs: Pairs, draws: int, seed: int) -> PosteriorDraws:
    """S draws of the guide; an unseen compound's v and an unseen line's u are drawn from their prior.

    The noise of a pair is taken at the mean that the draw gives it, as in the Pyro model. Of v and u the intercepts
    are kept: the slopes are as many as compounds times components.
    """
    device = fit.guide.w_mean.device
    inputs, pairs = inputs.to(device), pairs.to(device)
    rows, law, seen = _rows(fit, inputs, pairs), fit.model.law, observed(pairs, fit.features)
    # A density is one of the measure's unit; the probability of lying beyond a limit has none.
    measured = 1.0 - (law.likelihood.censored * (seen.above | seen.below)).double().cpu()
    size = max(1, NUMBERS_A_PASS // max(1, rows.terms.by_compound.shape[1] * len(pairs)))
    beliefs = _beliefs(fit, inputs, rows)
    parts: list[tuple[Tensor, ...]] = []
    with isolated():
        torch.manual_seed(seed)
        for start in range(0, draws, size):
            weights = _weights(fit, beliefs, min(size, draws - start))
            mean, log_sd = _means(weights, rows)
            density, response = law.log_prob(seen, mean, log_sd), law.sample(mean, log_sd)
            parts.append((mean, response, density, weights.w, weights.v[..., 0], weights.u[..., 0]))
    mean, response, density, w, v, u = (torch.cat(part).double().cpu() for part in zip(*parts, strict=True))
    centre, spread = fit.features.centre, fit.features.spread
    drug_ids, line_ids = (
        tuple(ids[at] for at in kept.tolist())
        for ids, kept in ((inputs.drug_ids, rows.compounds), (inputs.line_ids, rows.lines))
    )
    parameters = {
        "w": Parameter(w.numpy(), ("feature",)),
        "compound_intercept": Parameter(v.numpy(), ("compound",), {"compound": drug_ids}),
        "line_intercept": Parameter(u.numpy(), ("cell_line",), {"cell_line": line_ids}),
    }
    return PosteriorDraws(
        mean=np.asarray(centre + spread * mean),
        response=np.asarray(centre + spread * response),
        log_likelihood=np.asarray(density - measured * math.log(spread)),
        parameters=parameters,
        estimates=_estimates(fit),
    )


def _rows(fit: LastLayerFit, inputs: Inputs, pairs: Pairs) -> _Rows:
    """Two ids of one trained compound share its draw."""
    effect = inputs.drug_effect[pairs.drug]
    kinds, compound = torch.unique(
        torch.where(effect >= 0, effect, len(fit.features.compounds) + pairs.drug), return_inverse=True
    )
    compounds = torch.zeros_like(kinds).scatter(0, compound, pairs.drug)
    lines, line = torch.unique(pairs.line, return_inverse=True)
    every = torch.arange(len(inputs.line_ids), device=pairs.line.device)
    terms = fit.model.terms(fit.encode(inputs), inputs, every, pairs.line, pairs.drug)
    return _Rows(terms, compound, compounds, line, lines, pairs.drug)


def _beliefs(fit: LastLayerFit, inputs: Inputs, rows: _Rows) -> _Beliefs:
    compounds, (u_mean, u_covariance) = fit.compounds(inputs), fit.lines(inputs)
    return _Beliefs(
        compounds.mean[rows.compounds],
        compounds.variance[rows.compounds].sqrt(),
        compounds.loadings[rows.compounds],
        root(compounds.loadings_covariance[rows.compounds]),
        u_mean[rows.lines],
        root(u_covariance[rows.lines]),
    )


def _weights(fit: LastLayerFit, beliefs: _Beliefs, draws: int) -> _Weights:
    v = beliefs.v
    return _Weights(
        fit.guide.w_mean + fit.guide.w_deviations(draws),
        torch.addcmul(v, beliefs.v_scale, torch.randn(draws, *v.shape, device=v.device)),
        beliefs.loadings + correlated(draws, beliefs.loadings_root),
        beliefs.u + correlated(draws, beliefs.u_root),
    )


def _means(weights: _Weights, rows: _Rows) -> tuple[Tensor, Tensor]:
    """Standardised mean and log SD of the noise of N pairs under each draw, (S, N) each."""
    terms = rows.terms
    by_compound = (weights.v[:, rows.compound] * terms.by_compound[rows.lines[rows.line]]).sum(-1)
    by_line = terms.by_line[rows.drug] + nn.functional.pad(weights.loadings[:, rows.compound], (1, 0))
    shared = (weights.u[:, rows.line] * by_line).sum(-1)
    mean = terms.offset + weights.w @ terms.features.T + by_compound + shared
    drawn = terms._replace(own=terms.own + weights.v[:, rows.compound, 0])
    return mean, drawn.log_noise(mean)


def root(covariance: Tensor) -> Tensor:
    """Roots (M, W, W) of covariances (M, W, W): each times its transpose is the covariance."""
    values, vectors = torch.linalg.eigh(covariance.double())  # a point has no variance, and so no Cholesky factor
    return (vectors * values.clamp(min=0).sqrt()[:, None, :]).to(covariance.dtype)


def correlated(draws: int, roots: Tensor) -> Tensor:
    """S draws of M centred normals with these roots of their covariances (M, W, W), (S, M, W)."""
    noise = torch.randn(draws, *roots.shape[:2], device=roots.device)
    return (noise.transpose(0, 1) @ roots.transpose(1, 2)).transpose(0, 1)


def _estimates(fit: LastLayerFit) -> dict[str, Parameter]:
    """What empirical Bayes settled: the overall mean and the prior scales, in SDs of the response."""
    model = fit.model
    return {
        "mu": Parameter(model.mu.double().cpu().numpy()),
        "compound_scale": Parameter(model.log_compound_scale.exp().double().cpu().numpy(), ("compound_term",)),
        "line_scale": Parameter(model.log_line_scale.exp().double().cpu().numpy(), ("line_term",)),
    }
