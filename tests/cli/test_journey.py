"""The main job on the command line, from a user's small tables to a review queue."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bdrp.cli import evaluate
from bdrp.cli.app import app
from bdrp.data.sources import simulated
from bdrp.predictive import Normal

COLUMNS = "cell_line_id drug_id mean std aleatoric_std epistemic_std q05 q25 q50 q75 q95".split()
LINES, DRUGS, GENES = 100, 30, 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of a corner of the simulated screen."""
    made, screen = tmp_path_factory.mktemp("journey"), simulated.load()
    lines, drugs, genes = screen.cell_lines.index[:LINES], screen.drugs.index[:DRUGS], screen.expression.columns[:GENES]
    rows = screen.responses[screen.responses["cell_line_id"].isin(lines) & screen.responses["drug_id"].isin(drugs)]
    rows.rename(columns={"response": "ln_ic50_um"}).to_csv(made / "responses.csv", index=False)
    screen.drugs.loc[drugs].to_csv(made / "drugs.csv")
    screen.expression.loc[lines, genes].to_csv(made / "expression.csv")
    screen.cell_lines.loc[lines].to_csv(made / "lines.csv")
    screen.expression.loc[screen.cell_lines.index[-2:], genes].to_csv(made / "new_samples.csv")
    pd.DataFrame({"drug_id": ["aspirin"], "smiles": ["CC(=O)Oc1ccccc1C(=O)O"]}).to_csv(
        made / "new_drugs.csv", index=False
    )
    return made


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def bdrp(*words: str):
    """Run the command; whatever is no refusal is raised as it is."""
    ran = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def fit(*more: str, out: str):
    tables = "--responses responses.csv --drugs drugs.csv --expression expression.csv --cell-lines lines.csv".split()
    return bdrp("fit", "--screen", "tables", *tables, "--epochs", "2", "--out", out, *more)


@pytest.fixture(scope="module")
def model(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ran = fit("--split", "cell_line", "--seed", "3", out="model")
    assert ran.exit_code == 0, ran.output
    assert "model: model" in ran.stdout
    return "model"


def test_fit_says_what_each_part_holds_and_writes_what_was_asked(model, folder):
    manifest = json.loads((folder / model / "manifest.json").read_text())
    assert (manifest["method"], manifest["seed"], manifest["options"]["epochs"]) == ("last_layer", 3, 2)
    assert (manifest["split"]["by"], manifest["split"]["seed"]) == ("cell_line", 3)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_fit_does_not_replace_a_model_unless_told_to(model, folder):
    copy = str(folder / "replaced")
    shutil.copytree(model, copy)
    refused = fit(out=copy)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    assert "--overwrite" in refused.stderr
    replaced = fit("--overwrite", "--seed", "4", out=copy)
    assert replaced.exit_code == 0, replaced.output
    assert json.loads((folder / copy / "manifest.json").read_text())["seed"] == 4


def test_fit_takes_a_split_from_a_file(model, folder):
    keys = pd.read_csv(folder / "responses.csv", dtype=str)[["cell_line_id", "drug_id"]].drop_duplicates()
    order = np.random.default_rng(0).permutation(len(keys)) / len(keys)
    keys["part"] = np.select([order < 0.6, order < 0.8], ["train", "test"], "calibration")
    keys.to_csv(folder / "parts.csv", index=False)
    ran = fit("--split-file", "parts.csv", out="from_file")
    assert ran.exit_code == 0, ran.output
    held_out = pd.read_parquet(folder / "from_file" / "held_out.parquet")
    told = keys[keys["part"] == "test"]
    assert set(zip(held_out["cell_line_id"], held_out["drug_id"], strict=True)) == set(
        zip(told["cell_line_id"], told["drug_id"], strict=True)
    )


def test_evaluate_writes_a_report_and_its_figures(model, folder):
    ran = bdrp("evaluate", model, "--out", "report")
    assert ran.exit_code == 0, ran.output
    assert "<html" in (folder / "report" / "report.html").read_text(encoding="utf-8")[:500]
    figures = json.loads((folder / "report" / "scores.json").read_text())
    assert f"{figures['point']['rmse']:.3f}" in ran.stdout
    assert f"{100 * figures['coverage']['90']['coverage']:.1f} %" in ran.stdout


def test_evaluate_writes_draws_of_the_posterior_where_asked(model, folder):
    ran = bdrp(
        *("evaluate", model, "--out", "drawn", "--posterior", "--drugs", "drugs.csv", "--expression", "expression.csv")
    )
    assert ran.exit_code == 0, ran.output
    assert "posterior: drawn/posterior.nc" in ran.stdout
    assert sorted(path.name for path in (folder / "drawn").iterdir()) == ["posterior.nc", "report.html", "scores.json"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its own future when it is imported
        import arviz

        data = arviz.from_netcdf(str(folder / "drawn" / "posterior.nc"), engine="h5netcdf")
    assert evaluate._is_draws(folder / "drawn" / "posterior.nc")
    assert not evaluate._is_draws(folder / "drawn" / "scores.json")
    held_out = pd.read_parquet(folder / "model" / "held_out.parquet")
    assert data.log_likelihood["response"].shape == (4, 100, len(held_out))
    assert data.constant_data["cell_line_id"].to_numpy().tolist() == held_out["cell_line_id"].tolist()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--posterior"], "whose drugs and expression a model folder does not hold"),
        (["--posterior", "--drugs", "drugs.csv"], "not both of --drugs and --expression"),
        (["--screen", "simulated"], "serve --posterior alone"),
        (["--posterior", "--drugs", "new_drugs.csv", "--expression", "expression.csv"], "drug_id with no structure"),
    ],
)
def test_evaluate_refuses_flags_that_do_not_go_together(model, folder, flags, said):
    ran = bdrp("evaluate", model, *flags, "--out", "never")
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (folder / "never").exists()


