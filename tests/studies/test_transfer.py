"""A model of one simulated laboratory on another, whose offsets are planted."""

from __future__ import annotations

import dataclasses
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.overlap import SEEN
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError, FitError, ModelFolderError, OutputError
from bdrp.files import sealed_json, strict_json
from bdrp.fitted.laboratory import Laboratories
from bdrp.studies import transfer_scores
from bdrp.studies.adaptation import draw_labelled
from bdrp.studies.transfer import TransferProtocol, TransferResults, group_by_measure, run_transfer
from bdrp.studies.transfer_metrics import tabulate_drugs, tabulate_metrics
from bdrp.studies.transfer_scores import Labelling, score_target, training_positions

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}


def laboratory(name: str, lines: slice, drugs: slice, change: Callable[[pd.DataFrame], np.ndarray]) -> Screen:
    """A corner of the simulated screen, its responses changed as another laboratory would."""
    whole = sources.load("simulated")
    some, them = whole.expression.index[lines], whole.drugs.index[drugs]
    rows = whole.responses
    rows = rows[rows["cell_line_id"].isin(some) & rows["drug_id"].isin(them)].reset_index(drop=True)
    return Screen(
        name,
        whole.measure,
        rows.assign(response=change(rows), lower_limit=np.nan, upper_limit=np.nan),
        whole.drugs.loc[them],
        whole.cell_lines.loc[some],
        whole.expression.loc[some].iloc[:, :60],
    )


def elsewhere(rows: pd.DataFrame) -> np.ndarray:
    """All off by 2, each drug by an SD of 1.5 more."""
    own = np.random.default_rng(1).standard_normal(200)
    return (rows["response"] + 2 + 1.5 * own[rows["drug_id"].str[1:].astype(int)]).to_numpy()


@pytest.fixture(scope="module")
def screens() -> tuple[Screen, Screen]:
    here = laboratory("here", slice(0, 90), slice(0, 36), lambda rows: rows["response"].to_numpy())
    return here, laboratory("there", slice(30, 120), slice(12, 48), elsewhere)


@pytest.fixture(scope="module")
def groups(screens):
    here, there = screens
    return group_by_measure({"ln_ic50_um": here}, [there])


@pytest.fixture(scope="module")
def protocol() -> TransferProtocol:
    return TransferProtocol(options=SMALL, labelled=(0, 20, 300), draws=2)


@pytest.fixture(scope="module")
def done(groups, protocol, tmp_path_factory):
    """The transfer, and its folder; not to be changed."""
    out = tmp_path_factory.mktemp("transfer") / "out"
    return quietly(groups, protocol, out), out


def quietly(groups, protocol, out) -> TransferResults:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return run_transfer(groups, protocol, out)


def value(found: TransferResults, seen: str, adaptation: str, labelled: int, figure: str = "rmse") -> float:
    table = found.metrics
    chosen = (table["seen"] == seen) & (table["adaptation"] == adaptation) & (table["labelled"] == labelled)
    return float(table[chosen & (table["figure"] == figure)]["value"].iloc[0])


def test_every_class_of_pairs_is_scored(done):
    # lines 90 of 120 and drugs 36 of 48 overlap by two thirds, and a fifth of both overlaps is held out
    counts = done[0].targets[0]["pairs"]
    assert min(counts["scored"][kind] for kind in SEEN if kind != "pair unseen") > 50
    assert sum(counts["labelled"].values()) == 300
    assert sum(counts["scored"].values()) + 300 <= sum(counts["of"].values())


def test_no_scored_pair_is_labelled_in_any_draw():
    # Every pair was measured twice: neither measurement of a labelled pair may be scored.
    line, drug = np.divmod(np.arange(600) % 300, 10)
    rows = pd.DataFrame({"cell_line_id": line.astype(str), "drug_id": drug.astype(str)})
    labelled = draw_labelled(rows, 40, 3, seed=0)
    pairs = pd.MultiIndex.from_frame(rows)
    scored = pairs[transfer_scores._scored(rows, np.full(600, SEEN[0]), labelled, seed=0)]
    assert len(scored) == 2 * len(pairs.unique().difference(pairs[labelled.ravel()]))
    for draw in labelled:
        assert pairs[draw].is_unique
        assert scored.intersection(pairs[draw]).empty
    assert len(set(map(frozenset, labelled.tolist()))) == 3


