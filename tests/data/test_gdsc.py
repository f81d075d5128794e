from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.screen import Screen, is_censored
from bdrp.errors import DataError

CURVES = """DATASET,NLME_RESULT_ID,NLME_CURVE_ID,COSMIC_ID,CELL_LINE_NAME,SANGER_MODEL_ID,TCGA_DESC,DRUG_ID,DRUG_NAME,\
PUTATIVE_TARGET,PATHWAY_NAME,COMPANY_ID,WEBRELEASE,MIN_CONC,MAX_CONC,LN_IC50,AUC,RMSE,Z_SCORE
GDSC2,401,1,101,ES-1,SIDM1,MB,1,Ethanol,ADH1B,Alcohol,1046,Y,0.01,10,-1.5,0.4,0.1,0.4
GDSC2,401,2,102,ES-2,SIDM2,MB,1,Ethanol,ADH1B,Alcohol,1046,Y,0.01,10,3.5,0.9,0.1,0.4
GDSC2,401,3,202,K-2,SIDM3,MB,1,Ethanol,ADH1B,Alcohol,1046,Y,0.01,10,2.5,0.8,0.1,0.4
GDSC2,401,4,101,ES-1,SIDM1,MB,2,Benzene,,Solvent,1046,Y,0.01,10,0.5,0.7,0.1,0.4
GDSC2,401,5,101,ES-1,SIDM1,MB,3,Secret,,,1046,Y,0.01,10,0.5,0.7,0.1,0.4
GDSC2,401,6,999,Lost,SIDM9,MB,1,Ethanol,ADH1B,Alcohol,1046,Y,0.01,10,0.5,0.7,0.1,0.4
"""
OLD_CURVES = """CELL_LINE_NAME,DRUG_ID,LN_IC50,AUC
es-1,1,-1.5,0.4
K-2,1,2.5,0.8
K2,1,1.5,0.7
H77,2,0.5,0.7
Old name,2,4.5,0.95
Nobody,1,3.0,0.9
"""
EXPRESSION = """GENE_SYMBOLS\tGENE_title\tDATA.101\tDATA.102\tDATA.201\tDATA.101.1\tDATA.103
A1\tfirst "gene"\t1.5\t2.5\t3.5\t9\t5.5
B2\tsecond\t1\t\t3\t9\t5
\tno symbol\t1\t2\t3\t9\t5
A1\tfirst again\t7\t7\t7\t9\t7
"""
MODELS = """model_id,patient_id,model_name,synonyms,tissue,COSMIC_ID
SIDM1,P1,ES-1,,Bone,101
SIDM2,P1,ES-2,,Bone,102.0
SIDM3,P2,K-2,,Lung,201;202
SIDM4,P3,NCI-H77,Old name;Older,Lung,103
SIDM5,P4,K2,,Skin,
"""
STRUCTURES = "DRUG_ID,name,smiles\n1,Ethanol,OCC\n2,Benzene,c1ccccc1\n3,Secret,\n4,Unmeasured,C\n"
LIST = (
    "Drug Id, Name, Synonyms, Targets, Target pathway, Datasets, Screening site\n"
    '"1","Ethanol","","ADH1B","Alcohol","GDSC2","SANGER"\n'
    '"1","Ethanol","","ADH1B","Alcohol","GDSC1","MGH"\n'
    '"2","Benzene","","everything","Solvent","GDSC2","SANGER"\n'
)

FEATURES = (
    'COSMIC_ID,TISSUE_FACTOR,MSI_FACTOR,TP53_mut,gain_cnaPANCAN1_(MYC),"loss_cnaPANCAN2_(A1,B2)"\n'
    "101,bone,0,1,0,1\n202,lung,1,0,,1\n999,skin,0,1,1,0\n201,lung,0,1,1,1\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tiny release: packed, nested and plain files below one root."""
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "GDSC2_fitted_dose_response_27Oct23.csv").write_text(CURVES)
    (tmp_path / "GDSC1_v17_fitted.csv").write_text(OLD_CURVES)
    (tmp_path / "deep" / "Cell_line_RMA_proc_basalExp.txt.gz").write_bytes(gzip.compress(EXPRESSION.encode()))
    (tmp_path / "deep" / "model_list_20230923.csv").write_text(MODELS)
    (tmp_path / "deep" / "down" / "gdsc_drug_smiles.csv").write_text(STRUCTURES)
    (tmp_path / "GDSC_drug_list_2022-08-12.csv").write_text(LIST)
    return tmp_path


