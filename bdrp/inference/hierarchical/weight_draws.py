"""Draws from the posterior of a layer: weights, and mean, response and log likelihood of pairs given each."""

from __future__ import annotations

import math

import numpy as np
import torch

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.predictor import predict
from bdrp.inference.method import isolate_random_state
from bdrp.predictive import Parameter, PosteriorDraws

NUMBERS_A_PASS = 4_000_000  # chosen: draws x pairs x regressors of one pass; they take 16 MB


@torch.no_grad()
def draw_weights(layer: Layer[Guide], inputs: Inputs, pairs: Pairs, draws: int, seed: int) -> PosteriorDraws:
    """S draws of the guide; an unseen compound's v and an unseen line's u are drawn from their prior.

    The noise of a pair is taken at the mean that the draw gives it, as in the Pyro model. Of v and u the intercepts
    are returned: the slopes are as many as compounds times components. A response is drawn as its row was measured,
    with the variance of the measurement where that is known.
    """
    inputs, pairs = inputs.to(layer.device), pairs.to(layer.device)
    noise, seen, features = layer.model.noise_distribution, standardise_responses(pairs, layer.features), layer.features
    lines, line = torch.unique(pairs.line, return_inverse=True)
    drugs, drug = torch.unique(pairs.drug, return_inverse=True)
    every = torch.arange(len(inputs.line_ids), device=layer.device)
    terms = layer.model.terms(layer.encode(inputs), inputs, every, pairs.line, pairs.drug)
    terms = terms._replace(by_compound=terms.by_compound[lines], by_line=terms.by_line[drugs])
    coefficients, variance = layer.coefficients(inputs).select(lines, drugs), layer.model.regressor_variance(inputs)
    variance = None if variance is None else variance[lines]
    # A density is one of the measure's unit; the probability of lying beyond a limit has none.
    measured = 1.0 - (noise.likelihood.censored * (seen.above | seen.below)).double().cpu()
    size = max(1, NUMBERS_A_PASS // max(1, terms.by_compound.shape[1] * len(pairs)))
    parts: list[tuple[torch.Tensor, ...]] = []
    with isolate_random_state():
        torch.manual_seed(seed)
        for start in range(0, draws, size):
            w = layer.guide.w_mean + layer.guide.w_deviations(min(size, draws - start))
            weights = coefficients.draw(w)
            predicted = predict(layer.model.draw_regressors(terms, variance, len(w)), weights, line, drug)
            mean, log_sd = predicted.mean, terms.log_noise(predicted.mean, predicted.own)
            density, response = noise.log_prob(seen, mean, log_sd), noise.sample(mean, seen.total_log_sd(log_sd))
            parts.append((mean, response, density, w, weights.v[:, coefficients.one_id, 0], weights.u[..., 0]))
    mean, response, density, w, v, u = (torch.cat(part).double().cpu() for part in zip(*parts, strict=True))
    drug_ids = tuple(inputs.drug_ids[at] for at in drugs[coefficients.one_id].tolist())
    line_ids = tuple(inputs.line_ids[at] for at in lines.tolist())
    parameters = {
        "w": Parameter(w.numpy(), ("feature",)),
        "compound_intercept": Parameter(v.numpy(), ("compound",), {"compound": drug_ids}),
        "line_intercept": Parameter(u.numpy(), ("cell_line",), {"cell_line": line_ids}),
    }
    return PosteriorDraws(
        mean=np.asarray(features.response_mean + features.response_std * mean),
        response=np.asarray(features.response_mean + features.response_std * response),
        log_likelihood=np.asarray(density - measured * math.log(features.response_std)),
        parameters=parameters,
        estimates=_estimates(layer),
    )


def _estimates(layer: Layer[Guide]) -> dict[str, Parameter]:
    """What empirical Bayes settled: the overall mean and the prior scales, in SDs of the response."""
    model = layer.model
    return {
        "mu": Parameter(model.mu.double().cpu().numpy()),
        "compound_scale": Parameter(model.log_compound_scale.exp().double().cpu().numpy(), ("compound_term",)),
        "line_scale": Parameter(model.log_line_scale.exp().double().cpu().numpy(), ("line_term",)),
    }
