"""One value for every weight: what the deterministic network, the members of an ensemble and MC dropout are made of.

The model is that of `hierarchical.model`; w, v, u and the loadings are the maximum of its joint density (maximum a
posteriori) instead of a distribution. The prior scales stay where empirical Bayes started them: maximised together with
the weights, they would run to zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.inference.hierarchical.model import Block, LastLayer
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import Weights
from bdrp.inference.network.fitted import ClosedFormFit


class PointFit(ClosedFormFit[PointEstimate]):
    """One network and one value of each weight; only what was never trained on keeps its prior variance."""


class PointModel(nn.Module):
    """Model and weights together, with the loss of a block: plain torch, so that many can be stacked.

    Args:
        model: network and priors; the prior scales are held.
        point: the weights.
        used: what of the weights the rows of a training step see; everything where None.
    """

    def __init__(
        self, model: LastLayer, point: PointEstimate, used: Callable[[Weights], Weights] | None = None
    ) -> None:
        super().__init__()
        self.model, self.point, self.used = model, point, used
        for scale in model.prior_scales():
            scale.requires_grad_(False)

    def forward(self, inputs: Inputs, block: Block, weight: Tensor | None = None) -> Tensor:
        """Negative log joint density, about one a response; rows count `weight` times, (n,), once where it is None."""
        model, point = self.model, self.point
        lines = inputs.line_effect[block.lines]
        weights = Weights(point.w_mean, point.v_mean, point.g_mean, point.u_mean[lines])
        seen = weights if self.used is None or not model.training else self.used(weights)
        rows = model.row_moments(inputs, block, seen)
        fit = model.log_likelihood(block, rows)
        fit = fit if weight is None else weight * fit
        return -fit.mean() - self._log_prior(weights, block.unmasked) / model.responses

    def _log_prior(self, weights: Weights, open_lines: Tensor) -> Tensor:
        model = self.model
        compounds = torch.arange(model.compounds, device=weights.v.device)
        v = weights.v / model.compound_scale(compounds)
        u = open_lines[:, None] * weights.u / model.log_line_scale.exp()
        squares = (weights.w**2).sum() + (v**2).sum() + (weights.loadings**2).sum()
        return model.estimates_log_prior() - 0.5 * (squares + model.lines / len(u) * (u**2).sum())
