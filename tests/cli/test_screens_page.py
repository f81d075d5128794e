"""Each row "I have … -> I type …" of docs/screens.md is typed, on files made to the layout that it names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.testing import check_source

PAGE = Path(__file__).parents[2] / "docs" / "screens.md"
SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr"]
LINES, DRUGS = [f"ACH-{at:06d}" for at in range(30)], [f"BRD-K{at:08d}" for at in range(6)]
GENES = ["TSPAN6", "TP53", "EGFR", "KRAS"]


def rows() -> list[tuple[str, str]]:
    """What somebody has, and the command beside it."""
    section = PAGE.read_text(encoding="utf-8").partition("## What do you have?")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.+?) \| `(bdrp .+?)` \|$", section, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 lines x 6 drugs x 4 genes in every layout of the table."""
    root, rng = tmp_path_factory.mktemp("have"), np.random.default_rng(0)
    pairs = pd.MultiIndex.from_product([LINES, DRUGS], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    potency = np.tile(rng.normal(6, 1, 6), 30) + rng.normal(0, 0.4, 180)
    pairs["pIC50"] = potency.round(4)
    pairs.to_csv(root / "responses.csv", index=False)
    change = (100 - 30 * (pairs["pIC50"] - 4)).round(1)
    pairs.drop(columns="pIC50").assign(best_average_response=change).to_csv(root / "pdx.csv", index=False)
    pairs.pivot(index="cell_line_id", columns="drug_id", values="pIC50").to_csv(root / "matrix.csv")
    pd.DataFrame({"drug_id": DRUGS, "smiles": SMILES}).to_csv(root / "drugs.csv", index=False)
    values = pd.DataFrame(rng.normal(4, 1.5, (30, 4)).clip(0).round(4), index=LINES, columns=GENES)
    values.rename_axis("cell_line_id").to_csv(root / "expression.csv")
    gct = values.T.rename_axis("NAME").reset_index()
    gct.insert(1, "Description", gct["NAME"])
    cells = gct.to_csv(sep="\t", index=False)
    (root / "expression.gct").write_text(f"#1.2\n4\t30\n{cells}")
    stacked = "\tENSG1\tENSG2\tENSG3\tENSG4\n\t7105\t7157\t1956\t3845\n" + values.to_csv(sep="\t")
    (root / "cancer_gene_expression.tsv").write_text(stacked)
    auc = (1 / (1 + np.exp(potency - 6))).round(4)
    (root / "prism").mkdir()
    (root / "csa_data").mkdir()
    (root / "TOYv1").mkdir()
    (root / "depmap").mkdir()
    (root / "coderdata").mkdir()
    write_prism(root / "prism", pairs, auc, values)
    write_csa(root / "csa_data", pairs, auc, stacked)
    write_dreval(root / "TOYv1", pairs, auc, values)
    write_depmap(root / "depmap", auc, values)
    write_coderdata(root / "coderdata", auc, values)
    return root


def write_prism(folder: Path, pairs: pd.DataFrame, auc: np.ndarray, values: pd.DataFrame) -> None:
    named = {"broad_id": pairs["drug_id"] + "-001-01-1", "depmap_id": pairs["cell_line_id"], "screen_id": "MTS010"}
    numbers = {"upper_limit": 1, "lower_limit": 0.1, "slope": 1.0, "r2": 0.9, "auc": auc, "ec50": 1.0, "ic50": auc * 9}
    smiles = pairs["drug_id"].map(dict(zip(DRUGS, SMILES, strict=True)))
    curves = pd.DataFrame({**named, **numbers, "name": "x", "smiles": smiles, "passed_str_profiling": True})
    curves.to_csv(folder / "secondary-screen-dose-response-curve-parameters.csv", index=False)
    values.rename(columns="{} (1)".format).to_csv(folder / "OmicsExpressionProteinCodingGenesTPMLogp1.csv")


def write_csa(folder: Path, pairs: pd.DataFrame, auc: np.ndarray, stacked: str) -> None:
    table = {"source": np.where(np.arange(180) < 90, "CCLE", "gCSI"), "improve_sample_id": pairs["cell_line_id"]}
    responses = pd.DataFrame({**table, "improve_chem_id": pairs["drug_id"], "auc": auc})
    responses.to_csv(folder / "response.tsv", sep="\t", index=False)
    (folder / "cancer_gene_expression.tsv").write_text(stacked)
    structures = pd.DataFrame({"improve_chem_id": DRUGS, "canSMILES": SMILES})
    structures.to_csv(folder / "drug_SMILES.tsv", sep="\t", index=False)


def write_dreval(folder: Path, pairs: pd.DataFrame, auc: np.ndarray, values: pd.DataFrame) -> None:
    ids = dict(zip(DRUGS, map(str, range(100, 106)), strict=True))
    keys = {"cell_line_name": pairs["cell_line_id"], "pubchem_id": pairs["drug_id"].map(ids)}
    refits = {"LN_IC50_curvecurator": (6 - pairs["pIC50"]) * np.log(10), "AUC_curvecurator": auc}
    pd.DataFrame(keys | refits).to_csv(folder / "TOYv1.csv", index=False)
    structures = pd.DataFrame({"pubchem_id": ids.values(), "canonical_smiles": SMILES})
    structures.to_csv(folder / "drug_smiles.csv", index=False)
    values.rename_axis("cell_line_name").to_csv(folder / "gene_expression.csv")


def write_depmap(folder: Path, auc: np.ndarray, values: pd.DataFrame) -> None:
    compounds = [f"DPC-{at:06d}" for at in range(6)]
    table = pd.DataFrame(np.reshape(auc, (30, 6)), index=LINES, columns=compounds)
    table.to_csv(folder / "GDSC2AUCMatrix.csv")
    (-np.log2(1 / table - 1)).where((table > 0.2) & (table < 0.8)).to_csv(folder / "GDSC2Log2IC50Matrix.csv")
    doses = {"CompoundID": np.repeat(compounds, 2), "Dose": [0.01, 10] * 6, "DoseUnit": "uM"}
    pd.DataFrame(doses).to_csv(folder / "GDSC2Log2ViabilityCollapsedConditions.csv", index=False)
    pd.DataFrame({"CompoundID": compounds, "SMILES": SMILES}).to_csv(folder / "PortalCompounds.csv", index=False)
    values.rename(columns="{} (1)".format).to_csv(folder / "OmicsExpressionProteinCodingGenesTPMLogp1.csv")


def write_coderdata(folder: Path, auc: np.ndarray, values: pd.DataFrame) -> None:
    samples, drugs = [f"{at}" for at in range(3900, 3930)], [f"SMI_{at}" for at in range(6)]
    pairs = pd.MultiIndex.from_product([samples, drugs], names=["improve_sample_id", "improve_drug_id"])
    told = pairs.to_frame(index=False).assign(study="MPNST", dose_response_metric="fit_auc", dose_response_value=auc)
    told.to_csv(folder / "mpnst_experiments.tsv", sep="\t", index=False)
    structures = pd.DataFrame({"improve_drug_id": drugs, "chem_name": "x", "canSMILES": SMILES})
    structures.to_csv(folder / "mpnst_drugs.tsv", sep="\t", index=False)
    transcripts = (2**values - 1).set_axis(pd.Index(samples, name="improve_sample_id")).set_axis([1, 2, 3, 4], axis=1)
    long = transcripts.reset_index().melt("improve_sample_id", var_name="entrez_id", value_name="transcriptomics")
    long.to_csv(folder / "mpnst_transcriptomics.csv", index=False)
    described = {"improve_sample_id": samples, "common_name": samples, "cancer_type": "sarcoma"}
    pd.DataFrame(described).to_csv(folder / "mpnst_samples.csv", index=False)


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
@pytest.mark.parametrize(("have", "command"), rows())
def test_what_the_page_says_to_type_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, have: str, command: str
) -> None:
    monkeypatch.chdir(folder)
    ran = CliRunner().invoke(app, shlex.split(command)[1:], env={"COLUMNS": "300"})
    assert ran.exit_code == 0, f"{have}: {ran.stderr}"
    assert ran.stdout.splitlines()[-1] == "a fit would read this"
    lines, drugs = ("160", "87") if "simulated" in command else ("15", "6") if "study" in command else ("30", "6")
    assert f"{lines} lines by {drugs} drugs" in ran.stdout


def test_the_page_has_a_row_for_each_layout() -> None:
    assert len(rows()) >= 12


@pytest.mark.parametrize(
    ("source", "root"),
    [
        ("prism", "prism"),
        ("csa", "csa_data"),
        ("dreval", "TOYv1"),
        ("depmap", "depmap"),
        ("coderdata", "coderdata"),
    ],
)
def test_the_sources_pass_every_check_that_is_shipped(folder: Path, source: str, root: str) -> None:
    assert check_source(source, folder / root)[-1] == "its pairs can be split"
