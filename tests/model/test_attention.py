from __future__ import annotations

import pytest
import torch
from rdkit import Chem

from bdrp.features import molecules
from bdrp.features.batch import Inputs
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.architecture import Architecture
from bdrp.model.attention import CrossAttention, DrugStates
from bdrp.model.lines import LineStates
from bdrp.model.network import Network

PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"


def test_attention_weights_are_a_share_of_the_programmes(network: Network, inputs: Inputs, size: Architecture) -> None:
    states, lines = network.encode(inputs)
    weights = CrossAttention.weights(states.select(torch.tensor([0, 3, 3])), lines.activity[torch.tensor([1, 1, 4])])
    assert weights.shape == (3, size.heads, size.programmes)
    assert torch.allclose(weights.sum(-1), torch.ones(3, size.heads)) and (weights > 0).all()
    assert not torch.allclose(weights[1], weights[2])  # the line matters


def test_atom_weights_are_a_share_of_a_molecules_atoms(
    network: Network, drugs: MoleculeGraphs, size: Architecture
) -> None:
    weights = network.drugs.atom_weights(network.drugs.graph(drugs), drugs)
    assert weights.shape == (len(drugs.atoms), size.heads)
    sums = torch.zeros(len(drugs), size.heads).index_add(0, drugs.molecule, weights)
    assert torch.allclose(sums, torch.ones(len(drugs), size.heads), atol=1e-6)


def test_a_single_atom_asks_alone(network: Network) -> None:
    methane = molecules.graphs(["C"])
    assert torch.equal(network.drugs.atom_weights(network.drugs.graph(methane), methane), torch.ones(1, 2))


def test_a_drug_is_the_same_however_its_atoms_are_numbered(network: Network) -> None:
    molecule = Chem.MolFromSmiles(PARACETAMOL)
    order = torch.randperm(molecule.GetNumAtoms(), generator=torch.Generator().manual_seed(3)).tolist()
    renumbered = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert renumbered != PARACETAMOL
    one, other = network.drugs(molecules.graphs([PARACETAMOL])), network.drugs(molecules.graphs([renumbered]))
    for left, right in zip(one, other, strict=True):
        assert torch.allclose(left, right, atol=1e-5)


def test_the_order_of_molecules_is_the_order_of_states(network: Network, drugs: MoleculeGraphs) -> None:
    order = torch.tensor([6, 2, 0, 5, 1, 4, 3])
    for whole, shuffled in zip(network.drugs(drugs), network.drugs(drugs.select(order)), strict=True):
        assert torch.allclose(whole[order], shuffled, atol=1e-5)


def test_different_molecules_have_different_states(network: Network, drugs: MoleculeGraphs) -> None:
    distance = torch.cdist(network.drugs(drugs).state, network.drugs(drugs).state)
    assert distance.fill_diagonal_(torch.inf).min() > 1e-3


def test_cross_attention_is_the_formula_of_its_docstring(size: Architecture) -> None:
    generator = torch.Generator().manual_seed(0)
    heads, programs, width = size.heads, size.programmes, size.value_width

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    gate, offset, slope, activity = (
        draw(4, heads * width),
        draw(4, heads, programs),
        draw(4, heads, programs),
        draw(4, programs),
    )
    attention = CrossAttention(size)
    states = DrugStates(draw(4, 1), gate, draw(4, 1), offset, slope, draw(4, 1))
    expected = torch.zeros(4, heads * width)
    for n in range(4):
        for h in range(heads):
            logits = [float(offset[n, h, m] + slope[n, h, m] * activity[n, m]) for m in range(programs)]
            weights = torch.softmax(torch.tensor(logits), 0)
            brought = sum(weights[m] * activity[n, m] * attention.value[h, m] for m in range(programs))
            expected[n, h * width : (h + 1) * width] = brought * gate[n, h * width : (h + 1) * width]
    assert torch.allclose(attention(states, LineStates(draw(4, 1), activity)), expected, atol=1e-6)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_pairs_attend_too(network: Network, inputs: Inputs, rows: int) -> None:
    states, lines = network.encode(inputs)
    index = torch.arange(rows)
    assert network.pairing(states.select(index), lines.select(index)).shape == (rows, 6)
