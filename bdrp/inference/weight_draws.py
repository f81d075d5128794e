"""Draws from the posterior of the last layer: weights, and what each draw of them says about pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchy import Terms
from bdrp.inference.method import isolated
from bdrp.predictive import Parameter, PosteriorDraws

if TYPE_CHECKING:
    from bdrp.inference.closed_form import LastLayerFit

NUMBERS_A_PASS = 4_000_000  # chosen: draws x pairs x regressors of one pass; they take 16 MB


class _Weights(NamedTuple):
    """S draws of w, (S, P), and of v and u of the compounds and lines at hand, (S, C, 1 + K) and (S, L, 1 + R)."""

    w: Tensor
    v: Tensor
    u: Tensor


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
    rows = _rows(fit, inputs, pairs)
    size = max(1, NUMBERS_A_PASS // max(1, rows.terms.by_compound.shape[1] * len(pairs)))
    parts: list[tuple[Tensor, ...]] = []
    with isolated():
        torch.manual_seed(seed)
        for start in range(0, draws, size):
            weights = _weights(fit, inputs, rows, min(size, draws - start))
            mean, sd = _means(weights, rows)
            parts.append((mean, sd, torch.randn_like(mean), weights.w, weights.v[..., 0], weights.u[..., 0]))
    mean, sd, noise, w, v, u = (torch.cat(part).double().cpu() for part in zip(*parts, strict=True))
    centre, spread = fit.features.centre, fit.features.spread
    error = ((pairs.response.cpu() - centre) / spread - mean) / sd
    density = -0.5 * error**2 - sd.log() - 0.5 * math.log(2 * math.pi) - math.log(spread)
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
        response=np.asarray(centre + spread * (mean + sd * noise)),
        log_likelihood=np.asarray(density),
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


def _weights(fit: LastLayerFit, inputs: Inputs, rows: _Rows, draws: int) -> _Weights:
    v_mean, v_variance = (part[rows.compounds] for part in fit.compounds(inputs))
    u_mean, u_variance = (part[rows.lines] for part in fit.lines(inputs))
    return _Weights(
        fit.guide.w().sample((draws,)),
        v_mean + v_variance.sqrt() * torch.randn(draws, *v_mean.shape, device=v_mean.device),
        u_mean + u_variance.sqrt() * torch.randn(draws, *u_mean.shape, device=u_mean.device),
    )


def _means(weights: _Weights, rows: _Rows) -> tuple[Tensor, Tensor]:
    """Standardised mean and noise SD of N pairs under each draw, (S, N) each."""
    terms = rows.terms
    by_compound = (weights.v[:, rows.compound] * terms.by_compound[rows.lines[rows.line]]).sum(-1)
    by_line = (weights.u[:, rows.line] * terms.by_line[rows.drug]).sum(-1)
    mean = terms.offset + weights.w @ terms.features.T + by_compound + by_line
    drawn = terms._replace(own=terms.own + weights.v[:, rows.compound, 0])
    return mean, drawn.log_noise(mean).exp()


def _estimates(fit: LastLayerFit) -> dict[str, Parameter]:
    """What empirical Bayes settled: the overall mean and the prior scales, in SDs of the response."""
    model = fit.model
    return {
        "mu": Parameter(model.mu.double().cpu().numpy()),
        "compound_scale": Parameter(model.log_compound_scale.exp().double().cpu().numpy(), ("compound_term",)),
        "line_scale": Parameter(model.log_line_scale.exp().double().cpu().numpy(), ("line_term",)),
    }