def test_the_release_becomes_a_screen(root: Path) -> None:
    screen = sources.load("gdsc2", root)
    rows = screen.responses
    assert rows["cell_line_id"].tolist() == ["101", "102", "201", "101"]
    assert rows["drug_id"].tolist() == ["1", "1", "1", "2"]
    assert rows["response"].tolist() == [-1.5, 3.5, 2.5, 0.5]
    np.testing.assert_allclose(rows[["lower_limit", "upper_limit"]].iloc[0], np.log([0.01, 10]))
    assert is_censored(rows).tolist() == [False, True, True, False]
    assert set(rows["laboratory"]) == {"SANGER"}


def test_tissue_and_patient_come_from_the_model_list_and_either_id_of_a_cell_finds_the_line(root: Path) -> None:
    lines = sources.load("gdsc2", root).cell_lines
    assert lines.loc["201"].tolist() == ["K-2", "Lung", "P2"]
    assert lines.loc["101", "patient_id"] == lines.loc["102", "patient_id"] == "P1"


def test_drugs_have_canonical_structures_and_targets_of_the_release_or_the_list(root: Path) -> None:
    drugs = sources.load("gdsc2", root).drugs
    assert drugs["smiles"].tolist() == ["CCO", "c1ccccc1"]
    assert drugs["target"].tolist() == ["ADH1B", "everything"]
    assert drugs["name"].tolist() == ["Ethanol", "Benzene"]


def test_missing_expression_stays_missing_and_repeats_are_dropped_in_words(root: Path) -> None:
    screen = sources.load("gdsc2", root)
    assert screen.expression.columns.tolist() == ["A1", "B2"]
    assert screen.expression.loc["101"].tolist() == [1.5, 1.0]
    assert np.isnan(screen.expression.loc["102", "B2"])
    assert list(screen.notices[:6]) == [
        "1 expression columns dropped: the line stands there already.",
        "1 expression rows dropped: they have no gene symbol.",
        "1 expression rows dropped: the gene stands there already (A1).",
        "1 responses dropped: 1 cell lines have no expression (999).",
        "1 responses dropped: 1 drugs have no structure (3).",
        "16.7% of the expression values are missing.",
    ]


def test_every_file_that_was_read_has_its_checksum(root: Path) -> None:
    checksums = sources.load("gdsc2", root).checksums
    assert sorted(checksums) == [
        "Cell_line_RMA_proc_basalExp.txt.gz",
        "GDSC2_fitted_dose_response_27Oct23.csv",
        "GDSC_drug_list_2022-08-12.csv",
        "gdsc_drug_smiles.csv",
        "model_list_20230923.csv",
    ]
    assert all(len(digits) == 64 for digits in checksums.values())


def test_the_auc_has_no_limits(root: Path) -> None:
    screen = sources.load("gdsc2", root, measure="auc_fraction")
    assert screen.responses["response"].tolist() == [0.4, 0.9, 0.8, 0.7]
    assert screen.responses[["lower_limit", "upper_limit"]].isna().all(axis=None)


def test_the_older_layout_joins_lines_by_name_strictest_spelling_first(root: Path) -> None:
    screen = sources.load("gdsc1", root)
    assert screen.responses["cell_line_id"].tolist() == ["101", "201", "103", "103"]  # K2 is another line than K-2
    assert screen.responses["upper_limit"].isna().all()
    assert "4 of 6 cell lines were joined by name, having no COSMIC id." in screen.notices
    assert "2 responses dropped: 2 cell lines have no expression (K2, Nobody)." in screen.notices
    assert screen.responses["laboratory"].tolist() == ["MGH", "MGH", "", ""]


def _pack(root: Path, name: str, write: Callable[[Path], None]) -> None:
    plain = root / "GDSC2_fitted_dose_response_27Oct23.csv"
    plain.unlink()
    write(root / name)


def _same(left: Screen, right: Screen) -> None:
    pd.testing.assert_frame_equal(left.responses, right.responses)
    pd.testing.assert_frame_equal(left.drugs, right.drugs)
    pd.testing.assert_frame_equal(left.expression, right.expression)


def test_a_workbook_reads_as_the_text_does(root: Path) -> None:
    expected = sources.load("gdsc2", root)
    frame = pd.read_csv(root / "GDSC2_fitted_dose_response_27Oct23.csv")
    _pack(root, "GDSC2_fitted_dose_response_27Oct23.xlsx", lambda path: frame.to_excel(path, index=False))
    _same(sources.load("gdsc2", root), expected)


