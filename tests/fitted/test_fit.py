from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import bdrp
from bdrp.data import splits
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, DataError, FitError, ModelFolderError, OutputError, SplitError
from bdrp.files import sealed_folder
from bdrp.fitted.fit import CENSORED, GUARANTEE_LOST
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.similarity import KERNELS
from bdrp.inference.mean_effects import MeanEffectsMethod
from bdrp.predictive import Predictions, PredictiveDistribution

Fit = Callable[..., TrainedModel]
SMALL = {"width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
COLUMNS = [
    "drug_name",
    "tissue",
    "drug_similarity",
    "nearest_drugs",
    "line_distance_percentile",
    "lower_limit",
    "upper_limit",
    "line_name",
]


def same(left: PredictiveDistribution, right: PredictiveDistribution) -> bool:
    return left.to_frame().equals(right.to_frame())


def listing(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_a_model_folder_holds_what_it_should_and_nothing_stands_beside_it(trained: tuple[TrainedModel, Path]) -> None:
    _, out = trained
    assert listing(out.parent) == ["tiny"]
    assert listing(out) == [
        "calibration.json",
        "card.md",
        "features.safetensors",
        "held_out.parquet",
        "held_out_predictions.parquet",
        "held_out_uncalibrated.parquet",
        "keys.json",
        "manifest.json",
        "posterior.json",
        "posterior_rows.parquet",
        "weights.safetensors",
    ]
    assert out.stat().st_mode & 0o777 == 0o755


def test_the_manifest_tells_what_was_fitted(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen, tiny_split: Split
) -> None:
    manifest = TrainedModel.load(trained[1]).manifest
    assert manifest["method"] == "last_layer" and manifest["seed"] == 0 and manifest["screen"] == "tiny"
    assert manifest["options"]["width"] == 16 and manifest["genes"] == 50
    assert (manifest["measure"], manifest["unit"]) == ("ln_ic50_um", tiny_screen.measure.unit)
    assert manifest["split"] == tiny_split.summary()
    assert set(manifest["versions"]) >= {"bdrp", "torch", "pyro-ppl", "rdkit", "python"}
    assert len(manifest["history"]["losses"]) in (1, 2)  # the second fit takes from half of the epochs to all of them


def test_a_loaded_model_predicts_the_same_to_the_bit(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    model, out = trained
    loaded = TrainedModel.load(out)
    one, two = (bdrp.predict(which, screen=tiny_screen) for which in (model, loaded))
    assert len(one.distribution) == 36 * 12
    assert same(one.distribution, two.distribution)
    pd.testing.assert_frame_equal(one.context, two.context)
    assert np.array_equal(one.distribution.joint(3, seed=0), two.distribution.joint(3, seed=0))


def test_the_held_out_part_survives_being_saved(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen, tiny_split: Split
) -> None:
    model, out = trained
    loaded = TrainedModel.load(out)
    assert same(model.held_out_predictions(), loaded.held_out_predictions())
    assert same(model.held_out_uncalibrated(), loaded.held_out_uncalibrated())
    pd.testing.assert_frame_equal(model.held_out(), loaded.held_out())
    test = tiny_screen.responses.iloc[tiny_split.rows("test")]
    assert loaded.held_out()["response"].tolist() == test["response"].tolist()
    assert loaded.held_out_predictions().keys["drug_id"].tolist() == test["drug_id"].tolist()
    assert {"tissue", "drug_name", "structure_key", "mean_effects", "lower_limit", "upper_limit"} <= set(
        loaded.held_out().columns
    )


def test_predicting_the_test_part_again_gives_what_was_held_out(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    held_out = trained[0].held_out_predictions()
    again = bdrp.predict(trained[1], screen=tiny_screen, pairs=held_out.keys).distribution
    assert again.mean == pytest.approx(held_out.mean, abs=1e-4)
    assert again.std == pytest.approx(held_out.std, rel=1e-3)


def test_a_model_loads_without_the_data_it_was_trained_on(trained: tuple[TrainedModel, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from bdrp.fitted.model import TrainedModel; m = TrainedModel.load(sys.argv[1]);"
        "print(m.held_out_predictions().mean.sum().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, trained[1]], cwd=tmp_path, capture_output=True, text=True, env=environment()
    )
    assert done.stdout.strip() == trained[0].held_out_predictions().mean.sum().hex(), done.stderr[-2000:]
    assert not list(tmp_path.iterdir())


def environment() -> dict[str, str]:
    root = str(Path(bdrp.__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}


def test_a_censored_fit_is_recalibrated_only_where_that_is_asked_for(
    tiny_screen: Screen, tiny_split: Split, fit: Fit
) -> None:
    options = {**SMALL, "epochs": 2, "likelihood": "censored"}
    alone = fit(tiny_screen, tiny_split, options=options)
    assert alone.manifest["recalibrator"] == "identity" and CENSORED in alone.manifest["notices"]
    asked = fit(tiny_screen, tiny_split, options=options, recalibration="variance_scaling")
    assert asked.manifest["recalibrator"] == "variance_scaling" and CENSORED not in asked.manifest["notices"]


def test_nothing_is_written_without_a_place(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(tiny_screen, tiny_split, method="mean_effects", options={})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["mean_effects", "ridge"])
def test_the_rivals_make_model_folders_too(
    method: str, tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    model = fit(tiny_screen, tiny_split, method=method, options={}, out=tmp_path / "m")
    loaded = TrainedModel.load(tmp_path / "m")
    assert same(loaded.held_out_predictions(), model.held_out_predictions())
    one, two = (bdrp.predict(which, screen=tiny_screen).distribution for which in (model, loaded))
    assert same(one, two)


def test_new_drugs_and_new_samples_are_predicted_without_any_response(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    smiles = ["CC(=O)Oc1ccccc1C(=O)O", "N.N.Cl[Pt]Cl"]
    drugs = pd.DataFrame(
        {"smiles": smiles, "structure_key": [*map(structure_key, smiles)], "name": ["Aspirin", "Cisplatin"]},
        index=["x", "y"],
    )
    expression = (tiny_screen.expression[:2] + tiny_screen.expression[2:4].to_numpy()) / 2
    expression.index = pd.Index(["new 1", "new 2"])
    made = bdrp.predict(trained[1], drugs=drugs, expression=expression)
    frame = made.distribution.to_frame()
    assert list(zip(frame["cell_line_id"], frame["drug_id"], strict=True)) == [
        ("new 1", "x"),
        ("new 1", "y"),
        ("new 2", "x"),
        ("new 2", "y"),
    ]
    assert np.isfinite(frame.select_dtypes("number")).all(axis=None)
    known = bdrp.predict(trained[1], screen=tiny_screen).distribution
    assert made.distribution.epistemic_std.min() > known.epistemic_std.mean()
    assert list(made.context.columns) == COLUMNS
    assert made.context["drug_name"].tolist() == ["Aspirin", "Cisplatin"] * 2
    assert made.context["lower_limit"].isna().all() and (made.context["tissue"] == "unknown").all()


def test_a_trained_structure_under_a_new_id_borrows_from_the_trained_drug_and_is_less_sure(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    renamed = tiny_screen.drugs.rename(index={"D001": "other"})
    pairs = pd.DataFrame({"cell_line_id": ["SIM0001"], "drug_id": ["other"]})
    one = bdrp.predict(trained[1], drugs=renamed, expression=tiny_screen.expression, pairs=pairs)
    two = bdrp.predict(trained[1], screen=tiny_screen, pairs=pairs.replace("other", "D001"))
    general = bdrp.predict(trained[1], screen=tiny_screen).distribution.mean.mean()
    assert abs(one.distribution.mean - two.distribution.mean) < 0.5 * abs(two.distribution.mean - general)
    assert one.distribution.epistemic_std > 1.2 * two.distribution.epistemic_std
    assert one.context["drug_similarity"].tolist() == [1.0]


def test_context_stands_beside_its_pair(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    pairs = pd.DataFrame({"cell_line_id": ["SIM0005", "SIM0001", "SIM0005"], "drug_id": ["D003", "D002", "D003"]})
    made = bdrp.predict(trained[1], screen=tiny_screen, pairs=pairs)
    assert made.distribution.keys.equals(pairs.astype(str))
    assert made.context["drug_name"].tolist() == list(tiny_screen.drugs.loc[pairs["drug_id"], "name"])
    assert made.context["tissue"].tolist() == list(tiny_screen.cell_lines.loc[pairs["cell_line_id"], "tissue"])
    assert (made.context["line_distance_percentile"] == 0).all() and made.context["upper_limit"].notna().all()


def test_predictions_are_saved_with_measure_and_context(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen, tmp_path: Path
) -> None:
    from bdrp import predictive

    made: Predictions = bdrp.predict(trained[1], screen=tiny_screen)
    made.save(tmp_path / "p.parquet")
    assert list(pd.read_parquet(tmp_path / "p.parquet").columns)[-len(COLUMNS) :] == COLUMNS
    assert same(predictive.load(tmp_path / "p.parquet"), made.distribution)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [("drug_id", "D999", "no structure: D999"), ("cell_line_id", "nowhere", "no expression: nowhere")],
)
@pytest.mark.parametrize("others", [True, False])
def test_pairs_of_unknown_ids_are_refused_by_name(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen, column: str, value: str, what: str, others: bool
) -> None:
    pairs = pd.DataFrame({"cell_line_id": ["SIM0001", "SIM0005"], "drug_id": ["D001", "D002"]})
    pairs.loc[: 0 if others else 1, column] = value
    with pytest.raises(DataError, match=f"{1 if others else 2} pairs have a {column} with {what}"):
        bdrp.predict(trained[0], screen=tiny_screen, pairs=pairs)


def test_no_pairs_and_no_tables_are_refused(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    with pytest.raises(DataError, match="There are no pairs to predict"):
        bdrp.predict(trained[0], screen=tiny_screen, pairs=pd.DataFrame({"cell_line_id": [], "drug_id": []}))
    with pytest.raises(DataError, match="Drugs and expression are both needed"):
        bdrp.predict(trained[0], drugs=tiny_screen.drugs)


def test_drugs_without_a_structure_are_refused(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    lines = tiny_screen.expression
    with pytest.raises(DataError, match="drugs lack the column smiles"):
        bdrp.predict(trained[0], drugs=tiny_screen.drugs.drop(columns="smiles"), expression=lines)
    with pytest.raises(DataError, match="drugs has no column smiles. Its columns are drug_id, name"):
        bdrp.predict(trained[0], drugs=tiny_screen.drugs[["name"]], expression=lines)


def test_the_dose_planned_for_a_new_drug_moves_that_drug_alone(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    model = TrainedModel.load(trained[1])
    fitted: Any = model.fitted
    kriging = fitted.layer.kriging
    kriging.shares[0] = 0.5 * torch.eye(len(KERNELS))[KERNELS.index("dose")]
    kriging.similarity.dose.copy_(torch.linspace(-1, 1, len(model.features.compounds)))
    kriging.weights[:, 0] = kriging.similarity.dose
    new = tiny_screen.drugs.iloc[[0]].assign(smiles="CCCCCCCCN", structure_key="NEW").set_axis(["new"])
    drugs = pd.concat([tiny_screen.drugs.iloc[:3], new])

    def means(dose: float) -> pd.Series:
        asked = drugs.assign(upper_limit=dose)
        found = bdrp.predict(model, drugs=asked, expression=tiny_screen.expression).distribution.to_frame()
        return found.groupby("drug_id")["mean"].mean()

    high, low = means(9.0), means(-9.0)
    assert high["new"] > low["new"]
    assert high.drop("new").tolist() == low.drop("new").tolist()
    with pytest.raises(DataError, match="drugs has an upper_limit of type (str|object)"):
        bdrp.predict(model, drugs=drugs.assign(upper_limit="10 uM"), expression=tiny_screen.expression)


def test_pairs_without_ids_are_refused(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    with pytest.raises(DataError, match="pairs has no column drug_id. Its columns are cell_line_id"):
        bdrp.predict(trained[0], screen=tiny_screen, pairs=pd.DataFrame({"cell_line_id": ["SIM0001"]}))


def test_an_id_that_stands_twice_is_refused(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    drugs, lines = tiny_screen.drugs, tiny_screen.expression
    with pytest.raises(DataError, match="drugs hold 1 ids twice: D001"):
        bdrp.predict(trained[0], drugs=pd.concat([drugs, drugs[:1]]), expression=lines)
    with pytest.raises(DataError, match=r"expression holds 1 duplicated lines \(SIM0001\)"):
        bdrp.predict(trained[0], drugs=drugs, expression=pd.concat([lines, lines[:1]]))


def test_missing_genes_are_tolerated_with_a_warning_and_refused_beyond(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    genes = sorted(tiny_screen.expression.columns)
    pairs = pd.DataFrame({"cell_line_id": ["new"], "drug_id": ["D001"]})
    lines = tiny_screen.expression.rename(index={"SIM0001": "new"})
    with pytest.warns(BdrpWarning, match=rf"5 of the model's 50 genes \(10%\) are missing: {genes[0]}, "):
        bdrp.predict(trained[0], drugs=tiny_screen.drugs, expression=lines[genes[5:]], pairs=pairs)
    with pytest.raises(DataError, match=rf"11 of the model's 50 genes \(22%\) are missing: {genes[0]}, .*At most 20%"):
        bdrp.predict(trained[0], drugs=tiny_screen.drugs, expression=lines[genes[11:]], pairs=pairs)


def test_a_line_that_bears_anothers_id_is_warned_of_and_predicted_as_new(
    trained: tuple[TrainedModel, Path], tiny_screen: Screen
) -> None:
    lines = tiny_screen.expression
    lines.loc["SIM0001"] = lines.loc["SIM0009"].to_numpy() + 1
    pairs = pd.DataFrame({"cell_line_id": ["SIM0001", "SIM0005"], "drug_id": ["D001", "D001"]})
    copied = "another line's expression, scaled, shifted or negated"  # which is told beside it
    bears = pytest.warns(BdrpWarning, match="1 lines bear .* training line.*: SIM0001")
    with bears, pytest.warns(BdrpWarning, match=copied):
        spoiled = bdrp.predict(trained[0], drugs=tiny_screen.drugs, expression=lines, pairs=pairs)
    with pytest.warns(BdrpWarning, match=copied):
        fresh = bdrp.predict(
            trained[0],
            drugs=tiny_screen.drugs,
            expression=lines.rename(index={"SIM0001": "new"}),
            pairs=pairs.replace("SIM0001", "new"),
        )
    assert spoiled.distribution.mean == pytest.approx(fresh.distribution.mean, abs=1e-5)
    assert spoiled.distribution.epistemic == pytest.approx(fresh.distribution.epistemic, rel=1e-4)


def test_another_measure_is_refused(trained: tuple[TrainedModel, Path], tiny_screen: Screen) -> None:
    responses = tiny_screen.responses
    responses["response"] = 0.5
    responses[["lower_limit", "upper_limit"]] = np.nan
    responses.loc[0, "response"] = 0.7
    auc = Screen(
        "auc", MEASURES["auc_fraction"], responses, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    )
    with pytest.raises(ModelFolderError, match="The model predicts ln_ic50_um, the screen holds auc_fraction"):
        bdrp.predict(trained[0], screen=auc)


def test_the_split_of_another_screen_is_refused(tiny_screen: Screen, tiny_split: Split, small_screen: Screen) -> None:
    with pytest.raises(SplitError, match="The split is of 6 responses that are not the"):
        bdrp.fit(tiny_screen, splits.Split("file", pd.Series(["train"] * 6), 0, 0, 1, "", small_screen.responses))


def test_a_model_without_a_test_part_says_that_there_is_nothing_to_evaluate(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    keys, parts = tiny_split.keys, tiny_split.parts.replace("test", "train")
    split = splits.Split("file", parts, 0, 0, 1, "no test", keys)
    fit(tiny_screen, split, method="mean_effects", options={}, out=tmp_path / "m")
    with pytest.raises(ModelFolderError, match="no held-out part to evaluate"):
        TrainedModel.load(tmp_path / "m").held_out()


def test_a_split_without_a_calibration_part_is_refused_before_the_fit(
    tiny_screen: Screen, tiny_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = splits.Split("file", tiny_split.parts.replace("calibration", "train"), 0, 0, 1, "", tiny_split.keys)
    monkeypatch.setattr("bdrp.inference.mean_effects.MeanEffectsMethod.fit", fail_in_the_middle)
    with pytest.raises(SplitError, match="The calibration part has 0 rows. At least two are needed"):
        bdrp.fit(tiny_screen, split, method="mean_effects")


# ---- places that cannot be written to


def test_what_stands_in_the_way_is_not_overwritten(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = listing(tmp_path)
    for name, overwrite, what in (
        ("file", True, "is a file or a link"),
        ("link", True, "is a file or a link"),
        ("folder", False, "is not empty"),
        ("folder", True, "holds no bdrp model"),
        ("file/deeper", False, "could not be written"),
    ):
        with pytest.raises(OutputError, match=what):
            fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / name, overwrite=overwrite)
    assert listing(tmp_path) == before and (tmp_path / "folder" / "mine").read_text() == "mine"


@pytest.mark.parametrize("out", [".", "..", "/", ""])
def test_a_place_without_a_name_is_refused(
    out: str, tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=out)
    assert listing(tmp_path) == ["here"] and listing(tmp_path / "here") == ["mine"]


def test_a_name_that_is_too_long_is_refused(tiny_screen: Screen, tiny_split: Split, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long"):
        bdrp.fit(tiny_screen, tiny_split, method="mean_effects", out=tmp_path / ("m" * 300))
    with pytest.raises(ModelFolderError, match="File name too long"):
        TrainedModel.load(tmp_path / ("m" * 300))


@pytest.mark.parametrize("stage", ["m.checkpoint.safetensors", "m.checkpoint.second"])
def test_a_file_that_has_a_checkpoints_name_and_is_none_is_kept(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, stage: str
) -> None:
    (tmp_path / stage).write_text("mine")
    with pytest.raises(OutputError, match=f"{stage} .there is something else"):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / "m")
    assert listing(tmp_path) == [stage] and (tmp_path / stage).read_text() == "mine"


def test_a_model_is_replaced_when_asked(tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er" / "m"
    fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=out)
    with pytest.raises(OutputError, match="is not empty.*overwrite=True"):
        fit(tiny_screen, tiny_split, method="ridge", options={}, out=out)
    fit(tiny_screen, tiny_split, method="ridge", options={}, out=out, overwrite=True)
    assert TrainedModel.load(out).manifest["method"] == "ridge" and listing(out.parent) == ["m"]


def test_an_empty_folder_is_taken(tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / "m")
    assert TrainedModel.load(tmp_path / "m").manifest["method"] == "mean_effects"


def fail_with(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize(
    "where", ["safetensors.torch.save_file", "bdrp.files.strict_json.write", "os.replace", "tempfile.mkdtemp"]
)
def test_a_failure_to_write_is_told_and_leaves_nothing_behind(
    number: int,
    where: str,
    tiny_screen: Screen,
    tiny_split: Split,
    fit: Fit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(where, fail_with(number))
    with pytest.raises(OutputError, match=f"could not be written.*{os.strerror(number)}"):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / "m")
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_while_tables_are_written_is_told(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyarrow.parquet.write_table", fail_with(errno.ENOSPC))
    with pytest.raises(OutputError, match="No space left on device"):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_permission_is_told(tiny_screen: Screen, tiny_split: Split, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        bdrp.fit(tiny_screen, tiny_split, method="mean_effects", out=tmp_path / "closed" / "m")


def test_a_replacement_that_fails_leaves_the_old_model(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, replace = tmp_path / "m", os.replace
    fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=out)

    def second_fails(source: Any, target: Any) -> None:
        if Path(target) == out and ".old." not in Path(source).name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr("os.replace", second_fails)
    with pytest.raises(OutputError, match="Input/output error"):
        fit(tiny_screen, tiny_split, method="ridge", options={}, out=out, overwrite=True)
    monkeypatch.undo()
    assert TrainedModel.load(out).manifest["method"] == "mean_effects" and listing(tmp_path) == ["m"]


def test_a_fit_that_fails_leaves_nothing_behind_and_the_old_model_in_place(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m"
    fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=out)
    monkeypatch.setattr("bdrp.fitted.fit._recalibrate", fail_in_the_middle)
    with pytest.raises(FitError, match="in the middle"):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=out, overwrite=True)
    with pytest.raises(FitError, match="in the middle"):
        fit(tiny_screen, tiny_split, method="mean_effects", options={}, out=tmp_path / "new")
    assert listing(tmp_path) == ["m"] and TrainedModel.load(out).manifest["method"] == "mean_effects"


def fail_in_the_middle(*_: Any) -> None:
    raise FitError("in the middle")


def test_a_model_that_another_fit_finished_meanwhile_is_kept(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="is not empty"),
        sealed_folder.writing(tmp_path / "m", overwrite=False) as place,
    ):
        sealed_folder.seal(place, {"which": "second"})
        with sealed_folder.writing(tmp_path / "m", overwrite=False) as first:
            sealed_folder.seal(first, {"which": "first"})
    assert sealed_folder.opened(tmp_path / "m")["which"] == "first" and listing(tmp_path) == ["m"]


# ---- interruption

TRAINER = """
import sys
from bdrp.data import splits
import bdrp
from bdrp.inference.training import loop as training
from bdrp.testing import tiny_screen
training.SECONDS_BETWEEN_CHECKPOINTS = -1.0
screen = tiny_screen()
split = splits.make(screen, "pair")
{body}
"""


def test_a_fit_killed_at_any_moment_resumes_to_the_same_model_and_a_neighbour_does_not_notice(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    options = {**SMALL, "epochs": 6, "patience": 6}
    body = f"""
epoch = training._epoch
def slow(*arguments):
    import time; time.sleep(0.2)
    epoch(*arguments)
training._epoch = slow
bdrp.fit(screen, split, options={options}, out=sys.argv[1])
"""
    out, checkpoint = tmp_path / "m", tmp_path / "m.checkpoint.safetensors"
    command = [sys.executable, "-W", "ignore", "-c", TRAINER.format(body=body)]
    killed, neighbour = (
        subprocess.Popen([*command, tmp_path / name], env=environment()) for name in ("m", "neighbour")
    )
    deadline = time.monotonic() + 90
    while not checkpoint.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL and checkpoint.exists() and not out.exists()
    with pytest.raises(FitError, match="belongs to another run"):
        fit(tiny_screen, tiny_split, options=options, seed=1, out=out, resume=True)
    resumed = fit(tiny_screen, tiny_split, options=options, out=out, resume=True)
    assert not checkpoint.exists() and out.exists()
    unbroken = fit(tiny_screen, tiny_split, options=options)
    assert same(resumed.held_out_predictions(), unbroken.held_out_predictions())
    assert resumed.manifest["history"] == unbroken.manifest["history"]
    assert neighbour.wait(90) == 0
    assert same(TrainedModel.load(tmp_path / "neighbour").held_out_predictions(), unbroken.held_out_predictions())


def interrupt_in_epoch(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the end of an epoch's blocks, before it is validated."""
    from bdrp.inference.training import loop as training

    improved = training._improved
    calls: list[int] = []

    def interrupted(*arguments: Any) -> bool:
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return improved(*arguments)

    monkeypatch.setattr(training, "_improved", interrupted)


def test_an_interrupted_fit_makes_a_model_and_can_go_on(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**SMALL, "epochs": 5, "patience": 5}
    out = tmp_path / "m"
    with monkeypatch.context() as patch, pytest.warns(BdrpWarning, match=r"Interrupted in epoch \d of 5"):
        interrupt_in_epoch(3, patch)
        fit(tiny_screen, tiny_split, options=options, out=out)
    assert np.isfinite(TrainedModel.load(out).held_out_predictions().mean).all()
    resumed = fit(tiny_screen, tiny_split, options=options, out=out, resume=True)
    unbroken = fit(tiny_screen, tiny_split, options=options)
    assert same(resumed.held_out_predictions(), unbroken.held_out_predictions())
    assert same(TrainedModel.load(out).held_out_predictions(), unbroken.held_out_predictions())
    assert listing(tmp_path) == ["m"]


def test_an_interruption_outside_the_training_leaves_nothing_behind(
    tiny_screen: Screen, tiny_split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bdrp.fitted.fit._recalibrate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bdrp.fit(tiny_screen, tiny_split, method="mean_effects", out=tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_other_data_is_refused(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of the training part are equal, but two responses and one line's expression changed places."""
    options = {**SMALL, "epochs": 5, "patience": 5}
    with monkeypatch.context() as patch:
        patch.setattr("bdrp.inference.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
        patch.setattr("bdrp.fitted.fit._recalibrate", fail_in_the_middle)
        with pytest.raises(FitError, match="in the middle"):
            fit(tiny_screen, tiny_split, options=options, out=tmp_path / "m")
    assert listing(tmp_path) == ["m.checkpoint.safetensors"]
    responses = tiny_screen.responses
    first, second = tiny_split.rows("train")[:2]
    swapped = responses["response"].to_numpy(copy=True)
    swapped[[first, second]] = swapped[[second, first]]
    other = Screen(
        "tiny",
        tiny_screen.measure,
        responses.assign(response=swapped),
        tiny_screen.drugs,
        tiny_screen.cell_lines,
        tiny_screen.expression,
    )
    with pytest.raises(FitError, match="belongs to another run"):
        fit(other, tiny_split, options=options, out=tmp_path / "m", resume=True)
    expression = tiny_screen.expression
    expression.iloc[[0, 1]] = expression.iloc[[1, 0]].to_numpy()
    other = Screen("tiny", tiny_screen.measure, responses, tiny_screen.drugs, tiny_screen.cell_lines, expression)
    with pytest.raises(FitError, match="belongs to another run"):
        fit(other, tiny_split, options=options, out=tmp_path / "m", resume=True)


def test_fitting_leaves_the_random_states_alone(tiny_screen: Screen, tiny_split: Split, fit: Fit) -> None:
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    fit(tiny_screen, tiny_split)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert np.random.get_state()[1].tolist() == numpy_state  # type: ignore[index]


def test_limits_come_from_every_row_that_was_fitted(tiny_screen: Screen) -> None:
    split = splits.make(tiny_screen, "drug", seed=0)
    fitted = split.parts != "test"
    small = {"method": "mean_effects", "seed": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)  # few drugs calibrate
        again = bdrp.fit(tiny_screen, split, **small)
        once = bdrp.fit(tiny_screen, split, refit=False, **small)
    drugs = tiny_screen.responses["drug_id"]
    assert set(again.limits.index) == set(drugs[fitted.to_numpy()])
    assert set(once.limits.index) == set(drugs.iloc[split.rows("train")])
    assert len(once.limits) < len(again.limits)


def test_the_recalibration_asked_for_is_fitted_and_recorded(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    for name in ("conformal_by_unit", "isotonic_by_tissue", "affine_by_scaffold", "variance_scaling_by_laboratory"):
        arguments = {"method": "mean_effects", "options": None, "recalibration": name}
        model = fit(tiny_screen, tiny_split, out=tmp_path / name, **arguments)
        assert (model.recalibration.kind, model.manifest["recalibration"]) == (name, name)
        assert (GUARANTEE_LOST in model.manifest["notices"]) == name.startswith("conformal")
        loaded = TrainedModel.load(tmp_path / name)
        assert loaded.recalibration == model.recalibration
        assert loaded.held_out_predictions().to_frame().equals(model.held_out_predictions().to_frame())


def test_without_a_wish_the_recalibration_is_chosen_and_recorded(trained: tuple[TrainedModel, Path]) -> None:
    manifest = trained[0].manifest
    assert manifest["recalibration"] == "auto"
    assert manifest["recalibrator"] == trained[0].recalibration.kind


def test_an_unknown_recalibration_is_refused_before_the_fit(
    tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"no recalibrator called 'platt'. Allowed: .*conformal_by_unit"):
        fit(tiny_screen, tiny_split, out=tmp_path / "model", recalibration="platt")
    assert list(tmp_path.iterdir()) == []


def test_a_method_is_named_or_given_with_its_options(tiny_screen: Screen, tiny_split: Split, fit: Fit) -> None:
    named = fit(tiny_screen, tiny_split, method="mean_effects", options={"shrinkage": 3.0})
    given = fit(tiny_screen, tiny_split, method=MeanEffectsMethod(shrinkage=3.0), options=None)
    assert named.manifest["options"] == given.manifest["options"] and given.manifest["method"] == "mean_effects"
    assert all(torch.equal(value, given.fitted.state()[name]) for name, value in named.fitted.state().items())
    with pytest.raises(FitError, match="beside a method that has its own"):
        fit(tiny_screen, tiny_split, method=MeanEffectsMethod(), options={"shrinkage": 3.0})
