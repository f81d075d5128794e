"""IMPROVE's CSA benchmark: files made to its columns and header rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.data.expression import read_expression
from bdrp.data.sources import csa
from bdrp.errors import DataError

RESPONSES = (
    "source\timprove_chem_id\timprove_sample_id\tstudy\tauc\tic50\tec50\tec50se\tr2fit\teinf\ths\taac1\tauc1\tdss1\n"
    + "".join(
        f"{source}\t{drug}\t{line}\t{source}\t{auc}\t5.66\t5.42\t0.1\t0.9\t0.0\t1.0\t0.2\t0.8\t0.1\n"
        for source, drug, line, auc in (
            ("CCLE", "Drug_749", "ACH-000956", 0.7153),
            ("CCLE", "Drug_1326", "ACH-000956", 0.9579),
            ("CCLE", "Drug_749", "ACH-000323", 0.413),
            ("gCSI", "Drug_749", "ACH-000956", 0.8004),
            ("gCSI", "Drug_749", "ACH-000323", 0.3),
            ("gCSI", "Drug_9", "ACH-000323", 0.5),
        )
    )
)
EXPRESSION = (
    "\tENSG00000000003\tENSG00000141510\tENSG00000146648\tENSG00000999999\n"
    "\t7105\t7157\t1956\t1956\n"
    "\tTSPAN6\tTP53\tEGFR\tEGFR\n"
    "ACH-000956\t4.9\t3.5\t5.9\t0.1\nACH-000323\t5.0\t2.0\t6.0\t0.2\nACH-000905\t3.0\t1.0\t2.0\t0.3\n"
)
STRUCTURES = "improve_chem_id\tcanSMILES\nDrug_749\tCCO\nDrug_1326\tc1ccccc1\n"
SPLITS = {"train": "0\n1\n", "val": "2\n", "test": "1\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The tree of the benchmark, in small."""
    for folder in ("x_data", "y_data", "splits"):
        (tmp_path / "raw_data" / folder).mkdir(parents=True)
    (tmp_path / "raw_data/y_data/response.tsv").write_text(RESPONSES)
    (tmp_path / "raw_data/x_data/cancer_gene_expression.tsv").write_text(EXPRESSION)
    (tmp_path / "raw_data/x_data/drug_SMILES.tsv").write_text(STRUCTURES)
    for part, text in SPLITS.items():
        (tmp_path / f"raw_data/splits/CCLE_split_0_{part}.txt").write_text(text)
    return tmp_path


def test_the_table_becomes_a_screen_with_a_laboratory_a_study(root: Path) -> None:
    screen = sources.load("csa", root)
    rows = screen.responses
    assert screen.measure.name == "auc_fraction"
    assert rows["laboratory"].tolist() == ["CCLE"] * 3 + ["gCSI"] * 2
    assert rows["response"].tolist() == [0.7153, 0.9579, 0.413, 0.8004, 0.3]
    assert rows["drug_id"].tolist() == ["Drug_749", "Drug_1326"] + ["Drug_749"] * 3
    assert screen.drugs["smiles"].tolist() == ["c1ccccc1", "CCO"]
    assert "1 responses dropped: 1 drugs have no structure (Drug_9)." in screen.notices


def test_one_study_is_read_alone(root: Path) -> None:
    assert sources.load("csa", root, study="gCSI").responses["response"].tolist() == [0.8004, 0.3]
    with pytest.raises(DataError, match="csa has no study 'ccle'. Its sources are CCLE, gCSI"):
        sources.load("csa", root, study="ccle")


def test_three_header_rows_are_read_at_every_door(root: Path) -> None:
    notices: list[str] = []
    table = read_expression(root / "raw_data/x_data/cancer_gene_expression.tsv", notices=notices)
    assert table.index.tolist() == ["ACH-000956", "ACH-000323", "ACH-000905"]
    assert table.columns.tolist() == ["TSPAN6", "TP53", "EGFR"]
    np.testing.assert_allclose(table["EGFR"], [5.9, 6.0, 2.0])  # the higher one of two
    assert any("three header rows" in said and "(1 left out)" in said for said in notices)


def test_tissue_and_patient_come_from_depmap_where_it_is_there(root: Path) -> None:
    (root / "Model.csv").write_text("ModelID,PatientID,OncotreeLineage\nACH-000956,PT-1,Lung\nACH-000323,PT-1,Lung\n")
    lines = sources.load("csa", root).cell_lines
    assert lines["tissue"].tolist() == ["Lung", "Lung"] and lines["patient_id"].nunique() == 1


def test_published_splits_are_rows_of_the_responses(root: Path) -> None:
    split = csa.read_split(root, "CCLE", 0)
    assert split.to_numpy().tolist() == [
        ["ACH-000956", "Drug_749", "train"],
        ["ACH-000956", "Drug_1326", "train"],
        ["ACH-000323", "Drug_749", "validation"],
        ["ACH-000956", "Drug_1326", "test"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("0 6", r"1 of 2 words that are no rows .*\(6\)"), ("0 3", "1 rows .* that are of gCSI"), ("", "0 of 0 words")],
)
def test_a_split_of_another_release_is_refused(root: Path, text: str, said: str) -> None:
    (root / "raw_data/splits/CCLE_split_0_val.txt").write_text(text)
    with pytest.raises(DataError, match=said):
        csa.read_split(root, "CCLE", 0)


def test_an_area_that_is_no_fraction_is_refused(root: Path) -> None:
    (root / "raw_data/y_data/response.tsv").write_text(RESPONSES.replace("0.7153", "71.53"))
    with pytest.raises(DataError, match="column auc, has values from 0.3 to 71.5"):
        sources.load("csa", root)
