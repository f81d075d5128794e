"""Ablations on the tiny screen: what is taken away, what is compared with what, and what is said of it."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bdrp.data import randomisation
from bdrp.data.screen import Screen
from bdrp.errors import DataError, FitError
from bdrp.studies import ablation
from bdrp.studies.components import COMPONENTS, FLOOR, FULL, OVERALL, ablation_matrix
from bdrp.studies.execution import plan, worker
from bdrp.studies.execution.run_matrix import RunMatrix

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
TAKEN = ["no_expression", "point", "shuffled_labels"]


NOT_OF_THE_DEFAULT = ("product", "student_t", "no_mutations", "no_copy_number", "no_methylation", "no_proteomics")


def _ablation(splits=("pair",), components=TAKEN, **options):
    return ablation_matrix("last_layer", list(splits), 2, 1, options=SMALL | options, components=components)


@pytest.fixture(scope="module")
def done(tiny_screen, tmp_path_factory):
    """Three components on two folds, done without workers; not to be changed."""
    out = tmp_path_factory.mktemp("ablation")
    made = plan.make_plan(tiny_screen, _ablation(), out)
    for run in made.todo:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worker.fit_and_record(tiny_screen, run, out, "cpu")
    return out, made


@pytest.fixture(scope="module")
def found(done):
    out, made = done
    return ablation.gather_contributions(out, made.runs)


def _row(table, part, against, figure="rmse"):
    return table[(table["part"] == part) & (table["against"] == against) & (table["figure"] == figure)].iloc[0]


def test_the_whole_every_part_that_changes_something_and_mean_effects_are_fitted():
    matrix = ablation_matrix("last_layer", ["pair"])
    assert list(matrix.methods) == [
        FULL,
        *(name for name in COMPONENTS if name not in NOT_OF_THE_DEFAULT),
        FLOOR,
        OVERALL,
    ]
    assert matrix.methods["point"] == "deterministic"
    assert matrix.shuffled == {
        **{f"shuffled_{kind}": kind for kind in randomisation.KINDS},
        OVERALL: "labels",
    }
    censored = ablation_matrix("last_layer", ["pair"], options={"likelihood": "censored"})
    assert {"normal", "student_t"} <= set(censored.methods)
    assert "censored" not in censored.methods
    assert "point" not in ablation_matrix("deterministic", ["pair"]).methods


def test_a_variant_has_the_options_of_the_whole_but_for_its_part(tiny_screen):
    runs = {run.label: run for run in _ablation().runs(tiny_screen)}
    assert dict(runs["no_expression"].options) == dict(runs[FULL].options) | {"expression": "ignored"}
    assert {name: value for name, value in runs[FULL].options.items() if name != "covariance"} == runs["point"].options


def test_the_whole_is_the_run_of_an_ordinary_comparison_and_a_shuffle_is_another(tiny_screen):
    runs = {run.label: run for run in _ablation().runs(tiny_screen) if run.fold == 0}
    plain = RunMatrix({"last_layer": "last_layer"}, ["pair"], 2, 1, {"last_layer": SMALL}).runs(tiny_screen)[0]
    assert runs[FULL].key == plain.key
    assert "shuffled" not in plain.config
    assert "expression" not in plain.config["options"]
    assert runs["shuffled_labels"].config == runs[FULL].config | {"shuffled": "labels"}
    assert len({run.key for run in runs.values()}) == len(runs)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (("ridge", ["pair"]), DataError, "ridge has no components to take away. Allowed: .*last_layer"),
        (("magic", ["pair"]), FitError, "no method 'magic'"),
        (("last_layer", ["moon"]), DataError, "no split 'moon'"),
    ],
)
def test_an_ablation_that_cannot_be_made_is_refused(given, kind, said):
    with pytest.raises(kind, match=said):
        ablation_matrix(*given)


@pytest.mark.parametrize(
    ("components", "said"),
    [
        (["soul"], "there is no component 'soul'. Allowed: fingerprint, one_hot"),
        (["point", "point"], "one is named twice"),
        ([], "none is named"),
        (
            ["no_mutations"],
            "The component no_mutations changes nothing: last_layer is without mutations already under these",
        ),
        (["student_t"], "The component student_t changes nothing: last_layer is Student-t already"),
    ],
)
def test_components_that_there_are_not_or_that_change_nothing_are_refused(components, said):
    with pytest.raises(DataError, match=said):
        _ablation(components=components)


@pytest.mark.parametrize("name", ["mutations", "copy_number", "methylation", "proteomics"])
def test_profiles_are_parts_where_they_are_read_and_a_screen_without_them_is_refused(tiny_screen, name):
    grid = _ablation(components=[f"no_{name}"], modalities=f"expression,tissue,{name}")
    lines = tiny_screen.expression.index[:-3]
    marks = pd.DataFrame(
        np.eye(len(lines), 3, dtype=np.float32), index=lines, columns=pd.Index(list("ABC"), dtype="str")
    )
    parts = (tiny_screen.responses, tiny_screen.drugs, tiny_screen.cell_lines)
    profiled = Screen("tiny", tiny_screen.measure, *parts, {**tiny_screen.profiles, name: marks})
    runs = {run.label: run for run in grid.runs(profiled)}
    assert tuple(runs[FULL].options["modalities"]) == ("expression", "tissue", name)
    assert dict(runs[f"no_{name}"].options) == {**runs[FULL].options, "modalities": ("expression", "tissue")}
    alone = {run.label: run for run in _ablation(components=["point"]).runs(profiled)}
    assert runs[f"no_{name}"].key == alone[FULL].key
    with pytest.raises(DataError, match=f"tiny holds no {name} of its lines, which full reads; it holds expression"):
        grid.runs(tiny_screen)


def test_folds_may_be_the_published_ones_for_every_variant(tiny_screen):
    drawn, published = (
        ablation_matrix("last_layer", ["pair"], 2, 1, components=["shuffled_labels"], partition=name).runs(tiny_screen)
        for name in ("drawn", "published")
    )
    assert {run.partition for run in published} == {"published"}
    assert [run.shuffled for run in published] == [run.shuffled for run in drawn]
    assert not {run.key for run in drawn} & {run.key for run in published}
    for before, after in zip(drawn, published, strict=True):
        assert after.config == before.config | {"split": before.config["split"] | {"partition": "published"}}


def test_a_grid_refuses_what_cannot_be_shuffled():
    with pytest.raises(DataError, match="no way to shuffle 'tissues'"):
        RunMatrix({"ridge": "ridge"}, ["pair"], 2, 1, shuffled={"ridge": "tissues"})
    with pytest.raises(DataError, match="no method with something shuffled 'rigde'"):
        RunMatrix({"ridge": "ridge"}, ["pair"], 2, 1, shuffled={"rigde": "labels"})


def test_finished_runs_are_not_done_again(tiny_screen, done):
    assert plan.make_plan(tiny_screen, _ablation(), done[0]).todo == ()


def test_every_part_is_compared_with_the_whole_and_shuffled_labels_with_mean_effects(found):
    pairs = set(zip(found.table["part"], found.table["against"], strict=True))
    assert pairs == {
        *((name, FULL) for name in TAKEN),
        (FULL, FLOOR),
        ("shuffled_labels", FLOOR),
        ("shuffled_labels", OVERALL),
    }
    assert set(found.table["figure"]) == {"rmse", "nll", "crps"}
    assert len(found.table) == 3 * len(pairs)
    assert (found.runs["status"] == "done").all()


def test_a_contribution_is_the_figure_without_the_part_less_that_of_the_whole(found, done):
    out, made = done
    rows = [(run, plan.read_finished(out, [run])[run.key].held_out()) for run in made.runs]
    rmse = {}
    for label in (FULL, "no_expression"):
        squares = [
            (held.predictions.mean - held.observed["response"].to_numpy()) ** 2
            for run, held in rows
            if run.label == label
        ]
        rmse[label] = float(np.sqrt(np.concatenate(squares).mean()))
    row = _row(found.table, "no_expression", FULL)
    assert row["value"] == pytest.approx(rmse["no_expression"])
    assert row["against_value"] == pytest.approx(rmse[FULL])
    assert row["contribution"] == pytest.approx(rmse["no_expression"] - rmse[FULL])
    assert row["lower"] <= row["contribution"] <= row["upper"]


def test_shuffled_labels_do_not_beat_mean_effects(found):
    """Mean effects know drugs apart and shuffled labels do not: an RMSE near 2.5 against 1.3, whatever the seed.

    The overall mean is as good as shuffled labels can be. Beside it the interval lies below 0, and the test fails, for
    at most one seed in 40; the seed is fixed.
    """
    known = _row(found.table, "shuffled_labels", FLOOR)
    assert known["lower"] > 0
    assert known["said"].startswith("worse")
    assert not _row(found.table, "shuffled_labels", OVERALL)["said"].startswith("better")


def test_a_labels_run_is_scored_on_the_responses_as_they_were_measured(tiny_screen, done):
    out, made = done
    run = next(run for run in made.runs if run.label == "shuffled_labels")
    observed = plan.read_finished(out, [run])[run.key].held_out().observed
    keys = ["cell_line_id", "drug_id", "response"]
    measured = set(map(tuple, tiny_screen.responses[keys].to_numpy().tolist()))
    assert set(map(tuple, observed[keys].to_numpy().tolist())) <= measured


@pytest.mark.parametrize(
    ("lower", "upper", "folds", "against", "said"),
    [
        (0.1, 0.3, (0.05, 0.4), FULL, "contributes"),
        (0.1, 0.3, (-0.1, 0.4), FULL, "contributes on these folds alone"),
        (0.1, 0.3, (np.nan, np.nan), FULL, "contributes on these folds alone"),
        (-0.3, -0.1, (-0.4, -0.1), FULL, "harms"),
        (-0.3, -0.1, (-0.4, -0.1), FLOOR, "better"),
        (0.1, 0.3, (0.1, 0.4), FLOOR, "worse"),
        (-0.1, 0.1, (-0.1, 0.1), FULL, "none shown"),
        (-0.009, 0.009, (-0.1, 0.1), FULL, "none"),
        (0.001, 0.009, (0.001, 0.009), FULL, "none"),  # surely not 0, and surely too small to matter: 1 % of 1
    ],
)
def test_what_is_said_follows_the_intervals(lower, upper, folds, against, said):
    ends = {"folds_lower": folds[0], "folds_upper": folds[1], "lower": lower, "upper": upper}
    assert (
        ablation._name_effect({"figure": "rmse", "value": 1.0, "against_value": 1.0, "against": against, **ends})
        == said
    )


def test_what_is_missing_is_told_and_the_rest_compared(done, tiny_screen):
    out, made = done
    more = _ablation(components=[*TAKEN, "concatenation"]).runs(tiny_screen)
    found = ablation.gather_contributions(out, more)
    assert set(found.runs.loc[found.runs["status"] == "left", "method"]) == {"concatenation"}
    assert "Split by pair: concatenation and full have no finished fold in common." in found.notes
    assert "concatenation" not in set(found.table["part"])


def test_the_table_is_saved_tidy(found, tmp_path):
    found.save(tmp_path)
    assert pd.read_parquet(tmp_path / "ablation.parquet").equals(found.table)
