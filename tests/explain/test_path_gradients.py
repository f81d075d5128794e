"""Integrated gradients are exact where the function is known, and sum to what it changes by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bdrp.explain.path_gradients import atoms_of_network, features_of_network, integrate_gradients


def test_parts_of_a_quadratic_are_known():
    # f = a + b'x + x'Cx: the path integral is b_i x_i + x_i (C x)_i.
    rng = np.random.default_rng(0)
    half, slope, at = (torch.as_tensor(rng.normal(size=shape)) for shape in ((4, 4), (4,), (4,)))
    curve = half + half.T
    parts = integrate_gradients(lambda x: 3 + slope @ x + x @ curve @ x, at)
    torch.testing.assert_close(parts, slope * at + at * (curve @ at))


def test_parts_sum_to_the_change_of_a_bent_function():
    at = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]], dtype=torch.float64)

    def bent(x):
        return torch.tanh(x).prod(1) + torch.nn.functional.gelu(x.sum(1))

    parts = integrate_gradients(bent, at)
    torch.testing.assert_close(parts.sum(1), bent(at) - bent(torch.zeros_like(at)), rtol=1e-8, atol=1e-8)


@pytest.fixture(scope="module")
def layer(trained, tiny_screen):
    model, _ = trained
    inputs, pairs = model.prepared(
        model.drugs_of(tiny_screen), tiny_screen.profiles, tiny_screen.responses[["cell_line_id", "drug_id"]]
    )
    posterior = model.fitted.layer.posterior_of(inputs, pairs)
    return model.fitted.layer, posterior.inputs, posterior.pairs


def test_features_of_a_pair_sum_to_what_the_network_makes_of_its_line(layer):
    own, inputs, pairs = layer
    parts = features_of_network(own, inputs, pairs).sum(1)
    mean = _network(own, inputs, pairs)
    typical = inputs.lines["expression"] * 0
    at_mean = _network(own, _with_expression(inputs, typical), pairs)
    torch.testing.assert_close(parts, mean - at_mean, rtol=1e-4, atol=1e-6)
    assert parts.std() > 0


def test_atoms_of_a_drug_sum_to_what_the_network_makes_of_its_structure(layer):
    own, inputs, pairs = layer
    network = own.model.network
    parts = atoms_of_network(own, inputs, pairs, 3)
    here = pairs.select(torch.nonzero(pairs.drug == 3)[:, 0])
    assert len(parts) == (inputs.molecules.molecule == 3).sum()
    with torch.no_grad():
        u = own.coefficients(inputs).u[here.line, 1:]

        def mean(drugs):
            terms = network.pairs((drugs, own.encode(inputs).lines), here.line, here.drug)
            factors = (u * drugs.factors[here.drug]).sum(1)
            return (terms.own + terms.features @ own.guide.w_mean + factors).mean()

        handle = network.drugs.graph.register_forward_hook(lambda _module, _given, states: states * 0)
        without = network.drugs(inputs.molecules, inputs.drug_effect)
        handle.remove()
        change = mean(network.drugs(inputs.molecules, inputs.drug_effect)) - mean(without)
    torch.testing.assert_close(parts.sum(), change, rtol=1e-4, atol=1e-6)


def test_the_graph_encoder_is_left_as_it_was(layer):
    own, inputs, pairs = layer
    atoms_of_network(own, inputs, pairs, 0)
    assert not own.model.network.drugs.graph._forward_hooks


def _network(layer, inputs, pairs):
    with torch.no_grad():
        terms = layer.model.network.pairs(layer.encode(inputs), pairs.line, pairs.drug)
        return terms.offset + terms.features @ layer.guide.w_mean


def _with_expression(inputs, genes):
    from dataclasses import replace

    return replace(inputs, lines={**inputs.lines, "expression": genes})
