from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.errors import DataError

AREAS = """,Ethanol (CTRP:11),BENZENE:X (1:1 MOL/MOL) (CTRP:12),Benzene (CTRP:13)
ACH-000001,15,7.5,3
ACH-000002,18,,14.25
ACH-000004,,12,12
ACH-000009,14,13,12
"""
EXPRESSION = """GENE_SYMBOLS\tGENE_title\tDATA.101\tDATA.102\tDATA.103
A1\tfirst\t1.5\t2.5\t5.5
B2\tsecond\t1\t2\t5
"""
MODELS = """model_id,patient_id,model_name,synonyms,tissue,COSMIC_ID,BROAD_ID,CCLE_ID
SIDM1,P1,ES-1,,Bone,101,ACH-000001,ES1_BONE
SIDM2,P2,ES-2,,Bone,102,ACH-000007;ACH-000002,ES2_BONE
SIDM4,P3,NCI-H77,,Lung,103,,
"""
SAMPLES = "ModelID,CCLEName,COSMICID,CellLineName\nACH-000004,H77_LUNG,,NCIH77\n"
STRUCTURES = "drug,smiles\nEthanol (CTRP:11),OCC\nBENZENE:X (1:1 MOL/MOL) (CTRP:12),\nBenzene (CTRP:13),c1ccccc1\n"
TABLE = "Drug_sensitivity_AUC_(CTD^2).csv"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tiny release below one root."""
    (tmp_path / TABLE).write_text(AREAS)
    (tmp_path / "Cell_line_RMA_proc_basalExp.txt.gz").write_bytes(gzip.compress(EXPRESSION.encode()))
    (tmp_path / "model_list_20230923.csv").write_text(MODELS)
    (tmp_path / "Model.csv").write_text(SAMPLES)
    (tmp_path / "ctrp_drug_smiles.csv").write_text(STRUCTURES)
    return tmp_path


def test_the_table_becomes_a_screen_of_fractions(root: Path) -> None:
    screen = sources.load("ctrp", root)
    rows = screen.responses
    assert screen.measure.name == "auc_fraction"  # the only one, so that nobody has to ask for it
    assert rows["cell_line_id"].tolist() == ["101", "101", "102", "102", "103"]
    assert rows["drug_id"].tolist() == ["11", "13", "11", "13", "13"]
    np.testing.assert_allclose(rows["response"], [1, 0.2, 1, 0.95, 0.8], rtol=1e-6)
    assert rows[["lower_limit", "upper_limit"]].isna().all(axis=None)
    assert screen.drugs["name"].tolist() == ["Ethanol", "Benzene"]
    assert screen.cell_lines["patient_id"].tolist() == ["P1", "P2", "P3"]


def test_areas_above_an_untouched_lines_and_whatever_is_lost_are_counted(root: Path) -> None:
    assert list(sources.load("ctrp", root).notices) == [
        "1 of 10 areas lie above 15, that of an untouched line (the largest is 18): they are set to it.",
        "1 cell lines were joined by name, no id leading to them (ACH-000004 is 103).",
        "3 responses dropped: 1 cell lines have no expression (ACH-000009).",
        "2 responses dropped: 1 drugs have no structure (12).",
    ]


def test_ic50_cannot_be_had(root: Path) -> None:
    assert sources.measures("ctrp") == ("auc_fraction",)
    with pytest.raises(DataError, match="ctrp has no ln_ic50_um. It offers auc_fraction"):
        sources.load("ctrp", root, measure="ln_ic50_um")


BAD = {
    "a line twice": (AREAS.replace("ACH-000002", "ACH-000001"), r"holds 1 lines twice \(ACH-000001\)"),
    "a column twice": (AREAS.replace("Benzene (CTRP:13)", "Ethanol (CTRP:11)"), "1 duplicated columns"),
    "a compound twice": (AREAS.replace("CTRP:13", "CTRP:11"), "gives 2 columns the id of another"),
    "foreign ids": (AREAS.replace("ACH-000002", "NCI-H77"), r"no DepMap id \(row 2: NCI-H77\)"),
    "foreign columns": (AREAS.replace(" (CTRP:13)", ""), r"1 columns that name no compound \(Benzene\)"),
    "percent": (
        AREAS.replace("18,", "1800,"),
        r"1 values that CTRPv2 cannot have \(rows ACH-000002 with Ethanol .CTRP:11.: 1800.0\).*15 for an untouched",
    ),
    "a negative area": (AREAS.replace("18,", "-1,"), r"cannot have \(rows ACH-000002 .*: -1.0\)"),
    "infinity": (AREAS.replace("18,", "inf,"), r"cannot have \(rows ACH-000002 .*: inf\)"),
    "fractions": (",A (CTRP:1),B (CTRP:2)\nACH-000001,1,0.5\nACH-000002,0.9,0.2\n", "were fractions already"),
    "text": (AREAS.replace("18,", "high,"), "1 columns that are not all numbers .*'high'"),
    "a single column": ("ACH-000001\nACH-000002\n", "has a single column"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_in_words(root: Path, case: str) -> None:
    text, message = BAD[case]
    (root / TABLE).write_text(text)
    with pytest.raises(DataError, match=message):
        sources.load("ctrp", root)


def test_structures_must_name_the_drugs(root: Path) -> None:
    (root / "ctrp_drug_smiles.csv").write_text("compound,smiles\nEthanol,OCC\n")
    with pytest.raises(DataError, match="has neither drug nor DRUG_ID"):
        sources.load("ctrp", root)


def test_the_real_ctrp_joins_to_its_known_size(real_data: Path) -> None:
    screen = sources.load("ctrp", real_data)
    rows = screen.responses
    assert (rows["cell_line_id"].nunique(), rows["drug_id"].nunique(), len(rows)) == (577, 471, 216_268)
    assert screen.drugs["structure_key"].nunique() == 469
    assert any(notice.startswith("38,080 of 365,785 areas lie above 15") for notice in screen.notices)
