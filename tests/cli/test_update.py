"""`bdrp probe` and `bdrp update`, from a model folder to one that knows more, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

KEYS = ["cell_line_id", "drug_id"]


@pytest.fixture(scope="module")
def screen(tiny_screen, tmp_path_factory):
    """The tiny screen as tables, and the flags that name them."""
    place = tmp_path_factory.mktemp("tables")
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(place / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(place / "drugs.csv")
    tiny_screen.expression.to_csv(place / "expression.csv")
    names = ("responses", "drugs", "expression")
    return ["--screen", "tables", *(f"--screen-option={name}={place / name}.csv" for name in names)]


@pytest.fixture
def measured(trained, tmp_path):
    """Twelve held-out pairs as a table of IC50 in nM, one of them beyond the highest dose."""
    rows = trained[0].held_out().head(12)
    table = rows[KEYS].assign(ic50_nm=[f"{value:.6g}" for value in 1000 * 2.718281828 ** rows["response"]])
    table.loc[0, "ic50_nm"] = ">10000"
    table.to_csv(tmp_path / "measured.csv", index=False)
    return tmp_path / "measured.csv"


def test_a_table_may_name_lines_and_drugs_beside_their_ids(bdrp, trained, screen, measured, tmp_path):
    table = pd.read_csv(measured)
    table.assign(line_name=table["cell_line_id"], drug_name=table["drug_id"]).to_csv(measured, index=False)
    ran = bdrp("update", trained[1], "--measured", measured, *screen, "--out", tmp_path / "updated")
    assert ran.exit_code == 0, ran.stderr


def test_a_panel_is_chosen_and_written(bdrp, trained, screen, tmp_path):
    candidates = pd.DataFrame({"drug_id": trained[0].applicability_domain.drug_ids[:6]})
    candidates.to_csv(tmp_path / "candidates.csv", index=False)
    flags = ["--drugs", 2, "--candidates", tmp_path / "candidates.csv", "--out", tmp_path / "panel.csv"]
    ran = bdrp("probe", trained[1], *screen, *flags)
    assert ran.exit_code == 0, ran.stderr
    panel = pd.read_csv(tmp_path / "panel.csv")
    assert panel["k"].tolist() == [1, 2] and set(panel["drug_id"]) <= set(candidates["drug_id"])
    assert "k = 0" in ran.stdout and "random" in ran.stdout and panel["name"].iloc[0] in ran.stdout


def test_lines_are_chosen_for_a_new_drug(bdrp, trained, screen, tmp_path):
    pd.DataFrame({"drug_id": ["new"], "smiles": ["CC(=O)Nc1ccc(O)cc1"]}).to_csv(tmp_path / "new.csv", index=False)
    ran = bdrp("probe", trained[1], *screen, "--for", "new-drugs", "--new-drugs", tmp_path / "new.csv", "--lines", 3)
    assert ran.exit_code == 0, ran.stderr
    assert "on the lines that are not measured" in ran.stdout


@pytest.mark.parametrize(
    "flags", [["--for", "new-drugs"], ["--lines", 3], ["--for", "old-lines"], ["--for", "new-drugs", "--drugs", 3]]
)
def test_flags_of_a_panel_that_do_not_go_together_are_refused(bdrp, trained, flags):
    ran = bdrp("probe", trained[1], *flags)
    assert ran.exit_code == 2 and "does not go with the other flags" in ran.stderr


def test_an_updated_model_is_predicted_with_evaluated_ranked_and_undone(bdrp, trained, screen, measured, tmp_path):
    made = bdrp("update", trained[1], "--measured", measured, *screen, "--out", tmp_path / "updated")
    assert made.exit_code == 0, made.stderr
    assert "12 measurements" in made.stdout and "1 of them limits" in made.stdout and "in nM" in made.stderr
    asked = ["--pairs", measured, *screen, "--out", tmp_path / "predictions.parquet"]
    for words in (
        ("predict", tmp_path / "updated", *asked),
        ("evaluate", tmp_path / "updated", "--out", tmp_path / "report"),
        ("explain", tmp_path / "updated", "--pairs", measured, *screen, "--out", tmp_path / "explained"),
        ("triage", tmp_path / "predictions.parquet", "--out", tmp_path / "queue.csv"),
    ):
        ran = bdrp(*words)
        assert ran.exit_code == 0, ran.stderr
        assert "updated model:" in ran.stdout and "from measured.csv" in ran.stdout, words[0]
    assert "scored as they were predicted before" in (tmp_path / "report" / "report.html").read_text()
    terms = pd.read_csv(tmp_path / "explained" / "terms.csv")
    assert (terms["term"] == "measured").any()
    undone = bdrp("update", tmp_path / "updated", "--undo", "--out", tmp_path / "before")
    assert undone.exit_code == 0, undone.stderr
    folders = (trained[1], tmp_path / "before")
    first, second = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert first == second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "either an update to make or one to undo"),
        (["--undo", "--measured", "measured.csv"], "either an update to make or one to undo"),
        (["--undo"], "There is no update to undo"),
        (["--measured", "nothing.csv"], "Drugs and expression are both needed"),
    ],
)
def test_updates_that_cannot_be_are_refused(bdrp, trained, tmp_path, words, said):
    ran = bdrp("update", trained[1], *words, "--out", tmp_path / "out")
    assert ran.exit_code == 2 and said in ran.stderr
    assert not (tmp_path / "out").exists()


def test_the_model_itself_is_never_replaced(bdrp, trained, screen, measured):
    ran = bdrp("update", trained[1], "--measured", measured, *screen, "--out", trained[1], "--overwrite")
    assert ran.exit_code == 2 and "is an input of the same command" in ran.stderr


def test_a_line_in_natural_logarithms_is_read_so_at_every_door(bdrp, trained, screen, tiny_screen, measured, tmp_path):
    line = (tiny_screen.expression.iloc[:1] + tiny_screen.expression.iloc[2:3].to_numpy()) / 2
    line.index = pd.Index(["NEW"], name="cell_line_id")
    rows = pd.read_csv(measured, dtype=str).assign(cell_line_id="NEW").drop_duplicates(KEYS)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    made = {}
    for name, table, scale in (("log2", line, []), ("ln", line * np.log(2), ["--expression-scale", "ln"])):
        table.to_csv(tmp_path / f"{name}.csv")
        place, flags = tmp_path / name, [*screen, *scale]
        expression, asked = ["--expression", tmp_path / f"{name}.csv"], ["--new-sample", tmp_path / f"{name}.csv"]
        for words in (
            ["probe", trained[1], "--drugs", 2, *expression, *flags, "--out", place / "panel.csv"],
            ["update", trained[1], "--measured", tmp_path / "rows.csv", *expression, *flags, "--out", place / "model"],
            ["answer", place / "model", *asked, *flags, "--out", place / "answer.csv"],
        ):
            ran = bdrp(*words)
            assert ran.exit_code == 0, ran.stderr
        made[name] = [pd.read_csv(place / file) for file in ("panel.csv", "answer.csv")]
    for one, other in zip(made["log2"], made["ln"], strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-4, atol=1e-5)


def test_a_cohort_of_another_platform_is_matched_at_every_door(bdrp, trained, screen, tiny_screen, measured, tmp_path):
    """Matching by gene takes a shift and a factor of each gene away, so that what it gives is the same without them."""
    cohort = (tiny_screen.expression.iloc[:24] + tiny_screen.expression.iloc[8:32].to_numpy()) / 2
    cohort.index = pd.Index([f"NEW{at}" for at in range(24)], name="cell_line_id")
    rng = np.random.default_rng(0)
    elsewhere = cohort * rng.uniform(0.6, 1.5, cohort.shape[1]) + rng.normal(0, 3, cohort.shape[1])
    rows = pd.read_csv(measured, dtype=str).assign(cell_line_id="NEW3").drop_duplicates(KEYS)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    made = {}
    for name, table in (("here", cohort), ("elsewhere", elsewhere)):
        table.to_csv(tmp_path / f"{name}.csv")
        place, flags = tmp_path / name, [*screen, "--match-expression", "gene"]
        expression = ["--expression", tmp_path / f"{name}.csv"]
        asked = ["--new-sample", tmp_path / f"{name}.csv", "--line", "NEW5"]
        for words in (
            ["probe", trained[1], "--drugs", 2, *expression, *flags, "--out", place / "panel.csv"],
            ["update", trained[1], "--measured", tmp_path / "rows.csv", *expression, *flags, "--out", place / "model"],
            ["answer", place / "model", *asked, *flags, "--out", place / "answer.csv"],
        ):
            ran = bdrp(*words)
            assert ran.exit_code == 0, ran.stderr
        made[name] = [pd.read_csv(place / file) for file in ("panel.csv", "answer.csv")]
    for here, there in zip(*made.values(), strict=True):
        pd.testing.assert_frame_equal(here, there, rtol=0.02, atol=0.02)
