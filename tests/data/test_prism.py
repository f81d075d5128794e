"""PRISM's secondary screen: files made to the columns of the release 19Q4, and of DepMap's before and after 25Q2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.data.screen import is_censored
from bdrp.errors import DataError

HEADER = (
    "broad_id,depmap_id,ccle_name,screen_id,upper_limit,lower_limit,slope,r2,auc,ec50,ic50,name,moa,target,"
    "disease.area,indication,smiles,phase,passed_str_profiling,row_name\n"
)
ONE, TWO = "BRD-K00000001-001-01-1", "BRD-K00000002-001-02-2"
CURVES = HEADER + "".join(
    f'{drug},{line},X_LUNG,{screen},1,{lower},1.5,0.9,{auc},0.5,{ic50},{name},EGFR inhibitor,"EGFR, ERBB2",,,'
    f'"{smiles}",Launched,{passed},PR500_{line}\n'
    for drug, line, screen, lower, auc, ic50, name, smiles, passed in (
        (ONE, "ACH-000001", "MTS010", 0.1, 0.4, 0.2, "alpha", "CCO, OCC", "TRUE"),
        ("BRD-K00000001-003-19-4", "ACH-000001", "HTS002", 0.1, 0.5, 0.4, "alpha", "CCO", "TRUE"),
        (ONE, "ACH-000002", "MTS010", 0.9, 1.2, "", "alpha", "CCO, OCC", "TRUE"),
        (TWO, "ACH-000001", "HTS002", 0.0, 0.05, "", "beta", "c1ccccc1, c1ccccc1C", "TRUE"),
        (TWO, "ACH-000002", "HTS002", 0.4, 0.9, 40000, "beta", "c1ccccc1, c1ccccc1C", "TRUE"),
        (TWO, "ACH-000003", "HTS002", 0.4, 0.9, 4, "beta", "c1ccccc1", "FALSE"),
        (TWO, "", "HTS002", 0.4, 0.9, 4, "beta", "c1ccccc1", "TRUE"),
    )
)
OLD = ",TSPAN6 (7105),TP53 (7157)\nACH-000001,4.1,2.5\nACH-000002,3.3,0.4\nACH-000009,1.0,2.0\n"
NEW = (
    ",SequencingID,ModelID,IsDefaultEntryForModel,ModelConditionID,IsDefaultEntryForMC,TSPAN6 (7105),TP53 (7157)\n"
    "0,CDS-a,ACH-000001,Yes,MC-1,Yes,4.1,2.5\n1,CDS-b,ACH-000001,No,MC-2,Yes,9.9,9.9\n"
    "2,CDS-c,ACH-000002,Yes,MC-3,Yes,3.3,0.4\n3,CDS-d,ACH-000009,Yes,MC-4,Yes,1.0,2.0\n"
)
MODELS = (
    "ModelID,PatientID,CellLineName,StrippedCellLineName,OncotreeLineage,COSMICID\n"
    "ACH-000001,PT-1,Line One,LINEONE,Lung,1\nACH-000002,PT-1,Line Two,LINETWO,Lung,2\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tiny release below one root."""
    (tmp_path / "secondary-screen-dose-response-curve-parameters.csv").write_text(CURVES)
    (tmp_path / "OmicsExpressionProteinCodingGenesTPMLogp1.csv").write_text(OLD)
    (tmp_path / "Model.csv").write_text(MODELS)
    return tmp_path


def test_the_curves_become_a_screen_of_fractions_with_a_laboratory_a_screen(root: Path) -> None:
    screen = sources.load("prism", root)
    rows = screen.responses
    assert screen.measure.name == "auc_fraction"
    assert rows[["cell_line_id", "drug_id", "laboratory"]].to_numpy().tolist() == [
        ["ACH-000001", "BRD-K00000001", "MTS010"],
        ["ACH-000001", "BRD-K00000001", "HTS002"],
        ["ACH-000002", "BRD-K00000001", "MTS010"],
        ["ACH-000001", "BRD-K00000002", "HTS002"],
        ["ACH-000002", "BRD-K00000002", "HTS002"],
    ]
    assert rows["response"].tolist() == [0.4, 0.5, 1.0, 0.05, 0.9]
    assert rows[["lower_limit", "upper_limit"]].isna().all(axis=None)  # the plateaus are none of the assay's limits
    assert screen.drugs["smiles"].tolist() == ["CCO", "c1ccccc1"]
    assert screen.drugs["name"].tolist() == ["alpha", "beta"]
    assert screen.drugs["target"].tolist() == ["EGFR, ERBB2"] * 2
    assert screen.cell_lines["patient_id"].tolist() == ["PT-1", "PT-1"]
    assert screen.cell_lines["tissue"].tolist() == ["Lung", "Lung"]
    assert list(screen.expression.columns) == ["TSPAN6", "TP53"]


def test_what_is_lost_and_mended_is_counted(root: Path) -> None:
    said = sources.load("prism", root).notices
    assert [one for one in said if not one.startswith("2 genes")] == [
        "1 curves dropped: their line did not pass STR profiling (ACH-000003).",
        "1 curves dropped: their line has no depmap_id.",
        "1 compounds have several structures (BRD-K00000002): the first is taken.",
        "1 of 5 AUC lie above 1, that of an untouched line (the largest is 1.2): they are set to it.",
    ]


def test_an_ic50_that_is_not_reached_is_beyond_the_tested_doses(root: Path) -> None:
    rows = sources.load("prism", root, measure="ln_ic50_um").responses
    lowest, highest = np.log(10 / 4**7), np.log(10)
    np.testing.assert_allclose(rows["response"], [np.log(0.2), np.log(0.4), highest, lowest, highest])
    assert is_censored(rows).tolist() == [False, False, True, True, True]


def test_expression_of_every_release_gives_the_same_screen(root: Path) -> None:
    old = sources.load("prism", root)
    (root / "OmicsExpressionProteinCodingGenesTPMLogp1.csv").unlink()
    (root / "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv").write_text(NEW)
    new = sources.load("prism", root)
    assert new.expression.equals(old.expression) and new.responses.equals(old.responses)
    assert any("not their model's default entry" in said for said in new.notices)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (ONE, "K1", r"1 rows whose broad_id is none \(row 1: K1\)"),
        (",0.4,0.5,0.2,", ",40,0.5,0.2,", "column auc, has values from 0.05 to 40"),
        ("depmap_id", "line", "lacks the columns depmap_id"),
    ],
)
def test_a_bad_table_is_refused_in_words(root: Path, wrong: str, right: str, said: str) -> None:
    path = root / "secondary-screen-dose-response-curve-parameters.csv"
    path.write_text(CURVES.replace(wrong, right, 1))
    with pytest.raises(DataError, match=said):
        sources.load("prism", root)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    said = str(sources.missing("prism", tmp_path))
    assert "secondary-screen-dose-response-curve-parameters" in said and "Download it from https://depmap.org" in said