def test_ids_that_a_spreadsheet_made_floats_join_all_the_same(root: Path) -> None:
    expected = sources.load("gdsc2", root)
    path = root / "GDSC2_fitted_dose_response_27Oct23.csv"
    pd.read_csv(path).astype({"COSMIC_ID": float, "DRUG_ID": float}).to_csv(path, index=False)
    assert "101.0" in path.read_text()
    _same(sources.load("gdsc2", root), expected)


def test_zipped_expression_is_read_by_its_member_alone(root: Path) -> None:
    expected = sources.load("gdsc2", root)
    (root / "deep" / "Cell_line_RMA_proc_basalExp.txt.gz").unlink()
    with zipfile.ZipFile(root / "deep" / "Cell_line_RMA_proc_basalExp.txt.zip", "w") as archive:
        archive.writestr("../../etc/passwd", "never read")
        archive.writestr("Cell_line_RMA_proc_basalExp.txt", EXPRESSION)
        archive.writestr("__MACOSX/._Cell_line_RMA_proc_basalExp.txt", "x")
    _same(sources.load("gdsc2", root), expected)
    assert not (root.parent / "etc").exists()


def test_the_other_official_drug_list_is_read_too(root: Path) -> None:
    (root / "GDSC_drug_list_2022-08-12.csv").unlink()
    text = "DRUG_ID,SCREENING_SITE,DRUG_NAME,SYNONYMS,TARGET,TARGET_PATHWAY\n2,MGH,Benzene,,all,Solvent\n"
    (root / "screened_compounds_rel_8.5.csv").write_text(text)
    assert sources.load("gdsc2", root).drugs.loc["2", "target"] == "all"


def test_the_drug_list_may_be_absent(root: Path) -> None:
    (root / "GDSC_drug_list_2022-08-12.csv").unlink()
    assert sources.load("gdsc2", root).drugs["target"].tolist() == ["ADH1B", ""]


def test_a_file_may_be_named_instead_of_found(root: Path) -> None:
    other = root / "mine.csv"
    other.write_text(CURVES.replace("-1.5", "-2.5"))
    assert sources.load("gdsc2", root, responses=other).responses["response"].iloc[0] == -2.5
    with pytest.raises(DataError, match="takes no option 'genes'. Allowed are responses, expression"):
        sources.load("gdsc2", root, genes=other)


@pytest.mark.parametrize("pattern", ["GDSC2_*", "*RMA*", "*smiles*", "model_list*"])
def test_a_missing_file_is_named_with_its_pattern_the_root_and_the_command(root: Path, pattern: str) -> None:
    next(root.rglob(pattern)).unlink()
    with pytest.raises(
        DataError, match=rf"No file below {str(root)!r} is the .*must be like .*bdrp fetch gdsc2 --root"
    ):
        sources.load("gdsc2", root)


def test_two_files_that_could_be_the_same_are_refused(root: Path) -> None:
    (root / "deep" / "GDSC2_fitted_dose_response_25Feb20.csv").write_text(CURVES)
    with pytest.raises(DataError, match=r"2 files below .* could be the responses of gdsc2: .*27Oct23.*25Feb20"):
        sources.load("gdsc2", root)


def test_a_half_downloaded_file_is_not_taken_for_the_release(root: Path) -> None:
    (root / "GDSC2_fitted_dose_response_27Oct23.xlsx.part").write_bytes(b"half")
    assert len(sources.load("gdsc2", root).responses) == 4


def test_the_other_screen_under_a_false_name_is_refused(root: Path) -> None:
    (root / "GDSC2_fitted_dose_response_27Oct23.csv").write_text(CURVES.replace("GDSC2,401,1,", "GDSC1,401,1,"))
    with pytest.raises(DataError, match="holds curves of GDSC1, GDSC2 in its column DATASET"):
        sources.load("gdsc2", root)


def test_a_root_is_needed_and_must_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs a root folder.*bdrp fetch gdsc2"):
        sources.load("gdsc2")
    with pytest.raises(DataError, match="does not exist or is no folder"):
        sources.load("gdsc2", tmp_path / "nowhere")


def test_names_of_sources_and_measures_are_listed_where_an_unknown_one_is_asked_for() -> None:
    assert {"ccle", "ctrp", "gdsc1", "gdsc2", "simulated", "tables"} <= set(sources.names())
    assert all(sources.describe(name) for name in sources.names())
    with pytest.raises(
        DataError,
        match=r"no source 'gdsc3'. Did you mean 'gdsc2'.? Choose one of: ccle, coderdata, csa, ctrp, depmap, dreval",
    ):
        sources.load("gdsc3")
    with pytest.raises(DataError, match=r"no source '_gdsc'"):
        sources.load("_gdsc")
    with pytest.raises(DataError, match=r"no measure 'ic50'. Known are ln_ic50_um, auc_fraction"):
        sources.load("gdsc2", measure="ic50")


