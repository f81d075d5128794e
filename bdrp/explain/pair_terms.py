"""The parts of the linear predictor of some pairs, beside their posterior: means and SDs of its terms.

Deviations of w, v, u and the loadings are independent of each other (`hierarchical.pair_posterior`), so the variance of
a term is that of its own weights; line_level and factors alone, both of u, deviate together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.coefficients import Coefficients
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior
from bdrp.inference.hierarchical.predictor import add_loadings

Floats = npt.NDArray[np.float64]

TERMS: Final = {
    "overall": "mean of the training responses",
    "drug_structure": "the drug's level, as the network reads it from the structure",
    "drug_level": "the drug's own level beyond its structure",
    "line_expression": "the line's level, as the network reads it from the profile",
    "line_level": "the line's own level, from what was measured on it",
    "network": "drug and line together, as the network reads them",
    "slopes": "the drug's slopes on the line's profile, linear",
    "factors": "what the line's measured drugs say of this one",
    "recalibration": "shift of the mean by recalibration",
}
"""The terms of a prediction, and what each is."""
MEASURED: Final = {"measured": "what was measured since the fit"}
"""The term that predictions of an updated model have beside them."""


_NUMBERS: Final = ("v", "v_variance", "loadings", "loadings_covariance", "u", "u_covariance")


class PairTerms:
    """The parts of the linear predictor of N pairs, beside their posterior.

    Args:
        layer: network, priors and posterior.
        posterior: of the pairs under it.
    """

    def __init__(self, layer: Layer, posterior: LayerPosterior) -> None:
        self.layer, self.inputs, self.pairs = layer, posterior.inputs, posterior.pairs
        inputs, pairs = self.inputs, self.pairs
        with torch.no_grad():
            every = torch.arange(len(inputs.line_ids), device=pairs.line.device)
            parts = layer.model.terms(posterior.encoded, inputs, every, pairs.line, pairs.drug)
            self.parts = parts
            known = layer.coefficients(inputs)
            self.known = Coefficients(known.compound, *(getattr(known, name).double() for name in _NUMBERS))
            self.by_line = add_loadings(parts.by_line.double(), self.known.loadings)[pairs.drug]
            self.regressors = parts.by_compound.double()[pairs.line]
            unknown = layer.model.regressor_variance(inputs)
            self.unknown = torch.zeros_like(self.regressors) if unknown is None else unknown.double()[pairs.line]

    @torch.no_grad()
    def terms(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Means and SDs of the terms, without recalibration, (N, T - 1) each, in the measure's unit."""
        parts, known, line, drug = self.parts, self.known, self.pairs.line, self.pairs.drug
        features, unit, nothing = self.layer.features, self.layer.features.response_std, torch.zeros(len(line))
        v, u, mu = known.v[drug], known.u[line], self.layer.model.mu.double()
        network = parts.features.double() @ self.layer.guide.w_mean.double()
        structure, expression = parts.own.double() - mu, (parts.offset - parts.own).double()
        slopes = (v[:, 1:] * self.regressors[:, 1:]).sum(1)
        factors = (u[:, 1:] * self.by_line[:, 1:]).sum(1)
        means = (nothing, structure, v[:, 0], expression, u[:, 0], network, slopes, factors)
        variances = (
            *(nothing, nothing, known.v_variance[drug, 0], nothing, known.u_covariance[line, 0, 0]),
            *(self.variance_of_network(), self.variance_of_slopes(), self.variance_of_factors()),
        )
        table = pd.DataFrame({name: unit * as_array(mean) for name, mean in zip(TERMS, means, strict=False)})
        table["overall"] = features.response_mean + unit * float(mu)
        deviations = {name: unit * np.sqrt(as_array(each)) for name, each in zip(TERMS, variances, strict=False)}
        return table, pd.DataFrame(deviations)

    def slopes_by_feature(self, model: TrainedModel) -> tuple[Floats, Floats]:
        """(N, F) means and SDs of what the slopes make of each feature, in the measure's unit."""
        unit, start, found = model.features.response_std, 1, []
        used = float(self.layer.model.network.size.has_slopes)
        for name, scaler in model.features.scalers.items():
            keys = torch.as_tensor(scaler.components, dtype=torch.float64, device=self.pairs.line.device)
            mine = slice(start, start + keys.shape[1])
            start = mine.stop
            z = used * unit * self.inputs.lines[name].double()[self.pairs.line]
            slope = (self.known.v[:, mine] @ keys.T)[self.pairs.drug]
            variance = (self.known.v_variance[:, mine] @ (keys**2).T)[self.pairs.drug]
            found.append((as_array(z * slope), as_array(z.abs() * variance.sqrt())))
        means, deviations = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        return means, deviations

    def variance_of_network(self) -> Tensor:
        """(N,) of w's term."""
        return torch.as_tensor(self.layer.guide.weight_variance(self.parts.features)).double()

    def variance_of_slopes(self) -> Tensor:
        """(N,) of v's terms but the level."""
        known, variance = self.known, self.unknown[:, 1:]
        v, spread = known.v[self.pairs.drug, 1:], known.v_variance[self.pairs.drug, 1:]
        return (self.regressors[:, 1:] ** 2 * spread + variance * (v**2 + spread)).sum(1)

    def variance_of_factors(self) -> Tensor:
        """(N,) of u's term but the level."""
        known, by_line = self.known, self.by_line[:, 1:]
        own = torch.einsum("nr,nrs,ns->n", by_line, known.u_covariance[self.pairs.line, 1:, 1:], by_line)
        return own + self.variance_of_loadings() + self.variance_of_both()

    def variance_of_loadings(self) -> Tensor:
        """(N,) u' Cov(g) u."""
        u = self.known.u[self.pairs.line, 1:]
        return torch.einsum("nr,nrs,ns->n", u, self.known.loadings_covariance[self.pairs.drug], u)

    def variance_of_both(self) -> Tensor:
        """(N,) of the product of the deviations of u and the loadings."""
        u = self.known.u_covariance[self.pairs.line, 1:, 1:]
        return (u * self.known.loadings_covariance[self.pairs.drug]).sum((1, 2))


def as_array(values: Tensor) -> Floats:
    """The same on the processor, in double precision."""
    return np.asarray(values.detach().double().cpu().numpy())
