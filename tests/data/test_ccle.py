from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import joining, sources
from bdrp.data.screen import is_censored
from bdrp.data.sources import ccle
from bdrp.errors import DataError

DOSES = '".0025,.0080,.025,.080,.25,.80,2.53,8"'
HEADER = (
    "CCLE Cell Line Name,Primary Cell Line Name,Compound,Target,Doses (uM),Num Data,FitType,EC50 (µM),IC50 (µM),Amax,"
    "ActArea\n"
)
CURVES = (
    HEADER
    + f"ES1_BONE,ES-1,Ethanol,ADH1B,{DOSES},8,Sigmoid,0.5,0.5,-90,4\n"
    + f"ES2_BONE,ES-2,Ethanol,ADH1B,{DOSES},8,Constant,,8,0,0\n"
    + 'OLD_LUNG,Old name,Ethanol,ADH1B,".0080,2.53",2,Constant,,8,0,0.5\n'
    + f"ES1_BONE,ES-1,Benzene,all,{DOSES},8,Sigmoid,0.1,0.002542614,-99,7.9\n"
    + f"K2_LUNG,K-2,Benzene,all,{DOSES},8,Sigmoid,0.1,2,-99,1\n"
    + f"LOST_LUNG,Lost,Benzene,all,{DOSES},8,Sigmoid,0.1,1,-99,5\n"
    + f"ES2_BONE,ES-2,Secret,,{DOSES},8,Sigmoid,0.1,1,-99,5\n"
)
EXPRESSION = """GENE_SYMBOLS\tGENE_title\tDATA.101\tDATA.102\tDATA.202\tDATA.103
A1\tfirst\t1.5\t2.5\t3.5\t5.5
B2\tsecond\t1\t2\t3\t5
"""
RNASEQ = "DepMap_ID,B2,C3\nACH-000001,0.5,1\nACH-000002,-0.5,0\nACH-000009,1,-1\n"
MODELS = """model_id,patient_id,model_name,synonyms,tissue,COSMIC_ID,BROAD_ID,CCLE_ID
SIDM1,P1,ES-1,,Bone,101,ACH-000001,ES1_BONE
SIDM2,P1,ES-2,,Bone,102.0,ACH-000002;ACH-000002,ES2_BONE
SIDM3,P2,K-2,,Lung,201;202,,K2_LUNG
SIDM4,P3,NCI-H77,Old name;Older,Lung,103,,
SIDM5,P4,Nine,,Skin,,ACH-000009,LOST_LUNG
"""
STRUCTURES = "dataset,drug,smiles,matched\nCCLE,Ethanol,OCC,name\nCCLE,Benzene,c1ccccc1,name\nCCLE,Secret,,\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tiny release below one root."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "CCLE_NP24.2009_Drug_data_2015.02.24.csv").write_text(CURVES, encoding="utf-8-sig")
    (tmp_path / "deep" / "Cell_line_RMA_proc_basalExp.txt.gz").write_bytes(gzip.compress(EXPRESSION.encode()))
    (tmp_path / "ccle_rnaseq_zscore_580x706.csv").write_text(RNASEQ)
    (tmp_path / "deep" / "model_list_20230923.csv").write_text(MODELS)
    (tmp_path / "ccle_drug_smiles.csv").write_text(STRUCTURES)
    return tmp_path


def write(root: Path, text: str) -> None:
    (root / "CCLE_NP24.2009_Drug_data_2015.02.24.csv").write_text(text)


def test_the_release_becomes_a_screen_whose_lines_go_by_cosmic_id(root: Path) -> None:
    screen = sources.load("ccle", root)
    rows = screen.responses
    assert rows["cell_line_id"].tolist() == ["101", "102", "103", "101", "202"]
    assert rows["drug_id"].tolist() == ["Ethanol", "Ethanol", "Ethanol", "Benzene", "Benzene"]
    np.testing.assert_allclose(rows["response"], np.log([0.5, 8, 8, 0.002542614, 2]))
    assert screen.cell_lines.loc["202"].tolist() == ["K-2", "Lung", "P2"]
    assert screen.drugs.loc["Ethanol", ["smiles", "target"]].tolist() == ["CCO", "ADH1B"]


def test_a_capped_ic50_is_censored_and_never_measured(root: Path) -> None:
    rows = sources.load("ccle", root).responses
    np.testing.assert_allclose(np.exp(rows["upper_limit"]), [8, 8, 2.53, 8, 8])
    np.testing.assert_allclose(np.exp(rows["lower_limit"]), [0.002542614, 0.002542614, 0.008, 0.002542614, 0.002542614])
    assert is_censored(rows).tolist() == [False, True, True, True, False]  # the fourth lies at the release's floor


def test_the_activity_area_becomes_the_fraction_that_is_left_without_limits(root: Path) -> None:
    rows = sources.load("ccle", root, measure="auc_fraction").responses
    np.testing.assert_allclose(rows["response"], [0.5, 1, 0.9375, 0.0125, 0.875])
    assert rows[["lower_limit", "upper_limit"]].isna().all(axis=None)


def test_what_is_joined_by_name_or_lost_is_said(root: Path) -> None:
    notices = sources.load("ccle", root).notices
    assert list(notices[:3]) == [
        "1 cell lines were joined by name, no id leading to them (OLD_LUNG is 103).",
        "1 responses dropped: 1 cell lines have no expression (LOST_LUNG).",
        "1 responses dropped: 1 drugs have no structure (Secret).",
    ]