@pytest.fixture(scope="session")
def gdsc2(real_data: Path) -> Screen:
    return sources.load("gdsc2", real_data)


def test_the_real_gdsc2_joins_to_its_known_size(gdsc2: Screen) -> None:
    rows = gdsc2.responses
    assert (rows["cell_line_id"].nunique(), rows["drug_id"].nunique(), len(rows)) == (757, 240, 158_674)
    assert gdsc2.drugs["structure_key"].nunique() == 230
    assert gdsc2.expression.shape == (757, 2305)
    assert 0.015 < gdsc2.expression.isna().mean(axis=None) < 0.018
    assert gdsc2.cell_lines["tissue"].nunique() > 20
    assert "unknown" not in set(gdsc2.cell_lines["tissue"])
    assert 0.65 < is_censored(rows).mean() < 0.75
    assert gdsc2.profiles["mutations"].shape == (757, 677) and set(np.unique(gdsc2.profiles["mutations"])) == {0, 1}


def test_raw_ic50_of_the_real_gdsc2_would_be_refused(gdsc2: Screen) -> None:
    rows = gdsc2.responses
    rows["response"] = np.exp(rows["response"])
    with pytest.raises(DataError, match="looks like raw IC50 in µM"):
        Screen("raw", gdsc2.measure, rows, gdsc2.drugs, gdsc2.cell_lines, gdsc2.expression)


def test_the_real_gdsc1_joins_to_its_known_size(real_data: Path) -> None:
    rows = sources.load("gdsc1", real_data, measure="auc_fraction").responses
    assert (rows["cell_line_id"].nunique(), rows["drug_id"].nunique(), len(rows)) == (957, 256, 199_117)


def test_capped_raw_ic50_of_the_real_ccle_would_be_refused(real_data: Path, gdsc2: Screen) -> None:
    table = pd.read_csv(real_data / "ccle" / "CCLE_NP24.2009_Drug_data_2015.02.24.csv.gz")
    rows = gdsc2.responses.head(len(table)).copy()
    rows["response"] = table["IC50 (µM)"]
    with pytest.raises(DataError, match="looks like raw IC50 in µM"):
        Screen("raw", gdsc2.measure, rows, gdsc2.drugs, gdsc2.cell_lines, gdsc2.expression)


def test_mutations_and_copy_number_are_a_profile_where_their_table_is_there(root: Path) -> None:
    (root / "deep" / "gdsc_genomic_features_v17.csv.gz").write_bytes(gzip.compress(FEATURES.encode()))
    screen = sources.load("gdsc2", root)
    table = screen.profiles["mutations"]
    assert table.columns.tolist() == ["TP53_mut", "gain_cnaPANCAN1_(MYC)", "loss_cnaPANCAN2_(A1,B2)"]
    assert table.index.tolist() == ["101", "201"]  # 202 is another id of 201; 102 has no row, and stays a line
    np.testing.assert_array_equal(table, [[1, 0, 1], [0, np.nan, 1]])
    assert "1 cell lines have no mutations (102): they stay." in screen.notices
    assert "1 rows of mutations dropped: the line stands there already (201)." in screen.notices
    assert "gdsc_genomic_features_v17.csv.gz" in screen.checksums
    _same(screen, sources.load("gdsc2", root, mutations=root / "deep" / "gdsc_genomic_features_v17.csv.gz"))


def test_without_mutations_a_release_is_what_it_was(root: Path) -> None:
    expected = sources.load("gdsc2", root)
    assert "mutations" not in expected.profiles
    (root / "gdsc_genomic_features_v17.csv").write_text(FEATURES)
    _same(sources.load("gdsc2", root), expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("COSMIC_ID,TISSUE_FACTOR,BRAF\n101,bone,1\n", "has no column like TP53_mut, gain_cna... or loss_cna"),
        ("MODEL,TP53_mut\n101,1\n", "lacks the columns COSMIC_ID"),
        ("COSMIC_ID,TP53_mut\n101,p.R175H\n", "1 columns that are not all numbers"),
    ],
)
def test_a_table_of_no_mutations_is_refused(root: Path, text: str, said: str) -> None:
    (root / "gdsc_genomic_features_v17.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        sources.load("gdsc2", root)
