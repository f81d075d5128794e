from __future__ import annotations

import torch

from bdrp.features import molecules
from bdrp.features.atom_classes import AtomClasses


def classes(*smiles: str) -> AtomClasses:
    return molecules.graphs(smiles).classes


def test_atoms_of_equal_surroundings_share_a_class_as_far_as_these_are_equal() -> None:
    heptane = classes("CCCCCCC")  # ends, their neighbours, theirs, and the middle
    assert len(set(heptane.start.tolist())) == 2
    assert [len(heptane.step(number).own) for number in range(4)] == [3, 4, 4, 4]
    of = heptane.step(1).of.tolist()
    assert of[:3] == of[:3:-1] and of[3] not in of[:3]


def test_a_repeat_of_a_neighbour_counts() -> None:
    # the middle carbons have the same features, and neighbours of the same kinds: one O and two C, or two O and one C
    of = classes("CC(C)(O)N", "OC(C)(O)N").step(0).of.tolist()
    assert of[1] != of[6]


def test_the_order_of_bonds_does_not_count() -> None:
    of = classes("CC(=O)N", "NC(=O)C").step(1).of.tolist()
    assert of[:4] == [of[7], of[5], of[6], of[4]]


def test_what_a_class_hears_is_what_its_atoms_hear() -> None:
    graph = molecules.graphs(("CC(=O)Nc1ccc(O)cc1", "[Na+].[Cl-]", "c1ccccc1"))
    step, start = graph.classes.step(0), graph.classes.start
    for atom in range(len(graph.atoms)):
        heard = graph.bonds[1] == atom
        by_atom = sorted(zip(start[graph.bonds[0, heard]].tolist(), graph.classes.kind[heard].tolist(), strict=True))
        at = step.bonds[1] == step.of[atom]
        assert sorted(zip(step.bonds[0, at].tolist(), step.kind[at].tolist(), strict=True)) == by_atom
        assert step.own[step.of[atom]] == start[atom]


def test_no_bonds_and_no_molecules_are_allowed() -> None:
    assert len(classes("C", "C").step(2).own) == 1
    assert classes().step(0).of.shape == torch.Size([0])