def test_predict_gives_new_drugs_on_new_samples_in_the_promised_columns(model, folder):
    ran = bdrp(
        *("predict", model, "--drugs", "new_drugs.csv", "--expression", "new_samples.csv", "--out", "new.parquet")
    )
    assert ran.exit_code == 0, ran.output
    table = pq.read_table(folder / "new.parquet")
    assert table.column_names[: len(COLUMNS)] == COLUMNS
    header = json.loads(table.schema.metadata[b"bdrp"])
    assert (header["measure"], header["unit"]) == ("ln_ic50_um", "ln(µM)")
    frame = table.to_pandas()
    assert frame["drug_id"].tolist() == ["aspirin", "aspirin"]
    assert np.allclose(frame["std"] ** 2, frame["aleatoric_std"] ** 2 + frame["epistemic_std"] ** 2)


def test_predict_puts_predictions_beside_what_was_measured_in_the_layouts_of_others(model, folder):
    tables = [f"--screen-option={name}={name}.csv" for name in ("responses", "drugs", "expression")]
    for layout, predicted in (("dreval", "predictions"), ("improve", "ln_ic50_um_pred")):
        wanted = ("predict", model, "--screen", "tables", *tables, "--layout", layout, "--out", f"{layout}.csv")
        ran = bdrp(*wanted)
        assert ran.exit_code == 0, ran.output
        assert f"measured responses, in the layout of {layout}" in ran.stdout
        assert np.isfinite(pd.read_csv(folder / f"{layout}.csv")[predicted]).all()
    read = pd.read_csv(folder / "dreval.csv", dtype={"cell_line_name": str, "pubchem_id": str})
    asked = pd.read_csv(folder / "responses.csv", dtype=str)
    known = set(pd.read_csv(folder / "drugs.csv", dtype=str)["drug_id"])
    assert len(read) == asked["drug_id"].isin(known).sum()
    refused = bdrp(
        "predict",
        model,
        "--drugs",
        "drugs.csv",
        "--expression",
        "expression.csv",
        "--layout",
        "dreval",
        "--out",
        "a.csv",
    )
    assert refused.exit_code == 2 and "--layout puts predictions beside what a screen measured" in refused.stderr


def test_expression_comes_in_and_predictions_go_out_as_anndata(model, folder):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed: pip install 'bdrp[anndata]'")
    samples = pd.read_csv(folder / "new_samples.csv", index_col=0)
    obs, var = (pd.DataFrame(index=pd.Index(of.map(str), dtype=object)) for of in (samples.index, samples.columns))
    anndata.AnnData(samples.to_numpy(), obs=obs, var=var).write_h5ad(folder / "new_samples.h5ad")
    for form in ("csv", "h5ad"):
        given = ("--drugs", "new_drugs.csv", "--expression", f"new_samples.{form}")
        ran = bdrp("predict", model, *given, "--out", f"by_{form}.parquet" if form == "csv" else "by_h5ad.h5ad")
        assert ran.exit_code == 0, ran.output
    expected = pd.read_parquet(folder / "by_csv.parquet")
    read = anndata.read_h5ad(folder / "by_h5ad.h5ad")
    np.testing.assert_allclose(read.X.ravel(), expected["mean"], rtol=1e-6)
    np.testing.assert_allclose(read.layers["q95"].ravel(), expected["q95"], rtol=1e-6)
    assert list(read.obs_names) == expected["cell_line_id"].unique().tolist()


def test_predict_for_another_laboratory_is_wider_and_says_how_much(model, folder):
    tables = ("predict", model, "--drugs", "new_drugs.csv", "--expression", "new_samples.csv")
    for name in ("same", "other"):
        ran = bdrp(*tables, "--laboratory", name, "--out", f"{name}.parquet")
        assert ran.exit_code == 0, ran.output
        assert ("times as wide as at home" in ran.stdout) == (name == "other")
    same, other = (pq.read_table(folder / f"{name}.parquet") for name in ("same", "other"))
    assert (other["std"].to_numpy() > same["std"].to_numpy()).all()
    assert np.array_equal(other["mean"], same["mean"])
    assert json.loads(other.schema.metadata[b"bdrp"])["laboratory"]["by_drug"] > 0
    assert "laboratory" not in json.loads(same.schema.metadata[b"bdrp"])
    refused = bdrp(*tables, "--laboratory", "moon", "--out", "never.parquet")
    assert refused.exit_code == 2 and "'moon' is no laboratory" in refused.stderr


