"""Data sets of CoderData: files made to the columns of its schema, version 2.2."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.errors import DataError
from bdrp.testing import check_source

SAMPLES = range(3901, 3921)
DRUGS = {"SMI_1": ("CCO", ("ethanol", "64-17-5", "nsc 85228")), "SMI_2": ("c1ccccc1", ("71-43-2", "benzene"))}


def area(at: int, drug: int) -> float:
    return round(0.2 + 0.03 * at + 0.1 * drug, 4)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set of 20 samples of 10 patients, two drugs and three genes in TPM."""
    lines = [
        "source\timprove_sample_id\timprove_drug_id\tstudy\ttime\ttime_unit\tdose_response_metric\tdose_response_value"
    ]
    for at, sample in enumerate(SAMPLES):
        for drug, name in enumerate(DRUGS):
            told = {"fit_auc": area(at, drug), "aac": area(at, drug) / 2, "fit_ic50": 5.5, "dss": 0.1}
            keys = f"synapse\t{sample}\t{name}\tMPNST\t72\thours"
            lines += [f"{keys}\t{metric}\t{value}" for metric, value in told.items()]
    lines.append(f"synapse\t{SAMPLES[0]}\tSMI_1\tMPNST\t72\thours\tfit_auc\t")
    (tmp_path / "mpnst_experiments.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "mpnst_drugs.tsv").write_text(
        "improve_drug_id\tchem_name\tpubchem_id\tcanSMILES\tInChIKey\tformula\tweight\n"
        + "".join(f"{one}\t{name}\t7\t{smiles}\tK\tC\t1\n" for one, (smiles, names) in DRUGS.items() for name in names)
        + "SMI_3\tnever measured\t7\tC(\tK\tC\t1\n"
    )
    cells = "".join(
        f"{gene},{2.0 ** (at % 7) * size - 1:.4f},{sample},synapse,MPNST\n"
        for at, sample in enumerate(SAMPLES)
        for gene, size in (("7157", 1), ("1956", 64), ("7105.0", 4))
    )
    with gzip.open(tmp_path / "mpnst_transcriptomics.csv.gz", "wt") as file:
        file.write("entrez_id,transcriptomics,improve_sample_id,source,study\n" + cells)
    (tmp_path / "mpnst_samples.csv").write_text(
        "other_id,common_name,other_id_source,other_names,cancer_type,species,model_type,improve_sample_id\n"
        + "".join(
            f"{other}-{at},JH-2-{at // 2:03d},NF,x,Malignant peripheral nerve sheath tumor,Human,organoid,{sample}\n"
            for at, sample in enumerate(SAMPLES)
            for other in ("a", "b")
        )
    )
    (tmp_path / "genes.csv").write_text(
        "entrez_id,gene_symbol,other_id,other_id_source\n"
        "7157,TP53,ENSG00000141510,ensembl_gene\n7157,TP53,P04637,uniprot\n1956,EGFR,ENSG00000146648,ensembl_gene\n"
    )
    return tmp_path


def test_experiments_become_a_screen_of_fractions_and_transcripts_logarithms(root: Path) -> None:
    screen = sources.load("coderdata", root)
    rows = screen.responses
    assert screen.measure.name == "auc_fraction" and set(rows["laboratory"]) == {"MPNST"}
    expected = [area(at, drug) for at in range(20) for drug in range(2)]
    np.testing.assert_allclose(rows["response"], expected)
    assert set(screen.expression.columns) == {"TP53", "EGFR", "7105"}  # genes.csv does not know the last
    np.testing.assert_allclose(screen.expression["EGFR"], [at % 7 + 6 for at in range(20)], atol=1e-4)
    assert screen.drugs["name"].tolist() == ["ethanol", "benzene"]  # and no number of a catalogue
    assert screen.drugs["smiles"].tolist() == ["CCO", "c1ccccc1"]


def test_a_tumour_and_its_models_are_one_patient(root: Path) -> None:
    lines = sources.load("coderdata", root).cell_lines
    assert lines["patient_id"].nunique() == 10
    assert set(lines["tissue"]) == {"Malignant peripheral nerve sheath tumor"}


def test_what_is_lost_and_converted_is_said(root: Path) -> None:
    said = sources.load("coderdata", root).notices
    assert "1 curves dropped: they have no fit_auc." in said
    assert any("converted to a binary logarithm: log2(x + 1)" in one for one in said)
    assert any("2 of 3 genes go by the symbol" in one for one in said)


def test_the_area_above_the_curve_is_turned_round(root: Path) -> None:
    expected = [1 - area(at, drug) / 2 for at in range(20) for drug in range(2)]
    np.testing.assert_allclose(sources.load("coderdata", root, metric="aac").responses["response"], expected)


def test_values_of_two_studies_on_one_line_and_gene_are_averaged_and_counted(root: Path) -> None:
    path = root / "mpnst_transcriptomics.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode() + "1956,191,3901,other,Sanger\n"
    path.write_bytes(gzip.compress(text.encode()))
    screen = sources.load("coderdata", root)
    np.testing.assert_allclose(screen.expression.loc["3901", "EGFR"], np.log2((63 + 191) / 2 + 1), atol=1e-4)
    assert any("1 values of a line and gene that stand there already: the mean" in one for one in screen.notices)


def test_what_cannot_be_read_is_refused_in_words(root: Path) -> None:
    with pytest.raises(DataError, match=r"reads no metric 'fit_ic50'\. It reads fit_auc, the area under the fitted"):
        sources.load("coderdata", root, metric="fit_ic50")
    with pytest.raises(DataError, match=r"has no auc\. Its metrics are fit_auc, aac, fit_ic50, dss"):
        sources.load("coderdata", root, metric="auc")
    with pytest.raises(DataError, match="called ccle: it is like mpnst_experiments.tsv, and there are mpnst"):
        sources.load("coderdata", root, dataset="ccle")
    path = root / "mpnst_experiments.tsv"
    path.write_text(path.read_text().replace("fit_auc\t0.2\n", "fit_auc\t20\n", 1))
    with pytest.raises(DataError, match="has fit_auc from 0.23 to 20. Fractions from 0 to 1 are needed"):
        sources.load("coderdata", root)


def test_one_of_several_data_sets_is_named(root: Path) -> None:
    (root / "ccle_experiments.tsv").write_bytes((root / "mpnst_experiments.tsv").read_bytes())
    with pytest.raises(DataError, match="2 data sets of CoderData are below .*: ccle, mpnst. One is read; name it"):
        sources.load("coderdata", root)
    assert len(sources.load("coderdata", root, dataset="mpnst").responses) == 40


def test_it_passes_every_check_of_a_source(root: Path) -> None:
    assert check_source("coderdata", root)[-1] == "its pairs can be split"
