"""DepMap's harmonised screens: files made to the columns of the release 25Q2 and of the Data Explorer's exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.data.screen import is_censored
from bdrp.errors import BdrpWarning, DataError
from bdrp.testing import check_source

LINES = [f"ACH-{at:06d}" for at in range(1, 21)]
DRUGS = {"DPC-000001": "CCO", "DPC-000002": "c1ccccc1", "DPC-000003": "", "DPC-000004": "no structure"}


def areas(drug: int) -> list[float]:
    """0.1 to 0.86 of the first, others higher."""
    return [min(1.0, 0.1 + 0.04 * at + 0.1 * drug) for at in range(len(LINES))]


def matrix(names: list[str], cells: list[list[str]], lead: str = "") -> str:
    rows = [[line, *(column[at] for column in cells)] for at, line in enumerate(LINES)]
    return "\n".join(",".join(row) for row in [[lead, *names], *rows]) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """GDSC2 on 20 lines and four compounds, one without a structure and one whose structure cannot be read."""
    cells = [[f"{value:.4f}" for value in areas(drug)] for drug in range(4)]
    cells[0][5] = ""  # not measured
    (tmp_path / "GDSC2AUCMatrix.csv").write_text(matrix(list(DRUGS), cells))
    ic50 = [[f"{-4 * value}" if 0.3 < value < 0.6 else "" for value in areas(drug)] for drug in range(4)]
    (tmp_path / "GDSC2Log2IC50Matrix.csv").write_text(matrix(list(DRUGS), ic50))
    (tmp_path / "GDSC2Log2ViabilityCollapsedConditions.csv").write_text(
        "Label,CompoundName,SampleID,CompoundID,Dose,DoseUnit\n"
        + "".join(f"x{dose},n,GDSC2:1,{drug},{dose},uM\n" for drug in list(DRUGS)[:1] for dose in (0.01, 0.1, 10))
        + "y,n,GDSC2:2,DPC-000002,5,mg/mL\n"
    )
    (tmp_path / "PortalCompounds.csv").write_text(
        "CompoundID,CompoundName,GeneSymbolOfTargets,TargetOrMechanism,Synonyms,SampleIDs,ChEMBLID,SMILES,DoseUnit\n"
        + "".join(
            f"{drug},NAME{at},EGFR;ERBB2,kinase,,GDSC2:{at};CTRP:{at},C,{smiles},uM\n"
            for at, (drug, smiles) in enumerate(DRUGS.items(), 1)
        )
        + "DPC-000099,OTHER,,,,,,C(,uM\n"  # nobody measured it
    )
    expression = "".join(f"{at},S,{line},Yes,M,Yes,{at / 3:.3f},{5 - at / 5:.3f}\n" for at, line in enumerate(LINES))
    (tmp_path / "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv").write_text(
        ",SequencingID,ModelID,IsDefaultEntryForModel,ModelConditionID,IsDefaultEntryForMC,TSPAN6 (7105),TP53 (7157)\n"
        + expression
    )
    (tmp_path / "Model.csv").write_text(
        "ModelID,PatientID,CellLineName,OncotreeLineage\n" + "".join(f"{one},PT-{one},N,Lung\n" for one in LINES)
    )
    return tmp_path


def test_the_areas_of_a_matrix_become_a_screen(root: Path) -> None:
    screen = sources.load("depmap", root)
    assert screen.measure.name == "auc_fraction"
    assert len(screen.responses) == 19 + 20 and list(screen.drugs.index) == ["DPC-000001", "DPC-000002"]
    first = screen.responses[screen.responses["drug_id"] == "DPC-000001"].set_index("cell_line_id")["response"]
    assert "ACH-000006" not in first.index
    np.testing.assert_allclose(first, np.delete(areas(0), 5), atol=1e-6)
    assert screen.drugs.loc["DPC-000002", ["name", "target", "pathway"]].tolist() == ["NAME2", "EGFR;ERBB2", "kinase"]
    assert set(screen.cell_lines["tissue"]) == {"Lung"} and list(screen.expression.columns) == ["TSPAN6", "TP53"]
    assert "1 compounds dropped: their structure cannot be read (DPC-000004)." in screen.notices


def test_an_ic50_that_is_not_reached_stands_at_the_end_of_the_tested_doses(root: Path) -> None:
    screen = sources.load("depmap", root, measure="ln_ic50_um")
    rows = screen.responses
    assert set(rows["drug_id"]) == {"DPC-000001"}  # the other's doses are in mg/mL
    lowest, highest, tested = np.log(0.01), np.log(10), [*areas(0)[:5], np.nan, *areas(0)[6:]]
    expected = [-4 * area * np.log(2) if 0.3 < area < 0.6 else lowest if area < 0.5 else highest for area in tested]
    expected[5] = -4 * areas(0)[5] * np.log(2)  # an IC50 without an area is an IC50
    np.testing.assert_allclose(rows["response"], expected, atol=1e-6)
    assert is_censored(rows).tolist() == [value in (lowest, highest) for value in expected]
    assert any("their compound has no doses in µM (DPC-000002" in said for said in screen.notices)


def test_without_the_doses_such_curves_are_left_out_and_it_is_warned_of(root: Path) -> None:
    (root / "GDSC2Log2ViabilityCollapsedConditions.csv").unlink()
    with pytest.warns(BdrpWarning, match="takes lines for more sensitive than they are"):
        rows = sources.load("depmap", root, measure="ln_ic50_um").responses
    crossed = [-4 * area * np.log(2) for drug in range(2) for area in areas(drug) if 0.3 < area < 0.6]
    np.testing.assert_allclose(sorted(rows["response"]), sorted(crossed), atol=1e-6)
    assert rows["upper_limit"].isna().all()


def test_an_export_of_the_data_explorer_is_read_by_the_ids_of_its_data_set(root: Path) -> None:
    whole = sources.load("depmap", root)
    (root / "GDSC2AUCMatrix.csv").unlink()
    cells = [["LINE"] * 20, *([f"{value:.4f}" for value in areas(drug)] for drug in range(2))]
    names = ["cell_line_display_name", "NAME1 (GDSC2:1)", "(+)-NAME2 (GDSC2:2)"]
    (root / "Drug_sensitivity_AUC_(Sanger_GDSC2)_subsetted.csv").write_text(matrix(names, cells, "depmap_id"))
    exported = sources.load("depmap", root)
    assert list(exported.drugs.index) == ["GDSC2:1", "GDSC2:2"]
    assert exported.drugs["smiles"].tolist() == whole.drugs["smiles"].tolist()
    assert len(exported.responses) == 40


def test_one_of_several_data_sets_is_named(root: Path) -> None:
    (root / "CTRPAUCMatrix.csv").write_bytes((root / "GDSC2AUCMatrix.csv").read_bytes())
    with pytest.raises(DataError, match=r"2 data sets of DepMap .* GDSC2, CTRP\. One is read; name it with"):
        sources.load("depmap", root)
    assert len(sources.load("depmap", root, dataset="CTRP").responses) == 39
    with pytest.raises(DataError, match="no data set 'NCI60'. Known are GDSC1"):
        sources.load("depmap", root, dataset="NCI60")
    with pytest.raises(DataError, match=r"its name must be like REPURPOSINGAUCMatrix\.csv"):
        sources.load("depmap", root, dataset="REPURPOSING")


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("ACH-000002", "MCF7", r"no matrix of models by compounds \(row 2: MCF7\)"),
        ("ACH-000002", "ACH-000001", r"holds 1 models twice \(ACH-000001\)"),
        ("DPC-000002", "DPC-000001", "stand"),
        ("0.1400", "-14", "has areas from -14 to 1. Fractions are needed"),
    ],
)
def test_a_bad_matrix_is_refused_in_words(root: Path, wrong: str, right: str, said: str) -> None:
    path = root / "GDSC2AUCMatrix.csv"
    path.write_text(path.read_text().replace(wrong, right, 1))
    with pytest.raises(DataError, match=said):
        sources.load("depmap", root)


def test_areas_over_sixteen_doses_are_those_of_another_source(root: Path) -> None:
    cells = [[f"{14 * value:.3f}" for value in areas(drug)] for drug in range(2)]
    (root / "GDSC2AUCMatrix.csv").write_text(matrix(list(DRUGS)[:2], cells))
    with pytest.raises(DataError, match="read by the source 'ctrp'"):
        sources.load("depmap", root)


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_it_passes_every_check_of_a_source(root: Path) -> None:
    assert check_source("depmap", root)[-1] == "its pairs can be split"