def test_each_draw_is_told_its_own_pairs(done):
    for name, draws in done[0].targets[0]["found"].items():
        assert len(draws) == 2
        assert (draws[0] != draws[1]) == (not name.endswith(", 0"))


def test_recalibration_takes_a_common_offset_away(done):
    found, _ = done
    for seen in ("pair seen", "line unseen"):
        assert value(found, seen, "recalibrated", 300) < 0.85 * value(found, seen, "raw", 0)
        assert abs(value(found, seen, "recalibrated", 300, "bias")) < 0.5 * abs(value(found, seen, "raw", 0, "bias"))


def test_the_posterior_as_prior_finds_the_offset_of_each_drug_too(done):
    found, _ = done
    for seen in ("pair seen", "line unseen", "drug unseen"):
        best = value(found, seen, "posterior as prior", 300)
        assert best < 0.8 * value(found, seen, "recalibrated", 300)


def test_coverage_comes_back_with_labelled_pairs(done):
    # Seen pairs: several hundred, of drugs whose offsets are shared. The other laboratory repeats the same experiments
    # here, so its noise is known to the model, and intervals that count it again may cover more than they say.
    found, _ = done
    assert value(found, "pair seen", "raw", 0, "coverage_90") < 0.7
    assert value(found, "pair seen", "posterior as prior", 300, "coverage_90") > 0.82


def test_without_a_labelled_pair_intervals_carry_what_other_laboratories_differ_by(done):
    # The target is off by 2 SDs of 1.5 a drug and more in level: the scales of GDSC1, CCLE and CTRPv2 help, if they
    # cannot know that it differs by more than these do.
    found, _ = done
    for seen in ("pair seen", "line unseen"):
        raw, other = (value(found, seen, name, 0, "coverage_90") for name in ("raw", "other laboratory"))
        assert other > raw + 0.1
        assert value(found, seen, "other laboratory", 0, "width_90") > 1.3 * value(found, seen, "raw", 0, "width_90")
        assert value(found, seen, "other laboratory", 0) == value(found, seen, "raw", 0)  # means stay


def test_what_was_learned_of_the_target_is_written_and_not_told_to_itself(done, tmp_path):
    found, out = done
    (learned,) = found.laboratories.scales
    assert (learned.laboratory, learned.source, learned.measure) == ("there", "here", "ln_ic50_um")
    assert learned.effects.by_drug > 0.3  # 1.5 of a response SD of some 2.5
    carried = found.targets[0]["found"]["other laboratory, 0"][0]
    assert carried == Laboratories.shipped().prior("ln_ic50_um").median.to_json()
    found.save(tmp_path)
    assert Laboratories.load(tmp_path / "laboratory.json") == found.laboratories
    assert "bdrp transfer --train here --test there" in found.laboratories.made_by


def test_drugs_are_counted_one_by_one_and_those_never_labelled_apart(done):
    table = done[0].by_drug
    raw = table[(table["adaptation"] == "raw") & (table["seen"] == "pair seen")].set_index("drugs")
    assert raw.loc["all", "below_70"] > 0.3 and raw.loc["all", "count"] > 10
    updated = table[(table["adaptation"] == "posterior as prior") & (table["labelled"] == 300)]
    seen = updated[updated["seen"] == "pair seen"].set_index("drugs")
    assert seen.loc["all", "below_70"] < raw.loc["all", "below_70"] - 0.2
    assert set(updated["drugs"]) >= {"all", "labelled"}


