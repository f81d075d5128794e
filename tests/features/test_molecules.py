from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from bdrp.errors import DataError
from bdrp.features import molecules
from bdrp.features.molecules import ATOM_WIDTH, BOND_WIDTH, MoleculeGraphs, tanimoto
from bdrp.features.structures import FINGERPRINT_BITS

ETHANOL, BENZENE, METHANE = "CCO", "c1ccccc1", "C"
IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
POOL = (
    ETHANOL,
    BENZENE,
    METHANE,
    IMATINIB,
    "CC(=O)[O-].[Na+]",
    "N.N.Cl[Pt]Cl",
    "O=[As]O[As]=O",
    "C[C@H](N)C(=O)O",
    "F/C=C/F",
    "CC#N",
)


def assert_same(left: MoleculeGraphs, right: MoleculeGraphs) -> None:
    for name in left.__dataclass_fields__:
        assert torch.equal(getattr(left, name), getattr(right, name)), name


def test_ethanol_has_three_atoms_and_two_bonds_in_both_directions() -> None:
    graph = molecules.graphs([ETHANOL])
    assert graph.atoms.shape == (3, ATOM_WIDTH)
    assert graph.bonds.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert graph.bond_features.shape == (4, BOND_WIDTH)
    assert graph.molecule.tolist() == [0, 0, 0]


def test_the_atoms_of_ethanol_are_written_out() -> None:
    carbon, middle, oxygen = molecules.graphs([ETHANOL]).atoms
    # element, degree, hydrogens, charge, hybridisation, aromatic, in a ring, chiral: positions of the ones
    elements, degrees, hydrogens, charges, hybrids = 0, 17, 23, 28, 33
    assert carbon.nonzero()[:, 0].tolist() == [elements + 0, degrees + 1, hydrogens + 3, charges + 2, hybrids + 2]
    assert middle.nonzero()[:, 0].tolist() == [elements + 0, degrees + 2, hydrogens + 2, charges + 2, hybrids + 2]
    assert oxygen.nonzero()[:, 0].tolist() == [elements + 2, degrees + 1, hydrogens + 1, charges + 2, hybrids + 2]


def test_the_atoms_of_benzene_are_alike_aromatic_and_in_a_ring() -> None:
    graph = molecules.graphs([BENZENE])
    assert len(graph.atoms) == 6 and graph.bonds.shape == (2, 12)
    assert torch.equal(graph.atoms, graph.atoms[:1].expand(6, -1))
    assert graph.atoms[0, -3:].tolist() == [1.0, 1.0, 0.0]
    # aromatic, conjugated, in a ring, no stereo
    assert graph.bond_features[0].tolist() == [0, 0, 0, 1, 0, 1, 1, 0]


def test_bond_orders_stereo_and_chirality_are_told_apart() -> None:
    nitrile, alkene, plain = (molecules.graphs([text]) for text in ("CC#N", "F/C=C/F", "FC=CF"))
    assert nitrile.bond_features[2].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert alkene.bond_features[2].tolist() == [0, 1, 0, 0, 0, 0, 0, 1]
    assert plain.bond_features[2].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    left, none = molecules.graphs(["C[C@H](N)C(=O)O"]), molecules.graphs(["CC(N)C(=O)O"])
    assert left.atoms[:, -1].tolist() == [0, 1, 0, 0, 0, 0] and not none.atoms[:, -1].any()


@pytest.mark.parametrize(
    ("text", "atoms", "bonds"),
    [
        (METHANE, 1, 0),
        ("[Pt]", 1, 0),
        ("N.N.Cl[Pt]Cl", 5, 2),
        ("N[Pt](N)(Cl)Cl", 5, 4),
        ("[Na+].[Cl-]", 2, 0),
        ("CC(=O)[O-].[Na+]", 5, 3),
        ("O=[As]O[As]=O", 5, 4),
        ("[Li+].[Li+].[O-]C([O-])=O", 6, 3),
        ("[H][H]", 2, 1),
        ("[U]", 1, 0),
    ],
)
def test_metals_salts_and_single_atoms_pass(text: str, atoms: int, bonds: int) -> None:
    graph = molecules.graphs([text])
    assert len(graph.atoms) == atoms and graph.bonds.shape == (2, 2 * bonds)
    assert graph.bond_features.shape == (2 * bonds, BOND_WIDTH)
    assert all(torch.isfinite(getattr(graph, name)).all() for name in ("atoms", "fingerprints"))