def test_evaluate_for_another_laboratory_says_how_much_wider(model, folder):
    ran = bdrp("evaluate", model, "--laboratory", "other", "--out", "elsewhere")
    assert ran.exit_code == 0, ran.output
    assert "times as wide as at home" in ran.stdout
    assert json.loads((folder / "elsewhere" / "scores.json").read_text())["model"]["laboratory"]["noise"] > 1


def test_predict_takes_the_pairs_of_a_table(model, folder):
    pairs = pd.read_csv(folder / "responses.csv", dtype=str).iloc[[5, 900]][["cell_line_id", "drug_id"]]
    pairs.to_csv(folder / "pairs.csv", index=False)
    wanted = ("--drugs", "drugs.csv", "--expression", "expression.csv", "--pairs", "pairs.csv")
    ran = bdrp("predict", model, *wanted, "--out", "two.parquet")
    assert ran.exit_code == 0, ran.output
    told = pd.read_parquet(folder / "two.parquet")[["cell_line_id", "drug_id"]]
    assert told.to_numpy().tolist() == pairs.to_numpy().tolist()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "nothing to predict for"),
        (["--drugs", "new_drugs.csv"], "nothing to predict for"),
        (["--unmeasured", "--drugs", "drugs.csv", "--expression", "expression.csv"], "--unmeasured asks for the gaps"),
        (["--unmeasured", "--screen", "simulated", "--pairs", "pairs.csv"], "--unmeasured asks for the gaps"),
    ],
)
def test_predict_refuses_flags_that_do_not_go_together(model, flags, said):
    ran = bdrp("predict", model, *flags, "--out", "nothing.parquet")
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_triage_writes_a_queue_of_the_budget_in_four_formats(model, folder):
    everything = ("--drugs", "drugs.csv", "--expression", "expression.csv", "--out", "every.parquet")
    assert bdrp("predict", model, *everything).exit_code == 0
    ran = bdrp("triage", "every.parquet", "--budget", "20", "--threshold", "0.5", "--out", "queue.csv")
    assert ran.exit_code == 0, ran.output
    queue = pd.read_csv(folder / "queue.csv")
    assert len(queue) == 20
    assert (queue["threshold"] == 0.5).all()
    assert len((folder / "queue.jsonl").read_text().splitlines()) == 20
    assert len(pd.read_parquet(folder / "queue.parquet")) == len(pd.read_excel(folder / "queue.xlsx")) == 20
    assert f"20 of {LINES * DRUGS:,} pairs" in ran.stdout
    assert ran.stderr == ""


def test_triage_of_a_table_of_quantiles_says_what_it_loses(folder):
    keys = pd.DataFrame({"cell_line_id": ["L0", "L1"], "drug_id": "D"})
    Normal.from_std(keys, "m", [0.0, 1.0], [1.0, 1.0], [0.3, 0.3]).to_frame().to_parquet(folder / "quantiles.parquet")
    ran = bdrp("triage", "quantiles.parquet", "--budget", "1", "--out", "of_quantiles.csv")
    assert ran.exit_code == 0, ran.output
    assert ran.stderr.startswith("warning: 2 predictions are quantiles without a distribution")


def test_the_demo_leaves_a_model_a_report_predictions_and_a_queue(tmp_path):
    ran = bdrp("demo", "--out", str(tmp_path / "demo"), "--epochs", "1", "--budget", "10")
    assert ran.exit_code == 0, ran.output
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert made == {
        *("model", "report.html", "scores.json", "predictions.parquet"),
        *("queue.csv", "queue.xlsx", "queue.jsonl", "queue.parquet"),
        *("review.html", "answer.html", "answer.xlsx", "answer.csv"),
    }
    screen = simulated.load()
    measured = set(zip(screen.responses["cell_line_id"], screen.responses["drug_id"], strict=True))
    told = pd.read_parquet(tmp_path / "demo" / "predictions.parquet")
    predicted = set(zip(told["cell_line_id"], told["drug_id"], strict=True))
    assert not predicted & measured
    assert len(predicted) + len(measured) == len(screen.expression) * len(screen.drugs)

    again = bdrp("demo", "--out", str(tmp_path / "demo"))
    assert again.exit_code == 2
    assert "is not empty" in again.stderr


def test_the_demo_does_not_write_over_a_file(tmp_path):
    (tmp_path / "demo").write_text("mine")
    ran = bdrp("demo", "--out", str(tmp_path / "demo"))
    assert ran.exit_code == 2
    assert (tmp_path / "demo").read_text() == "mine"
