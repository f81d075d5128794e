from __future__ import annotations

import torch

from bdrp.features import molecules
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.graph import GraphEncoder


def encoder(layers: int) -> GraphEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GraphEncoder(8, layers, 0.1).eval()


def test_every_atom_gets_a_state(drugs: MoleculeGraphs) -> None:
    assert encoder(3)(drugs).shape == (len(drugs.atoms), 8)


def test_molecules_do_not_see_each_other(drugs: MoleculeGraphs) -> None:
    whole, single = encoder(3)(drugs), encoder(3)(drugs.select(torch.tensor([4])))
    assert torch.allclose(whole[drugs.molecule == 4], single, atol=1e-6)


def test_one_layer_looks_one_bond_far() -> None:
    near, far = (molecules.graphs([text]) for text in ("CCCCCO", "CCCCCF"))
    one, other = encoder(1)(near), encoder(1)(far)
    assert torch.allclose(one[:4], other[:4], atol=1e-6) and not torch.allclose(one[4:], other[4:], atol=1e-3)
    assert not torch.allclose(encoder(3)(near)[2], encoder(3)(far)[2], atol=1e-4)


def test_equivalent_atoms_have_equal_states() -> None:
    benzene = encoder(3)(molecules.graphs(["c1ccccc1"]))
    assert torch.allclose(benzene, benzene[:1].expand(6, -1), atol=1e-5)


def test_bond_orders_change_the_states_of_their_atoms() -> None:
    single, aromatic = (molecules.graphs([text]) for text in ("C1CCCCC1", "c1ccccc1"))
    same_atoms = MoleculeGraphs(
        single.atoms,
        single.bonds,
        aromatic.bond_features,
        single.molecule,
        single.fingerprints,
        single.descriptors,
    )
    assert not torch.allclose(encoder(2)(single), encoder(2)(same_atoms), atol=1e-3)


def test_atoms_without_a_bond_have_finite_states_and_gradients() -> None:
    made = encoder(2).train()
    states = made(molecules.graphs(["C", "[Na+].[Cl-]", "[Pt]"]))
    states.square().sum().backward()
    assert torch.isfinite(states).all()
    assert made.atom.weight.grad is not None and made.atom.weight.grad.any()
