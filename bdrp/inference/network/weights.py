"""A normal for every weight of the network, as one Pyro site that is split into views.

    theta ~ Normal(centre, scale^2)    q(theta) = Normal(the network's own weights, exp(log_scale)^2)

One site instead of fifty keeps Pyro's cost a step that of one tensor. The means are the network's own parameters, so
that a trained network is a posterior without a variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from torch import Tensor, nn
from torch.func import functional_call

from bdrp.features.batch import Inputs
from bdrp.inference.hierarchical.model import Block, LastLayer
from bdrp.model.network import Network


def flatten_weights(network: Network) -> Tensor:
    """(W,) all weights, one after the other."""
    return torch.cat([parameter.flatten() for parameter in network.parameters()])


def split_weights(network: Network, weights: Tensor, prefix: str = "network.") -> dict[str, Tensor]:
    """Views of (..., W) weights by the name of the parameter that they stand for."""
    named = list(network.named_parameters())
    parts = weights.split([parameter.numel() for _, parameter in named], dim=-1)
    rows = weights.shape[:-1]
    return {prefix + name: part.view(*rows, *old.shape) for (name, old), part in zip(named, parts, strict=True)}


def lecun_scale(network: Network) -> Tensor:
    """(W,) 1 / sqrt(inputs of a weight's layer), for a vector of its own length.

    Weights of this SD keep a signal's variance through a layer (LeCun et al. 1998, Efficient BackProp).
    """
    return _fill_weights(network, lambda name, old: 1 / math.sqrt(old.shape[min(1, old.dim() - 1)]))


def prior_mean(network: Network) -> Tensor:
    """(W,) prior means of the weights: 1 for the gains of layer normalisation, 0 elsewhere."""
    return _fill_weights(network, lambda name, old: float(".norms." in name and name.endswith("weight")))


def _fill_weights(network: Network, value: Callable[[str, Tensor], float]) -> Tensor:
    return torch.cat([torch.full_like(old, value(name, old)).flatten() for name, old in network.named_parameters()])


class PosteriorScale(nn.Module):
    """The posterior SDs of the network's weights, (W,); the means are the network's.

    Args:
        network: whose weights.
        start: the SDs at first, as a share of `lecun_scale`.
    """

    def __init__(self, network: Network, start: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter((start * lecun_scale(network)).log().detach())


class WholeModel(nn.Module):
    """The model of `hierarchical.model` with a random network.

    Args:
        layer: network, priors and likelihood.
        prior_scale: prior SD of a weight in units of `lecun_scale`.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, layer: LastLayer, prior_scale: float) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("centre", prior_mean(layer.network).detach())
        self.register_buffer("scale", prior_scale * lecun_scale(layer.network).detach())
        self.kl_weight = 1.0  # of the network's divergence from its prior

    def forward(self, inputs: Inputs, block: Block) -> None:
        """The joint density of a block, scaled to the whole training part."""
        with poutine.scale(scale=self.kl_weight):
            weights = pyro.sample("network", dist.Normal(self.centre, self.scale).to_event(1))
        functional_call(self.layer, split_weights(self.layer.network, weights), (inputs, block))

    def penalty(self) -> Tensor:
        """Negative log prior density of the network as it is, a constant apart."""
        return 0.5 * (((flatten_weights(self.layer.network) - self.centre) / self.scale) ** 2).sum()

    def divergence(self, posterior_scale: PosteriorScale) -> Tensor:
        """(W,) Kullback-Leibler divergence of each weight's posterior from its prior, in nats."""
        posterior = dist.Normal(flatten_weights(self.layer.network), posterior_scale.log_scale.exp())
        return torch.distributions.kl_divergence(posterior, dist.Normal(self.centre, self.scale))


class WholeGuide(nn.Module):
    """The last layer's guide beside the network's.

    Args:
        model: whose network it is the posterior of, and whose KL weight it shares.
        posterior_scale: of the network's weights.
        guide: of the last layer.
    """

    def __init__(self, model: WholeModel, posterior_scale: PosteriorScale, guide: nn.Module) -> None:
        super().__init__()
        self.model, self.posterior_scale, self.guide = model, posterior_scale, guide

    def forward(self, inputs: Inputs, block: Block) -> None:
        """Sample the weights that the block needs."""
        posterior = dist.Normal(flatten_weights(self.model.layer.network), self.posterior_scale.log_scale.exp())
        with poutine.scale(scale=self.model.kl_weight):
            pyro.sample("network", posterior.to_event(1))
        self.guide(inputs, block)
