"""A data set of DrEval: files made to the columns that drevalpy reads and writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.errors import BdrpWarning, DataError
from bdrp.testing import check_source

LINES = {"CAL-120": "CVCL_1104", "DMS 114": "CVCL_1174", "CAL-51": "CVCL_1110"}
DRUGS = {"2244": "aspirin", "241": "benzene", "702": "ethanol"}
EXPRESSION = "cellosaurus_id,cell_line_name,TSPAN6,TNMD,BRCA1\n" + "".join(
    f"{cvcl},{name},{7.5 + at / 10},{2.5 + at},{11.0 - at}\n" for at, (name, cvcl) in enumerate(LINES.items())
)
STRUCTURES = "pubchem_id,canonical_smiles\n2244,CC(=O)OC1=CC=CC=C1C(=O)O\n241,c1ccccc1\n702,CCO\n"


def responses(*changed: tuple[int, str, str]) -> str:
    """A row a pair; of the `changed` (row, ln IC50, AUC)."""
    values = {at: (str(round(0.5 * at - 1, 2)), str(round(0.9 - at / 20, 2))) for at in range(9)}
    values |= {at: (ln_ic50, auc) for at, ln_ic50, auc in changed}
    header = "cell_line_name,cellosaurus_id,pubchem_id,drug_name,pEC50_curvecurator,tissue,"
    rows = [
        f"{line},{LINES[line]},{drug},{DRUGS[drug]},6.1,Breast,{values[3 * i + j][0]},{values[3 * i + j][1]}\n"
        for i, line in enumerate(LINES)
        for j, drug in enumerate(DRUGS)
    ]
    return header + "LN_IC50_curvecurator,AUC_curvecurator\n" + "".join(rows)


def write(root: Path, name: str = "TOYv1", text: str | None = None) -> Path:
    (folder := root / name).mkdir()
    (folder / f"{name}.csv").write_text(text or responses())
    (folder / "gene_expression.csv").write_text(EXPRESSION)
    (folder / "drug_smiles.csv").write_text(STRUCTURES)
    return folder


def test_a_data_set_becomes_a_screen_by_names_of_lines_and_pubchem_ids(tmp_path: Path) -> None:
    folder = write(tmp_path)
    screen = sources.load("dreval", tmp_path)
    np.testing.assert_allclose(screen.responses["response"], np.arange(9) / 2 - 1)
    assert screen.responses["cell_line_id"].unique().tolist() == list(LINES)
    assert screen.drugs["name"].to_dict() == DRUGS
    assert set(screen.cell_lines["tissue"]) == {"Breast"}
    assert screen.expression.columns.tolist() == ["TSPAN6", "TNMD", "BRCA1"]
    assert sources.load("dreval", folder).responses.equals(screen.responses)  # the folder itself may be named


def test_curves_without_an_ic50_are_left_out_aloud_and_kept_as_auc(tmp_path: Path) -> None:
    write(tmp_path, text=responses((0, "", "1.1"), (4, "55.0", "0.97")))
    with pytest.warns(BdrpWarning, match="22% of the curves have no usable IC50.*auc_fraction.? keeps them"):
        screen = sources.load("dreval", tmp_path)
    assert len(screen.responses) == 7
    assert screen.notices[:2] == (
        "1 curves dropped: they do not cross one half, so that there is no IC50.",
        "1 curves dropped: their ln IC50 is beyond -25 to 25, which no dose is.",
    )
    areas = sources.load("dreval", tmp_path, measure="auc_fraction")
    assert areas.responses["response"].tolist()[:5] == [1.0, 0.85, 0.8, 0.75, 0.97]
    assert any("1 of 9 AUC lie above 1" in said for said in areas.notices)


def test_of_several_data_sets_one_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "TOYv2", responses((0, "3.25", "0.5")))
    with pytest.raises(DataError, match="2 data sets of DrEval .* TOYv1, TOYv2. One is read"):
        sources.load("dreval", tmp_path)
    assert sources.load("dreval", tmp_path, dataset="TOYv2").responses["response"].iloc[0] == 3.25
    with pytest.raises(DataError, match="called CCLE: it is like CTRPv2/CTRPv2.csv, and there are TOYv1, TOYv2"):
        sources.load("dreval", tmp_path, dataset="CCLE")


def test_percent_is_refused(tmp_path: Path) -> None:
    write(tmp_path, text=responses((0, "1", "90")))
    with pytest.raises(DataError, match="column AUC_curvecurator, has values from 0.5 to 90"):
        sources.load("dreval", tmp_path, measure="auc_fraction")


def test_it_passes_every_check_that_is_shipped(tmp_path: Path) -> None:
    write(tmp_path)
    assert check_source("dreval", tmp_path)[-1] == "its pairs can be split"
