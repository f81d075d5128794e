"""Several laboratories on the command line: one screen by names with commas, tested in one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app

SOURCE = '''
"""A laboratory that measured a corner of the simulated screen."""
from dataclasses import replace
from bdrp.testing.screens import cut_simulated

DESCRIPTION = "{name}: a corner of the simulated screen"
MEASURES = ("ln_ic50_um",)

def load(root, *, measure, shift=0.0):
    whole = cut_simulated("{name}", 30, 16, 40, step=5)
    rows, drugs = whole.responses, whole.drugs.index[{drugs}]
    rows = rows[rows["drug_id"].isin(drugs)].reset_index(drop=True)
    return replace(whole, responses=rows.assign(response=rows["response"] + shift), drugs=whole.drugs.loc[drugs])
'''
SMALL = "width=16 hidden=16 programmes=6 heads=2 factors=2".split()
SCREEN = "north.py,south.py"


def bdrp(*words: str) -> str:
    """Run the command; whatever is no refusal is raised as it is."""
    ran = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return f"exit {ran.exit_code}\n{ran.output}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("laboratories")
    for name, drugs in (("north", ":12"), ("south", "4:")):
        (made / f"{name}.py").write_text(SOURCE.format(name=name, drugs=drugs))
    return made


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def fitted(folder: Path) -> str:
    """What `bdrp fit` says; the model lies in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = [word for option in SMALL for word in ("--option", option)]
        flags = ("--split", "assay", "--within", "north", "--folds", "3", "--epochs", "2", "--screen-option")
        said = bdrp("fit", "--screen", SCREEN, *flags, "south.py.shift=2.0", *options, "--out", "model")
    assert said.startswith("exit 0"), said
    return said


@pytest.mark.usefixtures("fitted")
def test_a_model_of_two_laboratories_says_how_they_differ_and_which_was_tested(folder: Path) -> None:
    manifest = json.loads((folder / "model/manifest.json").read_text())
    assert manifest["screen"] == "north+south"
    assert manifest["split"]["by"] == "assay" and manifest["split"]["laboratory"] == "north"
    south = manifest["laboratories"]["south"]
    assert south["reference"] == "north" and south["offset"] > 0.5
    assert 2 <= south["shared_compounds"] < 8  # eight, without those that are held out of north


@pytest.mark.usefixtures("fitted")
def test_the_report_says_that_others_may_have_measured_the_compounds() -> None:
    assert bdrp("evaluate", "model", "--out", "report").startswith("exit 0")
    page = Path("report/report.html").read_text()
    assert "new to their laboratory, which others in training may have measured" in page
    assert "drugs that the model never saw" not in page
    assert "Held out by assay within north" in page and "they are not unseen compounds" in page


@pytest.mark.usefixtures("fitted")
def test_predictions_are_of_a_compound_in_a_laboratory() -> None:
    said = bdrp("predict", "model", "--screen", SCREEN, "--unmeasured", "--out", "predictions.parquet")
    assert said.startswith("exit 0"), said
    table = pd.read_parquet("predictions.parquet")
    assert set(table["drug_id"].str.split(":").str[0]) == {"north", "south"}
    assert "UserWarning" not in said and "is of no laboratory" not in said


@pytest.mark.usefixtures("fitted")
def test_drugs_of_no_named_laboratory_are_warned_of() -> None:
    said = bdrp("predict", "model", "--screen", "north.py", "--out", "alone.parquet")
    assert said.startswith("exit 0")
    assert "12 drugs are of no laboratory that the model learned from (north, south)" in " ".join(said.split())


@pytest.mark.usefixtures("fitted")
def test_new_drugs_name_their_laboratory_in_a_column() -> None:
    smiles = "CC(=O)Oc1ccccc1C(=O)O"
    table = pd.DataFrame({"drug_id": ["here", "there", "nowhere"], "smiles": smiles})
    table.assign(laboratory=["north", "south", ""]).to_csv("new.csv", index=False)
    said = bdrp("predict", "model", "--screen", SCREEN, "--drugs", "new.csv", "--out", "new.parquet")
    assert said.startswith("exit 0"), said
    assert "1 drugs are of no laboratory" in " ".join(said.split())
    level = pd.read_parquet("new.parquet").groupby("drug_id")["mean"].mean()
    assert level["there"] > level["here"]  # the second laboratory reads 2 ln units more


def test_methods_are_compared_by_assay() -> None:
    words = ("--methods", "mean_effects", "--splits", "assay", "--folds", "3", "--seeds", "1", "--screen", SCREEN)
    said = bdrp("compare", *words, "--out", "compared")
    assert said.startswith("exit 0"), said
    assert set(pd.read_parquet("compared/figures.parquet")["split"]) == {"assay"}


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--screen", "north.py", "--split", "assay"), "does not say whose assays its drug ids are"),
        (("--screen", SCREEN, "--within", "east"), "There is no laboratory 'east' in north+south"),
        (("--screen", SCREEN, "--screen-option", "shift=1"), "Where there are several, an option names its own"),
        (("--screen", SCREEN, "--within", "north", "--split-file", "split.csv"), "Allowed: one of the two"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], refusal: str) -> None:
    said = " ".join(bdrp("fit", *words, "--out", "never").split())
    assert said.startswith("exit 2") or said.startswith("exit 1"), said
    assert refusal in said
    assert not Path("never").exists()
