"""Integrated gradients: what each input adds to a function's value, on the straight path from zero to the input.

    part_i = x_i * integral over a in [0, 1] of df/dx_i(a x) da,   sum_i part_i = f(x) - f(0)

(Sundararajan, Taly & Yan 2017), the integral by Gauss and Legendre. For a linear function it is slope times input. An
atom's part is that of its state after message passing, in which its neighbours have had their say.

Written here and not taken from a library, for libraries stretch the path along a first axis of examples: the atoms of
a molecular graph are no examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.grid import select_drugs
from bdrp.inference.hierarchical.layer import Layer, Weighting
from bdrp.model.lines import LineStates
from bdrp.model.network import Encoded, Network

STEPS = 24  # chosen: GELUs and softmaxes of trained networks are met to 1e-5 of the value
PAIRS_A_PASS = 1024  # chosen: bounds the memory of a pass over (pairs, genes)


def integrate_gradients(function: Callable[[Tensor], Tensor], at: Tensor, steps: int = STEPS) -> Tensor:
    """The part of each input, of the shape of `at`.

    Args:
        function: from a tensor of the shape of `at` to any number of values, whose sum is explained.
        at: the inputs; the path begins at zero.
        steps: nodes of the quadrature.

    >>> import torch
    >>> integrate_gradients(lambda x: x[0] * x[1], torch.tensor([2.0, 3.0])).round(decimals=3).tolist()
    [3.0, 3.0]
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(at)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        point = (float(node) * at).detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(point).sum(), point)
        total += float(weight) * slope
    return total * at


def features_of_network(layer: Layer[Weighting], inputs: Inputs, pairs: Pairs) -> Tensor:
    """(N, F) what each feature of a line's profiles, F of all modalities, adds to the network's mean of each pair.

    In standardised units, from a line at the training mean of everything.
    """
    widths = [profile.shape[1] for profile in inputs.lines.values()]
    profiles = torch.cat(list(inputs.lines.values()), dim=1)
    layer.modules.eval()
    found = [
        integrate_gradients(_of_profiles(layer, inputs, widths, drug), profiles[line])
        for line, drug in zip(pairs.line.split(PAIRS_A_PASS), pairs.drug.split(PAIRS_A_PASS), strict=True)
    ]
    return torch.cat(found) if found else profiles[:0]


def atoms_of_network(layer: Layer[Weighting], inputs: Inputs, pairs: Pairs, drug: int) -> Tensor:
    """(A,) what each atom of one drug adds to the mean of its pairs, averaged over them; standardised units.

    Counted is all that the network reads from the structure: the level, the features and the factors.
    """
    own = pairs.select(torch.nonzero(pairs.drug == drug)[:, 0])
    one = select_drugs(inputs, torch.tensor([drug], device=pairs.drug.device))
    layer.modules.eval()
    network, nothing = layer.model.network, torch.zeros_like(own.drug)
    with torch.no_grad():
        lines, states = layer.encode(one).lines, network.drugs.graph(one.molecules)
        factors = layer.coefficients(one).u[own.line, 1:]

    def mean(atoms: Tensor) -> Tensor:
        with _given_atoms(network, atoms):
            drugs = network.drugs(one.molecules, one.drug_effect)
        terms = network.pairs(Encoded(drugs, lines), own.line, nothing)
        return (terms.own + terms.features @ layer.guide.w_mean + factors @ drugs.factors[0]).mean()

    return integrate_gradients(mean, states)


def _of_profiles(
    layer: Layer[Weighting], inputs: Inputs, widths: list[int], drug: Tensor
) -> Callable[[Tensor], Tensor]:
    """The network's mean of n pairs, a function of the profiles (n, F) of their lines."""
    network = layer.model.network
    with torch.no_grad():
        drugs = network.drugs(inputs.molecules, inputs.drug_effect)

    def mean(profiles: Tensor) -> Tensor:
        each = torch.arange(len(profiles), device=profiles.device)
        states = _states(network, dict(zip(inputs.lines, profiles.split(widths, dim=1), strict=True)))
        terms = network.pairs(Encoded(drugs, states), each, drug)
        return terms.offset + terms.features @ layer.guide.w_mean

    return mean


def _states(network: Network, profiles: dict[str, Tensor]) -> LineStates:
    expression, *further = profiles.values()
    states: LineStates = network.lines(expression)
    for encoder, profile in zip(network.profiles.values(), further, strict=True):
        states = states.combine(encoder(profile))
    return states


@contextmanager
def _given_atoms(network: Network, atoms: Tensor) -> Iterator[None]:
    """The graph encoder answers with these states of the atoms."""
    handle = network.drugs.graph.register_forward_hook(lambda *_: atoms)
    try:
        yield
    finally:
        handle.remove()
