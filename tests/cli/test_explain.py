"""`bdrp explain` from a model folder to a page."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def tables(tiny_screen, tmp_path_factory):
    """The tiny screen as tables, and the options that name them."""
    place = tmp_path_factory.mktemp("tables")
    rows = tiny_screen.responses.rename(columns={"response": "ln_ic50_um"})
    rows.to_csv(place / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(place / "drugs.csv")
    tiny_screen.expression.to_csv(place / "expression.csv")
    names = ("responses", "drugs", "expression")
    return ["--screen", "tables", *(f"--screen-option={name}={place / name}.csv" for name in names)]


def test_a_drug_is_explained_by_name(bdrp, trained, tables, tmp_path, tiny_screen):
    name = tiny_screen.drugs["name"].iloc[0]
    sets = tmp_path / "sets.gmt"
    sets.write_text("FIRST\tlink\t" + "\t".join(tiny_screen.expression.columns[:12]) + "\n")
    said = bdrp("explain", trained[1], "--drug", name, *tables, "--gene-sets", sets, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.stderr
    assert name in said.stdout and "explanation:" in said.stdout and "false discovery rate" in said.stdout
    assert (tmp_path / "out" / "explain.html").read_text().count("<svg") > 5
    assert set(pd.read_csv(tmp_path / "out" / "gene_sets.csv")["gene_set"]) == {"FIRST"}


def test_pairs_of_a_file_are_explained(bdrp, trained, tables, tmp_path, tiny_screen):
    pairs = tiny_screen.responses[["cell_line_id", "drug_id"]].iloc[[0, 50]]
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    said = bdrp("explain", trained[1], "--pairs", tmp_path / "pairs.csv", *tables, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.stderr
    terms = pd.read_csv(tmp_path / "out" / "terms.csv", dtype={"drug_id": str})
    assert set(terms["drug_id"]) == set(pairs["drug_id"])
    total = terms.groupby(["cell_line_id", "drug_id"]).agg(total=("contribution", "sum"), told=("prediction", "first"))
    assert (total["total"] - total["told"]).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "There is nothing to explain: neither --drug nor --pairs"),
        (["--drug", "aspirin"], "The screen has no drug 'aspirin'"),
        (["--drug", "D001", "--gene-sets", "none.gmt"], "'none.gmt' cannot be read: No such file"),
    ],
)
def test_what_cannot_be_explained_is_refused_before_anything_is_written(bdrp, trained, tables, tmp_path, words, why):
    said = bdrp("explain", trained[1], *words, *tables, "--out", tmp_path / "out")
    assert said.exit_code == 2 and why in " ".join(said.stderr.split())
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_the_model(bdrp, trained, tables):
    said = bdrp("explain", trained[1], "--drug", "D001", *tables, "--out", trained[1])
    assert said.exit_code == 2 and "within" in said.stderr


def test_new_drugs_and_samples_are_explained_by_what_they_borrow(bdrp, trained, tables, tmp_path, tiny_screen):
    pd.DataFrame({"drug_id": ["NEW"], "smiles": ["CCOc1ccccc1"]}).to_csv(tmp_path / "drugs.csv", index=False)
    sample = tiny_screen.expression.iloc[:2].add(0.3).rename_axis("cell_line_id")
    sample.index = pd.Index(["S1", "S2"], name="cell_line_id")
    sample.to_csv(tmp_path / "samples.csv")
    new = ["--drugs", tmp_path / "drugs.csv", "--expression", tmp_path / "samples.csv"]
    said = bdrp("explain", trained[1], "--drug", "NEW", *new, *tables, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.stderr
    shares = pd.read_csv(tmp_path / "out" / "intervals.csv")
    assert shares["cell_line_id"].tolist() == ["S1", "S2"] and (shares["share_unseen_drug"] > 0).all()
    assert set(pd.read_csv(tmp_path / "out" / "borrowed.csv")["from_drug_id"]) <= set(tiny_screen.drugs.index)
    assert not (tmp_path / "out" / "markers.csv").exists()
    assert "too few lines for genes to mark them" in (tmp_path / "out" / "explain.html").read_text()