def test_every_one_hot_group_has_exactly_one_one() -> None:
    groups = torch.split(molecules.graphs(POOL).atoms[:, :-3], [17, 6, 5, 5, 4], dim=1)
    assert all(torch.equal(group.sum(1), torch.ones(len(group))) for group in groups)


def test_bonds_join_atoms_of_one_molecule() -> None:
    graph = molecules.graphs(POOL)
    assert torch.equal(graph.molecule[graph.bonds[0]], graph.molecule[graph.bonds[1]])
    assert torch.equal(graph.molecule, graph.molecule.sort().values)
    sizes = [Chem.MolFromSmiles(text).GetNumAtoms() for text in POOL]
    assert torch.bincount(graph.molecule).tolist() == sizes


def test_no_structure_is_an_empty_graph() -> None:
    graph = molecules.graphs([])
    assert len(graph) == 0
    assert graph.atoms.shape == (0, ATOM_WIDTH) and graph.bonds.shape == (2, 0)
    assert graph.fingerprints.shape == (0, FINGERPRINT_BITS)
    assert graph.molecule.dtype == graph.bonds.dtype == torch.int64


@pytest.mark.parametrize("text", ["", "C1CC", "not a smiles", "C(C)(C)(C)(C)C", None, float("nan"), 7])
def test_what_is_no_structure_is_refused_with_its_row(text: object) -> None:
    with pytest.raises(DataError, match=r"row 1 cannot be read as a SMILES: .*Correct or drop"):
        molecules.graphs([ETHANOL, text])  # type: ignore[list-item]


def test_a_refused_structure_is_quoted_in_short() -> None:
    with pytest.raises(DataError) as refusal:
        molecules.graphs(["Z" * 10_000])
    assert len(str(refusal.value)) < 300


@given(st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=8))
def test_selecting_molecules_equals_encoding_the_selection(index: list[int]) -> None:
    whole = molecules.graphs(POOL)
    assert_same(whole.select(torch.tensor(index)), molecules.graphs([POOL[i] for i in index]))


def test_selecting_nothing_gives_nothing() -> None:
    chosen = molecules.graphs(POOL).select(torch.tensor([], dtype=torch.int64))
    assert len(chosen) == 0 and chosen.bonds.shape == (2, 0)


def test_equal_structures_written_differently_have_one_fingerprint() -> None:
    one, other = molecules.graphs(["OCC"]), molecules.graphs([ETHANOL])
    assert torch.equal(one.fingerprints, other.fingerprints)


def test_tanimoto_of_known_bits() -> None:
    left = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]])
    right = torch.tensor([[1.0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert torch.allclose(tanimoto(left, right), torch.tensor([[1 / 3, 1, 0], [0, 0, 1]]))


def test_tanimoto_of_two_kinase_inhibitors_is_rdkits() -> None:
    from rdkit.Chem import rdFingerprintGenerator
    from rdkit.DataStructs import TanimotoSimilarity

    nilotinib = "Cc1cn(-c2cc(NC(=O)c3ccc(C)c(Nc4nccc(-c5cccnc5)n4)c3)cc(C(F)(F)F)c2)cn1"
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FINGERPRINT_BITS)
    expected = TanimotoSimilarity(*(generator.GetFingerprint(Chem.MolFromSmiles(s)) for s in (IMATINIB, nilotinib)))
    bits = molecules.graphs([IMATINIB, nilotinib]).fingerprints
    assert float(tanimoto(bits[:1], bits[1:])) == pytest.approx(expected, abs=1e-6)
    assert 0.3 < expected < 0.9


def test_tanimoto_is_symmetric_bounded_and_one_with_itself() -> None:
    bits = molecules.graphs(POOL).fingerprints
    similarity = tanimoto(bits, bits)
    assert torch.equal(similarity, similarity.T)
    assert torch.equal(similarity.diagonal(), torch.ones(len(POOL)))
    assert similarity.min() >= 0 and similarity.max() <= 1


def test_fingerprints_are_bits() -> None:
    assert np.isin(molecules.graphs(POOL).fingerprints.numpy(), (0, 1)).all()


def test_moving_to_the_same_device_changes_nothing() -> None:
    graph = molecules.graphs(POOL)
    assert_same(graph.to("cpu"), graph)


def test_a_structure_is_read_once_in_whichever_set_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    every = molecules.graphs(POOL)
    monkeypatch.setattr(Chem, "MolFromSmiles", None)  # whoever reads now, fails
    assert_same(molecules.graphs(POOL[3:0:-1]), every.select(torch.tensor([3, 2, 1])))
