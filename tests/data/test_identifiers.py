from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdrp.data import identifiers
from bdrp.errors import DataError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("906826.0", "906826"),
        (906826.0, "906826"),
        (np.float32(906826.0), "906826"),
        (np.int64(906826), "906826"),
        (" 906826 ", "906826"),
        ("9.06826E+05", "906826"),
        ("1331031;1331030", "1331031;1331030"),
        ("1331031.0; 1331030.0", "1331031;1331030"),
        ("ACH-000001", "ACH-000001"),
        ("007", "007"),
        ("1.5", "1.5"),
        (None, ""),
        (float("nan"), ""),
        ("NaN", ""),
    ],
)
def test_an_id_is_cleaned_of_what_spreadsheets_do_to_it(value: object, expected: str) -> None:
    assert identifiers.clean_id(value) == expected


@given(st.integers(0, 10**12))
def test_an_integer_id_survives_the_trip_through_a_float(number: int) -> None:
    assert identifiers.clean_id(float(number)) == identifiers.clean_id(f"{number}.0") == str(number)


@given(st.text())
def test_cleaning_an_id_twice_changes_nothing_more(text: str) -> None:
    once = identifiers.clean_id(text)
    assert identifiers.clean_id(once) == once


def test_a_cell_of_two_ids_is_split_and_an_empty_one_holds_none() -> None:
    assert identifiers.split_ids("1331031;1331030") == ("1331031", "1331030")
    assert identifiers.split_ids(float("nan")) == ()


def test_line_names_meet_whatever_their_punctuation_and_case() -> None:
    assert {identifiers.line_name_key(name) for name in ("NCI-H1975", "nci h1975", "NCI_H1975")} == {"NCIH1975"}


def test_structures_written_differently_share_their_canonical_smiles_and_key() -> None:
    assert identifiers.canonical_smiles("OCC") == identifiers.canonical_smiles(" C(O)C ") == "CCO"
    assert identifiers.structure_key("C[C@H](N)C(=O)O") == identifiers.structure_key("C[C@@H](N)C(=O)O")
    assert identifiers.structure_key("CCO") == "LFQSCWFLJHTTHZ"


@pytest.mark.parametrize(
    "smiles", ["C", "[Na+].[Cl-]", "N.N.Cl[Pt]Cl", "[As]", "O=[As]O[As]=O", "CC(=O)O.CCN", "[2H]C", "[Li+]"]
)
def test_salts_metals_single_atoms_and_isotopes_pass(smiles: str) -> None:
    assert identifiers.canonical_smiles(smiles)
    assert len(identifiers.structure_key(smiles)) >= 14


@pytest.mark.parametrize("smiles", ["", "  ", None, float("nan"), "nan"])
def test_an_empty_structure_is_refused(smiles: object) -> None:
    with pytest.raises(DataError, match="SMILES is empty"):
        identifiers.canonical_smiles(smiles)


@pytest.mark.parametrize("smiles", ["C1CC", "CC(", "Xx", "C(C)(C)(C)(C)C", "hello", "%"])
def test_an_unparsable_structure_is_refused_and_rdkit_stays_silent(
    smiles: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="cannot be read as a molecule"):
        identifiers.structure_key(smiles)
    assert capfd.readouterr().err == ""


def test_a_hostile_structure_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DataError, match=r"100,000 characters.*2,000"):
        identifiers.canonical_smiles("C" * 100_000)
    for text in ("C\x00C", "C\nC", "C\x1b[31mC", "CC name", "Ç"):
        with pytest.raises(DataError, match="printable ASCII"):
            identifiers.canonical_smiles(text)


def test_a_list_is_cut_where_it_grows_too_long() -> None:
    assert identifiers.listed(range(12), 3) == "0, 1, 2, ..."
    assert identifiers.listed(range(3), 3) == "0, 1, 2"


@pytest.mark.parametrize(
    ("salt", "base"),
    [
        ("CCN.Cl", "CCN"),
        ("CC[NH3+].[Cl-]", "CCN"),
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("NCCc1ccccc1.CS(=O)(=O)O", "NCCc1ccccc1"),
        ("NCCc1ccccc1.O.O", "NCCc1ccccc1"),
        ("NCCc1ccccc1.OC(=O)C(O)C(O)C(=O)O", "NCCc1ccccc1"),
        ("NCCc1ccccc1.NCCc1ccccc1.OS(=O)(=O)O", "NCCc1ccccc1"),
    ],
)
def test_a_salt_has_the_parent_of_its_base(salt: str, base: str) -> None:
    assert identifiers.parent_key(salt) == identifiers.parent_key(base) == identifiers.structure_key(base)


@pytest.mark.parametrize("alone", ["N.N.[Cl][Pt][Cl]", "[Na+].[Cl-]", "O=C([O-])C(=O)[O-].[NH-]C1CCCCC1[NH-].[Pt+4]"])
def test_complexes_of_metals_and_salts_alone_are_their_own_parents(alone: str) -> None:
    assert identifiers.parent_key(alone) == identifiers.structure_key(alone)
