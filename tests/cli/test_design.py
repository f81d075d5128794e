"""`bdrp design`, from a model folder to a batch, its plates and its page."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def screen(tiny_screen, tmp_path_factory):
    """The tiny screen as tables, and the flags that name them."""
    place = tmp_path_factory.mktemp("tables")
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(place / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(place / "drugs.csv")
    tiny_screen.expression.to_csv(place / "expression.csv")
    tiny_screen.cell_lines.to_csv(place / "lines.csv")
    files = {"responses": "responses", "drugs": "drugs", "expression": "expression", "cell_lines": "lines"}
    return ["--screen", "tables", *(f"--screen-option={name}={place / file}.csv" for name, file in files.items())]


def test_a_batch_is_a_table_with_plates_and_a_page_beside_it(bdrp, trained, screen, tmp_path):
    (tmp_path / "costs.csv").write_text("drug_id,cost\nD001,40\n")
    flags = ["--size", 12, "--costs", tmp_path / "costs.csv", "--line-cost", 2, "--out", tmp_path / "batch.csv"]
    ran = bdrp("design", trained[1], *screen, *flags)
    assert ran.exit_code == 0, ran.stderr
    batch, plates = (pd.read_csv(tmp_path / name) for name in ("batch.csv", "batch-plates.csv"))
    assert len(batch) == 12 and "D001" not in set(batch["drug_id"])
    assert (plates["content"] == "drug").sum() == 12
    page = (tmp_path / "batch.html").read_text(encoding="utf-8")
    assert "What to measure next?" in page and batch["drug_name"].iloc[0] in page
    assert "expected RMSE" in ran.stdout and batch["line_name"].iloc[0] in ran.stdout
    again = bdrp("design", trained[1], *screen, *flags)
    assert again.exit_code == 0, again.stderr


def test_candidates_and_targets_are_named(bdrp, trained, screen, tmp_path):
    (tmp_path / "can.csv").write_text("drug_id\nD002\nD005\n")
    flags = ["--by", "bald", "--size", 3, "--candidates", tmp_path / "can.csv", "--out", tmp_path / "b.parquet"]
    ran = bdrp("design", trained[1], *screen, "--target", "tissue=Lung", *flags)
    assert ran.exit_code == 0, ran.stderr
    assert set(pd.read_parquet(tmp_path / "b.parquet")["drug_id"]) <= {"D002", "D005"}
    assert "to be predicted: tissue Lung" in ran.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--by", "epg"], "Did you mean epig"),
        (["--plate", "97"], "Allowed: 96, 384"),
        (["--target", "Lung"], "not KIND=NAME"),
        (["--out", "batch.txt"], "Name the file batch.parquet"),
        (["--costs", "costs.csv"], "Needed are cost, and cell_line_id or drug_id"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(bdrp, trained, screen, tmp_path, monkeypatch, flags, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "costs.csv").write_text("drug_id,price\nD001,40\n")
    ran = bdrp("design", trained[1], *screen, *(["--out", "batch.csv"] if "--out" not in flags else []), *flags)
    assert ran.exit_code == 2 and said in ran.stderr.replace("\n", " ")
    assert not list(tmp_path.glob("batch*"))


def test_costs_name_a_line_or_a_drug_and_are_numbers(bdrp, trained, screen, tmp_path):
    (tmp_path / "costs.csv").write_text("cell_line_id,drug_id,cost\nSIM0001,,3\n,D001,-1\n,,2\n")
    ran = bdrp("design", trained[1], *screen, "--costs", tmp_path / "costs.csv", "--out", tmp_path / "batch.csv")
    assert ran.exit_code == 2 and "2 rows of costs.csv" in ran.stderr and "row 2, 3" in ran.stderr
