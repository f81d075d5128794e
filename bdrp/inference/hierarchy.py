"""The Bayesian last layer: global weights over pair features, deviations of compounds and lines, in Pyro.

In standardised units, for compound c, line l and their pair features phi,

    y[l, c] = mu + offset[l, c] + w . phi[l, c] + v[c] . (1, h[l]) + u[l] . (1, g[c]) + noise[l, c]
    w ~ Normal(0, I)    v[c] ~ Normal(0, diag(lambda_v[c]^2))    u[l] ~ Normal(0, diag(lambda_u^2)),

with h the line's expression components and g the compound's learned factors: `v` is a hierarchical Bayesian ridge a
compound on expression, `u` a hierarchical factor model a line. The prior scales lambda are learned with the network by
maximising the ELBO (empirical Bayes; MacKay 1992). An unseen compound or line has no posterior and keeps its prior, so
its epistemic variance is the spread among the compounds or lines that were trained on. All of w, v, u enter the mean
linearly: the predictive moments are exact.

The guide is normal: full covariance, diagonal or low rank for w; diagonal for v, whose regressors are principal
components and so nearly orthogonal, and for u.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro.nn import PyroModule
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.model.network import Encoded, Network, PairFeatures

LOG_NOISE_RANGE = (-4.0, 1.5)  # chosen: noise SDs from 0.02 to 4.5 response SDs; keeps a step away from overflow


class Block(NamedTuple):
    """Part of the grid: `n` responses of B lines.

    Attributes:
        lines: (B,) positions in the inputs.
        line: (n,) positions among `lines`. drug: (n,) positions in the inputs.
        response: (n,) standardised.
    """

    lines: Tensor
    line: Tensor
    drug: Tensor
    response: Tensor


class Terms(NamedTuple):
    """What the random weights of n pairs multiply, and the rest of their mean and noise.

    Attributes:
        features: (n, P) for w. by_compound: (L, 1 + K) for v, a line. by_line: (D, 1 + R) for u, a drug.
        offset: (n,). own: (n,) what of the mean belongs to the drug alone. noise: (n, 3) see `log_noise`.
    """

    features: Tensor
    by_compound: Tensor
    by_line: Tensor
    offset: Tensor
    own: Tensor
    noise: Tensor

    def log_noise(self, mean: Tensor) -> Tensor:
        """(n,) log SD of the noise: quadratic in how far a pair's mean (n,) lies from its drug's own.

        A line that a drug hits harder than others is measured within the tested doses, where curves differ; the others
        are extrapolated to nearly one value. So the noise follows the mean, drug by drug.
        """
        beyond = (mean - self.own).clamp(-1.5, 1.5)
        level, slope, bend = self.noise.unbind(-1)
        return (level + slope * beyond + bend * beyond**2).clamp(*LOG_NOISE_RANGE)


class LastLayer(PyroModule):
    """Network and priors: the Pyro model."""

    def __init__(self, network: Network, compounds: int, lines: int, components: int, responses: int) -> None:
        super().__init__()
        self.network = network
        self.compounds, self.lines, self.responses = compounds, lines, responses
        size = network.size
        self.mu = nn.Parameter(torch.zeros(()))
        self.noise = nn.Parameter(torch.tensor([-0.9, 0.0, 0.0]))
        self.compound_noise = nn.Parameter(torch.zeros(compounds, 3))
        # Starting points only: an intercept a compound explains most of a screen, a single component little.
        self.log_compound_scale = nn.Parameter(torch.tensor([0.8] + [0.02] * components).log())
        self.log_slope_scale = nn.Parameter(torch.zeros(compounds))
        self.log_line_scale = nn.Parameter(torch.tensor([0.2] + [0.1] * size.factors).log())
        self.register_buffer("weight_scale", torch.ones(size.pair_width))

    def terms(self, encoded: Encoded, inputs: Inputs, lines: Tensor, line: Tensor, drug: Tensor) -> Terms:
        """Terms of the pairs (lines[line[n]], drug[n])."""
        pair: PairFeatures = self.network.pairs(encoded, line, drug)
        compound = inputs.drug_effect[drug]
        own = torch.where((compound >= 0)[:, None], self.compound_noise[compound.clamp(min=0)], 0.0)
        return Terms(
            pair.features,
            _with_one(inputs.components[lines]),
            _with_one(encoded.drugs.factors),
            self.mu + pair.offset,
            self.mu + pair.own,
            self.noise + own + pair.noise,
        )

    def compound_scale(self, compound: Tensor) -> Tensor:
        """Prior SDs of v, (n, 1 + K), for compounds (n,), -1 for an unseen one: lambda, its slopes stretched by tau."""
        typical = (2 * self.log_slope_scale).exp().mean().sqrt()
        stretch = torch.where(compound >= 0, self.log_slope_scale.exp()[compound.clamp(min=0)], typical)
        scale = self.log_compound_scale.exp()
        return torch.cat([scale[:1].expand(len(compound), 1), stretch[:, None] * scale[1:]], dim=1)

    def forward(self, inputs: Inputs, block: Block) -> None:
        """The joint density of a block, scaled to the whole training part."""
        encoded = self.network.encode(inputs.molecules, inputs.genes[block.lines])
        terms = self.terms(encoded, inputs, block.lines, block.line, block.drug)
        w = pyro.sample("w", dist.Normal(torch.zeros_like(self.weight_scale), self.weight_scale).to_event(1))
        with pyro.plate("compounds", self.compounds):
            v = pyro.sample("v", _centred(self.compound_scale(torch.arange(self.compounds, device=self.mu.device))))
        with pyro.plate("lines", self.lines, subsample=inputs.line_effect[block.lines]):
            u = pyro.sample("u", _centred(self.log_line_scale.exp()))
        compound = inputs.drug_effect[block.drug]
        by_compound = terms.by_compound @ v.T
        by_line = u @ terms.by_line.T
        mean = terms.offset + terms.features @ w
        mean = mean + by_compound[block.line, compound] + by_line[block.line, block.drug]
        terms = terms._replace(own=terms.own + v[compound, 0])
        usual = dist.Normal(torch.zeros_like(self.compound_noise), 0.5).to_event(2)
        pyro.sample("compound_noise_prior", usual, obs=self.compound_noise)
        rows = torch.arange(len(block.response), device=mean.device)
        with pyro.plate("responses", self.responses, subsample=rows):
            pyro.sample("response", dist.Normal(mean, terms.log_noise(mean).exp()), obs=block.response)


class Guide(PyroModule):
    """Normal posterior of w, v and u.

    Args:
        model: whose sizes it takes.
        covariance: of w: "full", "diagonal" or "low_rank".
        rank: of the low-rank covariance.
    """

    def __init__(self, model: LastLayer, covariance: str, rank: int = 8) -> None:
        super().__init__()
        width = model.weight_scale.shape[0]
        self.covariance = covariance
        self.w_mean = nn.Parameter(torch.zeros(width))
        self.w_log_scale = nn.Parameter(torch.full((width,), math.log(0.02)))
        shape = {"full": (width, width), "low_rank": (width, min(rank, width)), "diagonal": (0,)}[covariance]
        self.w_factor = nn.Parameter(torch.zeros(shape))
        self.v_mean = nn.Parameter(torch.zeros(model.compounds, len(model.log_compound_scale)))
        self.v_log_scale = nn.Parameter(torch.full(self.v_mean.shape, math.log(0.02)))
        self.u_mean = nn.Parameter(torch.zeros(model.lines, len(model.log_line_scale)))
        self.u_log_scale = nn.Parameter(torch.full(self.u_mean.shape, math.log(0.04)))

    def w(self) -> dist.Distribution:
        """The posterior of w, with `.mean` and `.covariance_matrix` or `.variance`."""
        scale = self.w_log_scale.exp()
        if self.covariance == "full":
            # Rows scaled together keep the triangular factor well conditioned; a free diagonal does not.
            unit = torch.tril(self.w_factor, -1) + torch.eye(len(scale), device=scale.device)
            return dist.MultivariateNormal(self.w_mean, scale_tril=scale[:, None] * unit)
        if self.covariance == "low_rank":
            return dist.LowRankMultivariateNormal(self.w_mean, scale[:, None] * self.w_factor, scale**2)
        return dist.Normal(self.w_mean, scale).to_event(1)

    def forward(self, inputs: Inputs, block: Block) -> None:
        """Sample the weights that the block needs."""
        pyro.sample("w", self.w())
        with pyro.plate("compounds", len(self.v_mean)):
            pyro.sample("v", dist.Normal(self.v_mean, self.v_log_scale.exp()).to_event(1))
        lines = inputs.line_effect[block.lines]
        with pyro.plate("lines", len(self.u_mean), subsample=lines):
            pyro.sample("u", dist.Normal(self.u_mean[lines], self.u_log_scale[lines].exp()).to_event(1))


def _centred(scale: Tensor) -> dist.Distribution:
    return dist.Normal(torch.zeros_like(scale), scale).to_event(1)


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values.new_ones(len(values), 1), values], dim=1)
