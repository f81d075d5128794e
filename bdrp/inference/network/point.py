"""One value for every weight: what the deterministic network, the members of an ensemble and MC dropout are made of.

The model is that of `hierarchical.model`; w, v, u and the loadings are the maximum of its joint density (maximum a
posteriori) instead of a distribution. The prior scales stay where empirical Bayes started them: maximised together with
the weights, they would run to zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.features.batch import Batch, Inputs, Pairs
from bdrp.inference.hierarchical.fitted import LastLayerFit
from bdrp.inference.hierarchical.model import Block, LastLayer, Weights
from bdrp.inference.hierarchical.point import Point
from bdrp.inference.method import Fitted
from bdrp.inference.network.options import NetworkMethod
from bdrp.inference.network.trainee import Trainee
from bdrp.predictive import PosteriorDraws


class PointFit(LastLayerFit):
    """One network and one value of each weight; only what was never trained on keeps its prior spread."""

    guide: Point
    can_draw = False
    can_update = False

    def posterior(self, inputs: Inputs, pairs: Pairs, *, draws: int, seed: int) -> PosteriorDraws:
        """None: there is one value of each weight; see `Fitted.posterior`."""
        return Fitted.posterior(self, inputs, pairs, draws=draws, seed=seed)


class PointModel(nn.Module):
    """Model and weights together, with the loss of a block: plain torch, so that many can be stacked."""

    def __init__(self, model: LastLayer, point: Point) -> None:
        super().__init__()
        self.model, self.point = model, point
        for scale in model.scales():
            scale.requires_grad_(False)

    def forward(self, inputs: Inputs, block: Block, weight: Tensor | None = None) -> Tensor:
        """Negative log joint density, about one a response; rows count `weight` times, (n,), once where it is None."""
        model, point = self.model, self.point
        lines = inputs.line_effect[block.lines]
        weights = Weights(point.w_mean, point.v_mean, point.g_mean, point.u_mean[lines])
        rows = model.rows(inputs, block, self.used(weights))
        fit = model.log_likelihood(block, rows)
        fit = fit if weight is None else weight * fit
        return -fit.mean() - self._log_prior(weights, block.open) / model.responses

    def used(self, weights: Weights) -> Weights:
        """What of the weights the rows see: everything."""
        return weights

    def _log_prior(self, weights: Weights, open_lines: Tensor) -> Tensor:
        model = self.model
        compounds = torch.arange(model.compounds, device=weights.v.device)
        v = weights.v / model.compound_scale(compounds)
        u = open_lines[:, None] * weights.u / model.log_line_scale.exp()
        squares = (weights.w**2).sum() + (v**2).sum() + (weights.loadings**2).sum()
        return model.estimates_log_prior() - 0.5 * (squares + model.lines / len(u) * (u**2).sum())


class PointTrainee(Trainee):
    """The loop's view of a point."""

    def __init__(self, method: NetworkMethod, fitted: PointFit, batch: Batch, joint: PointModel | None = None) -> None:
        super().__init__(method, fitted, batch)
        self.joint = joint or PointModel(fitted.model, fitted.guide)

    def loss(self, block: Block) -> Tensor:
        """Negative log joint density of a block."""
        return torch.as_tensor(self.joint(self.batch.inputs, block))