def test_rna_seq_may_stand_for_expression_under_the_same_ids(root: Path) -> None:
    screen = sources.load("ccle", root, profile="rnaseq_z")
    assert screen.expression.index.tolist() == ["101", "102", "ACH-000009"]  # the third has no COSMIC id
    assert screen.expression.columns.tolist() == ["B2", "C3"]
    assert screen.cell_lines.loc["ACH-000009"].tolist() == ["Nine", "Skin", "P4"]
    assert "Cell_line_RMA_proc_basalExp.txt.gz" not in screen.checksums


def test_depmaps_samples_lead_to_a_line_that_the_model_list_lacks(root: Path) -> None:
    (root / "deep" / "model_list_20230923.csv").write_text(MODELS.replace("103,,", ",,").replace("Old name;", ""))
    (root / "sample_info.csv").write_text("DepMap_ID,CCLE_Name,COSMICID,cell_line_name\nACH-000004,OLD_LUNG,103.0,x\n")
    screen = sources.load("ccle", root)
    assert "103" in screen.cell_lines.index
    assert screen.cell_lines.loc["103", "tissue"] == "unknown"


def test_a_curve_that_stands_twice_is_dropped_and_a_second_measurement_is_kept(root: Path) -> None:
    again = CURVES.splitlines(keepends=True)[1]
    write(root, CURVES + again + again.replace(",0.5,-90,4", ",0.7,-90,4"))
    screen = sources.load("ccle", root)
    assert len(screen.responses) == 6
    assert "1 responses dropped: the same curve stands there already." in screen.notices


def test_either_micro_sign_and_its_transcription_are_read(root: Path) -> None:
    expected = sources.load("ccle", root).responses
    for sign in ("μ", "u"):
        write(root, CURVES.replace("µ", sign))
        pd.testing.assert_frame_equal(sources.load("ccle", root).responses, expected)


BAD = {
    "a missing column": (CURVES.replace("ActArea", "Area"), "lacks the columns ActArea. It has CCLE Cell Line Name"),
    "nM for µM": (
        CURVES.replace(",0.5,-90", ",500,-90"),
        r"ic50_um has 1 values that CCLE cannot have \(rows 1: 500.0\).*nM / 1000",
    ),
    "an IC50 of zero": (CURVES.replace(",0.5,-90", ",0,-90"), r"cannot have \(rows 1: 0.0\)"),
    "an IC50 that is missing": (CURVES.replace(",0.5,-90", ",,-90"), "1 missing"),
    "an IC50 with a sign": (CURVES.replace(",0.5,-90", ",>8,-90"), r"1 cells that are no numbers \(row 1.*>8"),
    "a negative area": (CURVES.replace("-90,4", "-90,-4"), r"cannot have \(rows 1: -4.0\).*between 0 and 8"),
    "a percent for an area": (CURVES.replace("-90,4", "-90,90"), r"cannot have \(rows 1: 90.0\)"),
    "no line": (CURVES.replace("ES1_BONE,ES-1,Eth", ",ES-1,Eth"), r"broad_id has 1 empty texts"),
    "no drug": (CURVES.replace("ES-1,Ethanol", "ES-1,"), r"drug_id has 1 empty texts"),
    "doses that are no list": (CURVES.replace('".0080,2.53"', "eight"), r"no list of doses \(row 3: 'eight'\)"),
    "a dose below zero": (CURVES.replace('".0080,2.53"', '"-1,2.53"'), r"no list of doses \(row 3: '-1,2.53'\)"),
    "unknown lines alone": (HEADER + f"X,Y,Ethanol,,{DOSES},8,Sigmoid,1,1,0,1\n", "No response of ccle has both"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_in_words(root: Path, case: str) -> None:
    text, message = BAD[case]
    write(root, text)
    with pytest.raises(DataError, match=message):
        sources.load("ccle", root)


def test_an_unknown_profile_and_a_foreign_sample_table_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match="no expression profile 'tpm'. Known are rma, rnaseq_z"):
        sources.load("ccle", root, profile="tpm")
    (root / "sample_info.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="neither DepMap_ID nor ModelID"):
        sources.load("ccle", root)


def test_a_missing_file_is_named_with_the_command(root: Path) -> None:
    (root / "ccle_drug_smiles.csv").unlink()
    assert "bdrp fetch ccle" in str(sources.missing("ccle", root))
    with pytest.raises(DataError, match=r"is the structures of ccle: its name must be like ccle\*smiles\*"):
        sources.load("ccle", root)


def test_the_real_ccle_joins_to_its_known_size(real_data: Path) -> None:
    screen = sources.load("ccle", real_data)
    rows = screen.responses
    assert (rows["cell_line_id"].nunique(), rows["drug_id"].nunique(), len(rows)) == (373, 23, 8_226)
    assert not rows.duplicated(["cell_line_id", "drug_id"]).any()
    assert 0.54 < is_censored(rows).mean() < 0.56
    assert (screen.cell_lines["tissue"] == "unknown").sum() == 1


def test_the_real_table_reads_whole(real_data: Path) -> None:
    notices = joining.Notices()
    curves = ccle.read_curves(next(real_data.rglob("CCLE_NP24*Drug_data*")), "ln_ic50_um", notices)
    assert (len(curves), curves["broad_id"].nunique(), notices.lines) == (11_670, 504, [])
    assert np.mean(curves["response"] == curves["upper_limit"]) > 0.5
    assert np.sum(curves["response"] == curves["lower_limit"]) == 47
