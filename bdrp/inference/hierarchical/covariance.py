"""How the epistemic deviations of pairs go together: the last layer's posterior as the kernel of a Gaussian process.

In the notation of `hierarchical.model`, the deviation of a pair's mean from what is expected is

    w' . phi + v'[c] . (1, h) + u'[l] . (1, E g[c]) + (E u[l] + u'[l])[1:] . g'[c],

primes marking deviations, which the guide holds for independent of each other. So two pairs covary through w, through v
and g where they share a compound, and through u where they share a line. The covariance is exact, the product u'g' too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.guide import Guide

if TYPE_CHECKING:
    from bdrp.inference.hierarchical.fitted import LastLayerFit

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]


class Deviations(NamedTuple):
    """Roots of the covariance of n pairs, in the measure's unit: products of two pairs' rows are their covariance.

    Attributes:
        shared: (n, P) of w, for any two pairs.
        by_compound: (n, 1 + K + R) of v and the loadings, for pairs of one compound.
        by_line: (n, 1 + R) of u, for pairs of one line.
        alone: (n,) variance of u'g', which pairs of one line and one compound share.
        compound: (n,) names of compounds. line: (n,) names of lines.
    """

    shared: Floats
    by_compound: Floats
    by_line: Floats
    alone: Floats
    compound: Labels
    line: Labels

    @property
    def variance(self) -> Floats:
        """(n,) epistemic variance of each pair."""
        roots = (self.shared, self.by_compound, self.by_line)
        return np.asarray(sum(np.square(root).sum(1) for root in roots) + self.alone)

    def covariance(self, other: Deviations) -> Floats:
        """(n, m) with the m pairs of another, which may be of other inputs of the same model."""
        compound, line = same(self.compound, other.compound), same(self.line, other.line)
        by_compound = compound * (self.by_compound @ other.by_compound.T)
        by_line = line * (self.by_line @ other.by_line.T)
        return np.asarray(self.shared @ other.shared.T + by_compound + by_line + compound * line * self.alone[:, None])


def same(left: Labels, right: Labels) -> npt.NDArray[np.bool_]:
    """(n, m) whether the names are equal."""
    codes = pd.factorize(np.concatenate([left, right]))[0]
    return np.equal.outer(codes[: len(left)], codes[len(left) :])


@torch.no_grad()
def deviations(fit: LastLayerFit, inputs: Inputs, pairs: Pairs) -> Deviations:
    """Of n pairs; the roots take n (P + K + 2R) numbers, so ask for many pairs by parts."""
    device = fit.guide.w_mean.device
    inputs, pairs = inputs.to(device), pairs.to(device)
    line, drug = pairs.line, pairs.drug
    every = torch.arange(len(inputs.line_ids), device=device)
    terms = fit.model.terms(fit.encode(inputs), inputs, every, line, drug)
    compounds, (u_mean, u_covariance) = fit.compounds(inputs), fit.lines(inputs)
    loadings = torch.nn.functional.pad(compounds.loadings, (1, 0))
    by_slopes = terms.by_compound[line] * compounds.variance.sqrt()[drug]
    by_loadings = _rooted(u_mean[line][:, 1:], compounds.loadings_covariance, drug)
    by_line = _rooted((terms.by_line + loadings)[drug], u_covariance, line)
    alone = (u_covariance[line][:, 1:, 1:] * compounds.loadings_covariance[drug]).sum((1, 2))
    scale = fit.features.spread
    roots = (_of_weights(fit, terms.features), torch.cat([by_slopes, by_loadings], dim=1), by_line)
    shared, by_compound, of_line = (scale * root.double().cpu().numpy() for root in roots)
    return Deviations(
        shared,
        by_compound,
        of_line,
        scale**2 * alone.double().cpu().numpy(),
        _compounds(fit, inputs)[drug.cpu().numpy()],
        np.asarray(inputs.line_ids, dtype=object)[line.cpu().numpy()],
    )


def _compounds(fit: LastLayerFit, inputs: Inputs) -> Labels:
    """(D,) names: trained compounds by their structure, so that two ids of one are one; others by their own id."""
    known = np.asarray([*fit.features.compounds, ""], dtype=object)[inputs.drug_effect.cpu().numpy()]
    return np.where(known == "", np.asarray([f"new {drug}" for drug in inputs.drug_ids], dtype=object), known)


def _of_weights(fit: LastLayerFit, features: Tensor) -> Tensor:
    """(n, P or more) roots of the covariance through w."""
    guide = cast(Guide, fit.guide)  # a point has no covariance, and is not asked
    posterior = guide.w()
    if guide.covariance == "full":
        return torch.as_tensor(features @ posterior.scale_tril)
    diagonal = features * guide.w_log_scale.exp()
    if guide.covariance == "low_rank":
        return torch.cat([diagonal, features @ posterior.cov_factor], dim=1)
    return diagonal


def _rooted(rows: Tensor, covariance: Tensor, which: Tensor) -> Tensor:
    """(n, W) rows times a symmetric root of the covariance (M, W, W) that belongs to each; it may be singular."""
    values, vectors = torch.linalg.eigh(covariance.double())
    root = (vectors * values.clamp(min=0).sqrt()[:, None, :]).to(rows)
    return torch.einsum("nw,nwv->nv", rows, root[which])
