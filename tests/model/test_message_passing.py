"""Networks are trained by torch-geometric's message passing; predicting computes the same without importing it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch_geometric.nn import GINEConv
from torch_geometric.utils import scatter, softmax

from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.message_passing import GineConvolution, softmax_within, sum_within


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))


@pytest.mark.parametrize("training", [True, False])
def test_the_convolution_is_the_reference_with_gradients_and_start(drugs: MoleculeGraphs, training: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        own = GineConvolution(mlp()).train(training)
        torch.manual_seed(1)
        reference = GINEConv(mlp())
        states = torch.randn(len(drugs.atoms), 6, requires_grad=True)
        bonds = torch.randn(drugs.bonds.shape[1], 6)
    assert own.state_dict().keys() == reference.state_dict().keys()
    assert all(torch.equal(value, reference.state_dict()[name]) for name, value in own.state_dict().items())
    assert bool(own._trained) is False
    made, wanted = own((states, states), drugs.bonds, bonds), reference(states, drugs.bonds, bonds)
    torch.testing.assert_close(made, wanted)
    (slope,), (expected,) = (torch.autograd.grad(each.square().sum(), states) for each in (made, wanted))
    torch.testing.assert_close(slope, expected)
    assert bool(own._trained) is training and own.state_dict().keys() == reference.state_dict().keys()


def test_softmax_and_sum_within_molecules_are_the_reference(drugs: MoleculeGraphs) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        logits = 30 * torch.randn(len(drugs.atoms), 3)
    shares = softmax_within(logits, drugs.molecule, len(drugs))
    torch.testing.assert_close(shares, softmax(logits, drugs.molecule, num_nodes=len(drugs)))
    summed = sum_within(shares, drugs.molecule, len(drugs))
    torch.testing.assert_close(summed, scatter(shares, drugs.molecule, dim=0, dim_size=len(drugs)))
    torch.testing.assert_close(summed, torch.ones(len(drugs), 3))


def test_predicting_imports_no_library_that_it_can_do_without() -> None:
    heavy = ("torch_geometric", "torch._dynamo", "netcal", "arviz", "matplotlib", "sklearn", "sympy", "pyro", "pandera")
    rooms = "bdrp.fitted.stream, bdrp.fitted.predict, bdrp.inference.last_layer"
    code = f"import sys, {rooms}; print([n for n in {heavy} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_network_that_is_read_is_made_without_torchs_compiler() -> None:
    code = """
import sys, torch
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.likelihood import Likelihood
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.last_layer import LastLayerMethod
from bdrp.inference.network.fitted import _Undrawn
from bdrp.model.network import Network
with torch.device("meta"), _Undrawn():
    network = Network(LastLayerMethod().architecture(5, 3))
    Guide(LastLayer(network, Likelihood("student_t", "pair"), (3, 4, 2), 1), "full")
print("torch._dynamo" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
