from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from bdrp.features import molecules
from bdrp.features.descriptors import DESCRIPTORS, describe, tabulate


def table(*smiles: str) -> np.ndarray:
    return tabulate([describe(Chem.MolFromSmiles(text)) for text in smiles])


def test_aspirin_has_the_descriptors_of_its_formula() -> None:
    found = dict(zip(DESCRIPTORS, table("CC(=O)Oc1ccccc1C(=O)O")[0].tolist(), strict=True))
    assert found["ln_weight"] == pytest.approx(np.log(180.16), abs=1e-3)
    assert [found[name] for name in ("hydrogen_donors", "rings", "aromatic_rings")] == [1, 1, 1]
    assert found["polar_surface"] == pytest.approx(63.6, abs=0.1)
    assert found["saturated_carbon"] == pytest.approx(1 / 9, abs=1e-6)


@pytest.mark.parametrize("odd", ["[Na+].[Cl-]", "[Pt]", "N.N.[Cl][Pt][Cl]", "O", "[H][H]", "*"])
def test_odd_molecules_have_finite_descriptors(odd: str) -> None:
    assert np.isfinite(table(odd)).all()


def test_no_molecule_is_an_empty_table_and_graphs_carry_theirs() -> None:
    assert table().shape == (0, len(DESCRIPTORS))
    made = molecules.graphs(["CCO", "c1ccccc1"])
    np.testing.assert_array_equal(made.descriptors.numpy(), table("CCO", "c1ccccc1"))
