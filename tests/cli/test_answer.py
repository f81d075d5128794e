"""`bdrp answer` from a model folder, or from predictions, to a page and tables."""

from __future__ import annotations

import numpy as np
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
    tiny_screen.cell_lines.to_csv(place / "lines.csv")
    names = {"responses": "responses", "drugs": "drugs", "expression": "expression", "cell_lines": "lines"}
    return ["--screen", "tables", *(f"--screen-option={name}={place / file}.csv" for name, file in names.items())]


def test_drugs_are_ranked_for_a_line_by_its_name(bdrp, trained, tables, tmp_path, tiny_screen):
    name = tiny_screen.cell_lines["name"].iloc[0]
    said = bdrp("answer", trained[1], "--line", name.lower(), *tables, "--out", tmp_path / "answer.html")
    assert said.exit_code == 0, said.stderr
    assert f"{name}: sure and sensitive" in said.stdout and "answer.xlsx" in said.stdout
    table = pd.read_csv(tmp_path / "answer.csv")
    assert len(table) == len(tiny_screen.drugs) and set(table["line_name"]) == {name}
    assert table["measured_on_nearest_lines"].str.count(";").eq(2).all()
    assert f"Which drugs is {name} sensitive to?" in (tmp_path / "answer.html").read_text()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_lines_are_ranked_for_a_drug_as_a_table_alone(bdrp, trained, tables, tmp_path, tiny_screen, suffix):
    out = tmp_path / f"answer{suffix}"
    said = bdrp("answer", trained[1], "--drug", "D003", *tables, "--out", out)
    assert said.exit_code == 0, said.stderr
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    read = {".csv": pd.read_csv, ".xlsx": pd.read_excel, ".parquet": pd.read_parquet}[suffix]
    assert len(read(out)) == len(tiny_screen.expression)


def test_a_new_sample_is_answered_with_a_concentration_for_yardstick(bdrp, trained, tables, tmp_path, tiny_screen):
    sample = tiny_screen.expression.iloc[:1].add(0.2)
    sample.index = pd.Index(["PATIENT-1"], name="cell_line_id")
    sample.to_csv(tmp_path / "sample.csv")
    concentrations = pd.DataFrame({"drug_id": tiny_screen.drugs.index[:5], "cmax_nm": 1000.0})
    concentrations.to_csv(tmp_path / "cmax.csv", index=False)
    out = tmp_path / "answer.csv"
    given = (
        "--new-sample",
        tmp_path / "sample.csv",
        "--concentrations",
        tmp_path / "cmax.csv",
        "--yardstick",
        "cmax_nm",
    )
    said = bdrp("answer", trained[1], *given, *tables, "--out", out)
    assert said.exit_code == 0, said.stderr
    table = pd.read_csv(out)
    assert set(table["cell_line_id"]) == {"PATIENT-1"} and table["chance_active"].notna().sum() == 5
    thresholds = table.dropna(subset="active_below_um")
    assert (thresholds["active_below_um"] == np.minimum(1.0, thresholds["highest_dose_um"].fillna(9))).all()
    assert set(table["answer"][table["chance_active"].isna()]) == {"unknown: measure it"}


def test_a_file_of_predictions_is_answered_without_a_model(bdrp, trained, tmp_path, tiny_screen):
    predictions = trained[0].predict(
        tiny_screen.tested_drugs(), tiny_screen.profiles, cell_lines=tiny_screen.cell_lines
    )
    predictions.save(tmp_path / "p.parquet")
    name = tiny_screen.cell_lines["name"].iloc[2]
    said = bdrp("answer", tmp_path / "p.parquet", "--line", name, "--out", tmp_path / "answer.html")
    assert said.exit_code == 0, said.stderr
    assert name in said.stdout and set(pd.read_csv(tmp_path / "answer.csv")["line_name"]) == {name}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--out", "a.html"], "An answer is about one line or one drug; given was neither"),
        (["--line", "nowhere", "--out", "a.html"], "The screen has no cell line 'nowhere'"),
        (["--line", "SIM0001", "--out", "a.doc"], "cannot be written as '.doc'"),
        (["--line", "SIM0001", "--yardstick", "cmax_um", "--out", "a.html"], "there is no table of concentrations"),
        (["--line", "SIM0001", "--sure", "0.3", "--out", "a.html"], "An answer is sure from 0.3"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_nothing_is_written(
    bdrp, trained, tables, tmp_path, monkeypatch, words, why
):
    monkeypatch.chdir(tmp_path)
    said = bdrp("answer", trained[1], *words, *tables)
    assert said.exit_code == 2 and why in " ".join(said.stderr.split())
    assert not list(tmp_path.iterdir())


def test_what_only_a_model_can_do_is_refused_for_predictions(bdrp, trained, tmp_path, tiny_screen):
    trained[0].predict(tiny_screen.tested_drugs(), tiny_screen.profiles).save(tmp_path / "p.parquet")
    given = ("--line", "SIM0001", "--laboratory", "other", "--out", tmp_path / "a.html")
    said = bdrp("answer", tmp_path / "p.parquet", *given)
    assert said.exit_code == 2 and "--laboratory cannot be used with a file of predictions" in said.stderr


def test_nothing_is_written_into_the_model(bdrp, trained, tables):
    said = bdrp("answer", trained[1], "--drug", "D001", *tables, "--out", trained[1] / "answer.html")
    assert said.exit_code == 2 and "within" in said.stderr