def test_intervals_of_unseen_drugs_come_from_drawing_drugs():
    # Drugs that err as wholes: with a drug drawn, all of its pairs are, and the interval is far wider than over lines.
    rng = np.random.default_rng(0)
    keys = pd.MultiIndex.from_product([range(40), range(12)], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    rows = pd.DataFrame({name: rng.standard_normal(480) for name in ("bias", "nll", "crps", "width_90")})
    rows = rows.assign(cell_line_id=keys["cell_line_id"].astype(str), drug_id=keys["drug_id"].astype(str))
    covered = np.asarray(rng.random(12) < 0.6)[keys["drug_id"]].astype(float)
    rows = rows.assign(coverage_90=covered, squared_error=rows["bias"] ** 2, method="raw, 0", seed=0)
    rows = rows.assign(mean=rows["bias"], response=rng.standard_normal(480), labelled_drug=False)
    tables = {seen: tabulate_metrics(rows.assign(split=seen), []) for seen in ("line unseen", "drug unseen")}
    width = {
        seen: float((table["upper"] - table["lower"])[table["figure"] == "coverage_90"].iloc[0])
        for seen, table in tables.items()
    }
    assert width["line unseen"] < 0.01 < 0.3 < width["drug unseen"]
    below = tabulate_drugs(rows.assign(split="drug unseen")).set_index("drugs")["below_70"]
    assert below["all"] == below["never labelled"] == pytest.approx(1 - covered[:12].mean())


@pytest.mark.parametrize("labelling", ["lines", "drugs"])
def test_plates_are_labelled_whole_before_the_next_one_begins(labelling):
    line, drug = np.divmod(np.arange(600) % 300, 10)
    rows = pd.DataFrame({"cell_line_id": line.astype(str), "drug_id": drug.astype(str)})
    plate, size = ("cell_line_id", 10) if labelling == "lines" else ("drug_id", 30)
    for drawn in draw_labelled(rows, 60, 2, seed=0, labelling=labelling):
        chosen = rows.iloc[drawn]
        assert not chosen.duplicated().any()
        assert chosen[plate].nunique() == 60 // size
        assert (chosen[plate].iloc[:size] == chosen[plate].iloc[0]).all()


def test_the_laboratories_own_agreement_stands_beside(done):
    table = done[0].concordance
    there = table[(table["adaptation"] == "the other laboratory") & (table["seen"] == "pair seen")].iloc[0]
    # offsets of 2 and of 1.5 a drug, and repeats that are other experiments
    assert there["rmse"] > 2
    assert there["rmse_within_drug"] < 0.5  # the same experiments but for offsets
    assert done[0].targets[0]["agreement"]["every"]["pairs"] > 500
    assert done[0].targets[0]["expression"]["batch"] == 0


def test_the_epistemic_sd_tells_drugs_that_were_never_seen(done):
    # Slopes and loadings of a drug that was never measured have the prior's variance: larger for nearly all pairs.
    unseen, counts = done[0].targets[0]["unseen"], done[0].targets[0]["pairs"]["scored"]
    assert unseen["drug"]["auroc"] > max(0.9, unseen["drug"]["auroc_null_upper"])
    assert unseen["line"]["auroc"] > unseen["line"]["auroc_null_upper"]
    for side in ("drug", "line"):
        assert unseen[side]["unseen_pairs"] == counts[f"{side} unseen"]
        assert unseen[side]["seen_pairs"] == counts["pair seen"] + counts["pair unseen"]


def test_intervals_hold_the_value_and_single_draws_lie_about_it(done):
    table = done[0].metrics
    bounded = table[table["lower"].notna()]
    assert ((bounded["lower"] <= bounded["value"] + 1e-9) & (bounded["value"] <= bounded["upper"] + 1e-9)).all()
    means = table[table["figure"] != "rmse"]  # that of all draws is no mean of theirs
    assert ((means["lowest"] <= means["value"] + 1e-9) & (means["value"] <= means["highest"] + 1e-9)).all()
    raw = table[table["adaptation"] == "raw"]
    np.testing.assert_allclose(raw["lowest"], raw["highest"])


def test_a_second_call_does_nothing_again_and_says_the_same(done, groups, protocol):
    found, out = done
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = quietly(groups, protocol, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    pd.testing.assert_frame_equal(again.metrics, found.metrics)
    assert again.targets[0]["found"] == found.targets[0]["found"]


def test_half_a_fit_is_not_scored_and_the_next_call_goes_on_with_it(done, groups, protocol, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(done[1], out)
    (path,) = out.glob("models/*/manifest.json")
    strict_json.write(path, sealed_json.with_digest(json.loads(path.read_text()) | {"interrupted": True}))
    asked: list[dict] = []
    monkeypatch.setattr("bdrp.studies.transfer.fit", lambda *given, **said: asked.append(said))
    with pytest.raises(KeyboardInterrupt):
        run_transfer(groups, protocol, out)
    assert asked[0]["overwrite"] and not asked[0]["resume"]
    path.parent.with_name(f"{path.parent.name}.checkpoint.safetensors").touch()
    with pytest.raises(KeyboardInterrupt):
        run_transfer(groups, protocol, out)
    assert asked[1]["resume"]


def test_other_numbers_of_labelled_pairs_take_the_same_model(done, groups, protocol):
    _, out = done
    models = sorted((out / "models").iterdir())
    said: list[str] = []
    few = dataclasses.replace(protocol, labelled=(0, 10), draws=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=BdrpWarning)
        found = run_transfer(groups, few, out, say=said.append)
    assert sorted((out / "models").iterdir()) == models
    assert set(found.metrics["labelled"]) == {0, 10}
    assert "the fitted model is taken from" in said[0]


def _damaged(target: Path) -> None:
    (target / "figures.parquet").write_bytes(b"nothing")


def _without_a_summary(target: Path) -> None:
    manifest = json.loads((target / "manifest.json").read_text())
    strict_json.write(target / "manifest.json", sealed_json.with_digest(manifest | {"summary": {"moons": 3}}))


def _with_another_entry(target: Path) -> None:
    manifest = json.loads((target / "manifest.json").read_text())
    summary = manifest["summary"] | {"notes": [3]}
    strict_json.write(target / "manifest.json", sealed_json.with_digest(manifest | {"summary": summary}))


def _a_file(target: Path) -> None:
    shutil.rmtree(target)
    target.write_text("mine")


@pytest.mark.parametrize("alter", [_damaged, _without_a_summary, _with_another_entry, _a_file])
def test_scores_that_were_altered_are_made_again_with_a_warning(groups, protocol, done, tmp_path, alter):
    out = tmp_path / "out"
    shutil.copytree(done[1], out)
    for target in list((out / "targets").iterdir()):
        alter(target)
    with pytest.warns(BdrpWarning, match="Kept scores are not used, and are made again") as told:
        found = quietly(groups, protocol, out)
    assert len([each for each in told if "Kept scores" in str(each.message)]) == 2  # the target's, and those at home
    pd.testing.assert_frame_equal(found.metrics, done[0].metrics)
    here, there = (sorted(path.name for path in (place / "targets").iterdir()) for place in (out, done[1]))
    assert here == there
    with warnings.catch_warnings():
        warnings.simplefilter("error", BdrpWarning)
        run_transfer(groups, protocol, out)


def test_scores_that_were_moved_to_anothers_place_are_not_taken_for_its_own(groups, protocol, done, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done[1], out)
    places = sorted((out / "targets").iterdir())
    aside = [place.rename(out / place.name) for place in places]
    for place, moved in zip(places, aside[1:] + aside[:1], strict=True):
        moved.rename(place)
    with pytest.warns(BdrpWarning, match="holds what was made for another key") as told:
        found = quietly(groups, protocol, out)
    assert len([each for each in told if "another key" in str(each.message)]) == 2
    pd.testing.assert_frame_equal(found.metrics, done[0].metrics)


def test_a_model_in_the_place_of_anothers_is_fitted_again(groups, protocol, done, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(done[1], out)
    quietly(groups, dataclasses.replace(protocol, seed=protocol.seed + 1), other)
    (place,), (sound,) = ((path / "models").iterdir() for path in (out, other))
    shutil.rmtree(place)
    shutil.copytree(sound, place)
    shutil.rmtree(out / "targets")
    found = quietly(groups, protocol, out)
    pd.testing.assert_frame_equal(found.metrics, done[0].metrics)


def test_scales_that_were_altered_are_learned_again_with_a_warning(groups, protocol, done, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done[1], out)
    (kept,) = (out / "laboratories").iterdir()
    manifest = kept / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"by_drug": 0.', '"by_drug": 1.'))
    with pytest.warns(BdrpWarning, match="What was learned of a laboratory is learned again"):
        found = quietly(groups, protocol, out)
    assert found.laboratories == done[0].laboratories


def test_a_given_model_is_taken_if_it_is_of_the_training_screen(done, groups, protocol, tmp_path):
    (path,) = (done[1] / "models").iterdir()
    asked = dataclasses.replace(protocol, model=path, labelled=(0,), draws=1)
    found = quietly(groups, asked, tmp_path / "out")
    assert set(found.metrics["adaptation"]) == {"raw", "other laboratory"}
    assert not (tmp_path / "out" / "models").exists()
    assert f"--model {path.name} --seed" in found.laboratories.made_by
    other = [dataclasses.replace(groups[0], train=dataclasses.replace(groups[0].train, name="nowhere"))]
    with pytest.raises(ModelFolderError, match="is of here in ln_ic50_um; nowhere in ln_ic50_um is asked for"):
        run_transfer(other, asked, tmp_path / "other")


def test_a_method_without_a_posterior_is_recalibrated_only(groups, tmp_path):
    found = quietly(groups, TransferProtocol("ridge", labelled=(0, 50), draws=1), tmp_path / "out")
    assert set(found.metrics["adaptation"]) == {"raw", "other laboratory", "recalibrated", "shrunken drug offsets"}
    assert not found.laboratories.scales
    assert not (tmp_path / "out" / "laboratory.json").exists()


def test_what_was_learned_is_what_was_not_held_out(done, groups):
    from bdrp.fitted.model import TrainedModel

    (path,) = (done[1] / "models").iterdir()
    model, train = TrainedModel.load(path), groups[0].train
    rows = training_positions(model, train)
    assert len(rows) + len(model.held_out()) == len(train.responses)


def test_too_few_pairs_are_left_out_and_said(done, groups):
    from bdrp.fitted.model import TrainedModel

    (path,) = (done[1] / "models").iterdir()
    group = groups[0]
    found = score_target(TrainedModel.load(path), group.train, group.tests[0], Labelling((0, 100_000), seed=1))
    assert found.summary["left_out"] == [100_000]
    assert set(found.metrics["labelled"]) == {0}


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"labelled": (-5,)}, DataError, r"adapted with \[-5\] labelled pairs"),
        ({"labelled": (1,)}, DataError, "0 and numbers from 2 on"),
        ({"labelled": ()}, DataError, "labelled pairs in 3 draws"),
        ({"draws": 0}, DataError, "at least one draw"),
        ({"labelling": "moons"}, DataError, "Allowed: pairs, lines, drugs"),
        ({"method": "magic"}, FitError, "no method 'magic'"),
        ({"options": {"moons": 3}}, FitError, "no option moons"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(asked, error, said):
    with pytest.raises(error, match=said):
        TransferProtocol(**asked)


def test_a_screen_is_not_tested_on_itself(screens):
    here, _ = screens
    with pytest.raises(DataError, match="A model of here cannot be tested on here"):
        group_by_measure({"ln_ic50_um": here}, [here])


def test_a_folder_of_something_else_is_left_alone(groups, protocol, tmp_path):
    (tmp_path / "thesis.tex").write_text("chapter one")
    with pytest.raises(OutputError, match="holds no transfer"):
        run_transfer(groups, protocol, tmp_path)
