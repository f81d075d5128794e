"""Comparisons on the tiny screen with cheap methods: what is finished stays finished."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bdrp import report
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError, FitError, ModelFolderError, OutputError
from bdrp.files import sealed_json, strict_json
from bdrp.inference import METHODS
from bdrp.studies import ablation, comparison
from bdrp.studies.execution import plan, pool, records, worker
from bdrp.studies.execution.run_matrix import RunMatrix, fingerprint

GRID = RunMatrix({"mean_effects": "mean_effects", "ridge": "ridge", "again": "ridge"}, ["pair", "cell_line"], 2, 1)


def _alone(screen, matrix, out):
    """Every run of a grid, here and not in a worker."""
    made = plan.make_plan(screen, matrix, out)
    for run in made.todo:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worker.fit_and_record(screen, run, out, "cpu")
    return made


@pytest.fixture(scope="session")
def compared(tiny_screen, tmp_path_factory):
    """All runs of GRID, done without workers; not to be changed."""
    out = tmp_path_factory.mktemp("compared")
    return out, _alone(tiny_screen, GRID, out)


def _stamps(out: Path) -> dict[str, tuple[int, int]]:
    found = (out / records.RUNS).glob("[!.]*/record.json")
    return {path.parent.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_an_address_is_decided_by_the_configuration_and_not_by_the_label(tiny_screen):
    runs = GRID.runs(tiny_screen)
    assert len(runs) == 12
    assert len({run.key for run in runs}) == 8  # "again" is ridge under another name
    wider = RunMatrix({"ridge": "ridge"}, ["pair"], 3, 1).runs(tiny_screen)
    assert not {run.key for run in wider} & {run.key for run in runs}


def test_options_given_as_their_defaults_do_not_change_the_address(tiny_screen):
    plain = RunMatrix({"forest": "random_forest"}, ["pair"], 2, 1).runs(tiny_screen)[0]
    key, value = next(iter(plain.options.items()))
    told = RunMatrix({"forest": "random_forest"}, ["pair"], 2, 1, {"forest": {key: value}}).runs(tiny_screen)[0]
    assert told.key == plain.key


def test_one_changed_response_or_gene_is_another_screen(tiny_screen):
    responses, expression = tiny_screen.responses, tiny_screen.expression
    responses.loc[0, "response"] += 1e-6
    expression.iloc[0, 0] += 1e-3
    parts = {name: getattr(tiny_screen, name) for name in ("responses", "drugs", "cell_lines", "profiles")}
    prints = [
        fingerprint(Screen("tiny", tiny_screen.measure, **(parts | changed)))["tables"]
        for changed in ({}, {"responses": responses}, {"profiles": expression})
    ]
    assert prints[0] == fingerprint(tiny_screen)["tables"]
    assert [name for name in prints[1] if prints[1][name] != prints[0][name]] == ["responses"]
    assert [name for name in prints[2] if prints[2][name] != prints[0][name]] == ["expression"]


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (({"x": "nothing"}, ["pair"]), FitError, "no method 'nothing'"),
        (({"ridge": "ridge"}, ["fair"]), DataError, "no split 'fair'"),
        (({"ridge": "ridge"}, ["cell_lin"]), DataError, "no split 'cell_lin'. Did you mean 'cell_line'"),
        (({"ridge": "ridge"}, ["pair", "pair"]), DataError, "named twice"),
        (({"ridge": "ridge"}, ["pair"], 1), DataError, "nothing to compare"),
        (({"ridge": "ridge"}, ["pair"], 10**400), DataError, "at most 1,000"),
        (({"ridge": "ridge"}, ["pair"], 2, 10**400), DataError, "at most 1,000"),
        (({"ridge": "ridge"}, ["pair"], 2, 1, {"rigde": {}}), DataError, "'rigde'"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_before_anything_is(given, kind, said):
    with pytest.raises(kind, match=said):
        RunMatrix(*given)


def test_a_record_holds_what_was_run_and_what_it_cost(compared):
    out, made = compared
    record = records.read_record(out, made.runs[0])
    content = record.content
    assert content["config"]["method"] == "mean_effects"
    assert set(content["config"]["screen"]["tables"]) == {"responses", "drugs", "cell_lines", "expression"}
    assert content["seconds"]["fit"] > 0
    assert content["seconds"]["predict"] > 0
    assert content["peak_memory_bytes"] > 1e6
    assert content["versions"]["bdrp"]
    held_out = record.held_out()
    assert len(held_out.observed) == len(held_out.predictions) == len(held_out.uncalibrated) > 100


def test_finished_runs_are_not_done_again(tiny_screen, compared):
    out, _ = compared
    again = plan.make_plan(tiny_screen, GRID, out)
    assert again.todo == ()
    assert again.describe(1) == "8 fits in all, 8 already done, 0 to do."
    assert pool.execute_plan(again, tiny_screen) == pool.Outcome()


def test_a_corrupted_record_is_done_again_with_a_warning(tiny_screen, tmp_path):
    matrix = RunMatrix({"mean_effects": "mean_effects"}, ["pair"], 2, 1)
    runs = _alone(tiny_screen, matrix, tmp_path).runs
    held_out = tmp_path / records.RUNS / runs[0].key / "held_out.parquet"
    held_out.write_bytes(held_out.read_bytes()[:-9])
    (tmp_path / records.RUNS / runs[1].key / "record.json").write_text("{")
    with pytest.warns(BdrpWarning, match="its run is done again") as told:
        made = plan.make_plan(tiny_screen, matrix, tmp_path)
    assert len(told) == 2
    assert made.todo == runs
    shutil.rmtree(tmp_path / records.RUNS / runs[1].key)
    (tmp_path / records.RUNS / runs[1].key).write_text("a file in its place is replaced too")
    for run in made.todo:
        worker.fit_and_record(tiny_screen, run, tmp_path, "cpu")
    assert plan.make_plan(tiny_screen, matrix, tmp_path).todo == ()


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ({"seconds": {"fit": float("nan"), "predict": 1}}, "it holds NaN"),
        ({"seconds": {"fit": -1.0}}, "how long the run took"),
        ({"seconds": {"fit": 10**400}}, "too large a number"),
        ({"seconds": {}}, "how long the run took"),
        ({"error": "boom"}, "how the run failed"),
        ({"error": None}, "how the run failed"),
        ({"recalibrator": ["a"]}, "its recalibrator"),
        ({"split": "pair"}, "how many responses were held out"),
        ({"split": {"parts": {"test": {"responses": "many"}}}}, "how many responses were held out"),
        ({"peak_memory_bytes": "lots"}, "how much memory it took"),
    ],
)
def test_a_record_that_was_edited_by_hand_is_not_used(compared, tmp_path, altered, said):
    out, made = compared
    run = made.runs[0]
    place = tmp_path / records.RUNS / run.key
    shutil.copytree(out / records.RUNS / run.key, place)
    content = json.loads((place / "record.json").read_text()) | altered
    with contextlib.suppress(ValueError):  # what has no strict JSON has no digest
        content = sealed_json.with_digest(content)
    (place / "record.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    with pytest.raises(ModelFolderError, match=said):
        records.read_record(tmp_path, run)


def test_a_record_beside_which_something_else_lies_is_not_made_again(compared, tiny_screen, tmp_path):
    out, made = compared
    shutil.copytree(out, tmp_path / "copy")
    place = tmp_path / "copy" / records.RUNS / made.runs[0].key
    (place / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"what would be lost: notes\.txt"):
        plan._read(tmp_path / "copy", made.runs[0])
    with pytest.raises(OutputError, match=r"what would be lost: notes\.txt"):
        worker.fit_and_record(tiny_screen, made.runs[0], tmp_path / "copy", "cpu")
    assert (place / "notes.txt").read_text() == "mine"


def test_held_out_files_under_wrong_checksums_are_refused_by_name(compared, tmp_path):
    out, made = compared
    first, second = (run for run in made.runs if run.label == "ridge" and run.split == "pair")
    place = tmp_path / records.RUNS / first.key
    shutil.copytree(out / records.RUNS / first.key, place)
    content = json.loads((place / "record.json").read_text())
    for strange in (b"no Parquet", (out / records.RUNS / second.key / "held_out.parquet").read_bytes()):
        (place / "held_out.parquet").write_bytes(strange)
        content["files"]["held_out.parquet"] = hashlib.sha256(strange).hexdigest()
        strict_json.write(place / "record.json", sealed_json.with_digest(content))
        with pytest.raises(ModelFolderError, match="remove this folder"):
            comparison.gather_results(tmp_path, [first])


def test_a_record_of_another_run_is_not_taken_for_this_one(tiny_screen, compared, tmp_path):
    out, made = compared
    other = made.runs[0], made.runs[1]
    (tmp_path / records.RUNS).mkdir()
    (tmp_path / records.RUNS / other[0].key).symlink_to(out / records.RUNS / other[1].key)
    with pytest.warns(BdrpWarning, match="tells of another run"):
        assert other[0] in plan.make_plan(tiny_screen, GRID, tmp_path).todo


def test_a_failed_run_is_recorded_with_its_error_stops_no_other_and_is_tried_again(tiny_screen, tmp_path, monkeypatch):
    real = worker.fit

    def fit(*given, method, **named):
        if method == "ridge":
            raise ZeroDivisionError("nothing to divide by")
        return real(*given, method=method, **named)

    monkeypatch.setattr(worker, "fit", fit)
    matrix = RunMatrix({"bad": "ridge", "ok": "mean_effects"}, ["pair"], 2, 1)
    made = _alone(tiny_screen, matrix, tmp_path)
    again = plan.make_plan(tiny_screen, matrix, tmp_path)
    assert (len(again.done), again.failed, [run.label for run in again.todo]) == (2, 2, ["bad", "bad"])
    assert "2 failed before and will be tried again" in again.describe(1)
    found = comparison.gather_results(tmp_path, made.runs)
    assert (found.runs["status"] == "failed").sum() == 2
    assert set(found.runs.loc[found.runs["status"] == "failed", "error"]) == {"nothing to divide by"}
    error = records.read_record(tmp_path, made.runs[0]).content["error"]
    assert error["kind"] == "ZeroDivisionError"
    assert "in fit" in error["traceback"]
    assert set(found.metrics["method"]) == {"ok"}


def test_the_budget_lets_no_run_start_that_would_end_too_late(tiny_screen, compared, tmp_path):
    made = plan.make_plan(tiny_screen, GRID, tmp_path)
    assert "from a rule" in made.describe(2)
    outcome = pool.execute_plan(made, tiny_screen, budget=1)  # the rule's first guess is above 5 s
    assert (outcome.done, len(outcome.left)) == ([], 8)
    (tmp_path / "compare.html").write_text("nothing is known yet")
    assert len(plan.make_plan(tiny_screen, GRID, tmp_path).todo) == 8  # the same command goes on
    known = plan.make_plan(tiny_screen, GRID, compared[0]).estimates
    assert all(known(run) == pytest.approx(known.seen[known._keys(run)[0]][0], rel=20) for run in made.runs)


def test_the_first_guess_fits_the_method_and_knows_them_all(tiny_screen, tmp_path):
    names = {"ridge": "ridge", "last_layer": "last_layer", "deep_ensemble": "deep_ensemble"}
    made = plan.make_plan(tiny_screen, RunMatrix(names, ["pair"], 2, 1), tmp_path)
    guess = {run.method: made.estimates(run) for run in made.runs}
    assert guess["ridge"] < guess["last_layer"] < guess["deep_ensemble"]
    assert guess["last_layer"] == pytest.approx(2 + 3 + 0.001 * len(tiny_screen.responses))
    assert set(plan.BESIDE_NETWORK) == set(METHODS.own()) - {"last_layer"}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"workers": 0}, "by 0 workers"), ({"budget": -1.0}, "in -1 s"), ({"budget": np.nan}, "in nan s")],
)
def test_no_workers_and_no_time_are_refused(tiny_screen, compared, given, said):
    with pytest.raises(DataError, match=f"cannot be made {said}"):
        pool.execute_plan(compared[1], tiny_screen, **given)


def test_a_folder_with_other_things_in_it_is_left_alone(tiny_screen, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no comparison"):
        plan.make_plan(tiny_screen, GRID, tmp_path)
    with pytest.raises(OutputError, match="is a file"):
        plan.make_plan(tiny_screen, GRID, tmp_path / "thesis.txt")


def test_what_lies_among_records_and_is_none_is_left_alone(tiny_screen, tmp_path):
    (tmp_path / "runs" / ".git").mkdir(parents=True)
    (tmp_path / "runs" / ".old.abcd1234").mkdir()
    plan.make_plan(tiny_screen, GRID, tmp_path)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [".git", ".old.abcd1234"]
    (tmp_path / "runs" / "events.tensorboard").write_text("mine")
    with pytest.raises(OutputError, match="holds events.tensorboard, which is no record"):
        plan.make_plan(tiny_screen, GRID, tmp_path)


def test_a_place_that_cannot_be_written_to_is_known_before_a_fit(tiny_screen, tmp_path, monkeypatch):
    (tmp_path / "thesis.txt").write_text("mine")
    monkeypatch.setattr(pool, "hire", None)  # no worker is started
    with pytest.raises(
        OutputError, match="The results could not be written to .*Move it away, or choose another place"
    ):
        pool.run_comparison(tiny_screen, GRID, tmp_path / "thesis.txt" / "below")


def test_a_method_compared_with_itself_is_not_significant(compared):
    found = comparison.gather_results(compared[0], compared[1].runs)
    same = found.comparisons[(found.comparisons["method"] == "ridge") & (found.comparisons["other"] == "again")]
    assert set(same["test"]) >= {"bootstrap", "corrected_t", "practical_equivalence", "wilcoxon_over_drugs"}
    assert (same["difference"].dropna() == 0).all()
    assert (same["p_value"].dropna() > 0.9).all()
    assert set(same["evidence"].dropna()) == {"equal"}


def test_figures_are_those_of_the_held_out_predictions(compared):
    out, made = compared
    found = comparison.gather_results(out, made.runs)
    run = next(run for run in made.runs if run.label == "ridge" and run.split == "cell_line" and run.fold == 1)
    held_out = records.read_record(out, run).held_out()
    rmse = np.sqrt(np.mean((held_out.predictions.mean - held_out.observed["response"]) ** 2))
    table = found.metrics.set_index(["method", "split", "fold", "seed", "figure"])["value"]
    assert table["ridge", "cell_line", 1, 0, "rmse"] == pytest.approx(rmse)
    raw = -held_out.uncalibrated.log_prob(held_out.observed["response"].to_numpy()).mean()
    assert table["ridge", "cell_line", 1, 0, "uncalibrated_nll"] == pytest.approx(raw)
    assert table["ridge", "cell_line", 1, 0, "fit_seconds"] > 0
    assert table.index.is_unique


def test_densities_and_rankings_are_those_of_the_held_out_predictions(compared):
    _, plan = compared
    found = comparison.gather_results(plan.out, plan.runs)
    elpd = found.tests[found.tests["test"] == "elpd"]
    metrics = found.metrics.set_index("figure")
    for row in elpd.to_dict("records"):
        mine = metrics[(metrics["method"] == row["method"]) & (metrics["split"] == row["split"])]
        assert row["elpd"] == pytest.approx(-float((mine.loc["nll", "value"] * mine.loc["nll", "n"]).sum()))
        assert mine.loc["kept_at_10", "value"].between(0, 3).all()
    assert elpd.groupby("split")["weight"].sum().tolist() == pytest.approx([1.0] * elpd["split"].nunique())


def test_a_fold_tests_its_share_of_all_folds_however_many_finished():
    # Two of five folds: each tests a fifth of the pairs, so the variance factor is 1/2 + (1/5) / (4/5).
    rng = np.random.default_rng(0)
    columns = ("squared_error", "nll", "crps", "interval_score_90", "mean_std")
    values = pd.DataFrame(rng.uniform(1, 2, (40, len(columns))), columns=list(columns))
    place = {"split": "pair", "seed": 0, "fold": np.arange(40) % 2, "method": np.repeat(["a", "b"], 20)}
    rows = values.assign(**place)
    tests = comparison._over_folds("pair", rows, 5, [])
    crps = rows.groupby(["fold", "method"])["crps"].mean().unstack()
    spread = (crps["a"] - crps["b"]).std()
    assert all((table["test_share"] == 0.2).all() for table in tests)
    found = tests[0].set_index("figure").loc["crps", "se"]
    assert found == pytest.approx(np.sqrt(1 / 2 + 1 / 4) * spread)
    over = ablation._over_folds(rows, 5).set_index("figure").loc["crps"]
    assert over["folds_upper"] - over["folds_lower"] == pytest.approx(2 * found * stats.t.ppf(0.975, 1))


def test_methods_are_compared_only_where_all_of_them_finished(tiny_screen, compared):
    out, made = compared
    lacking = [run for run in made.runs if not (run.label == "again" and run.fold == 1)]
    found = comparison.gather_results(out, lacking)
    assert any("on 1 of 2 folds and seeds" in note for note in found.notes)
    assert any("only one fold has finished" in note for note in found.notes)
    assert set(found.evidence["evidence"]) <= {"better on pairs alone", "worse on pairs alone", "not told apart"}


KILLED = """
import sys
from pathlib import Path
import pandas as pd
from bdrp.data.sources import tables
from bdrp.studies.execution import pool
from bdrp.studies.execution.run_matrix import RunMatrix

def main():
    here = Path(sys.argv[1])
    files = {name: here / f"{name}.csv" for name in ("responses", "drugs", "expression", "cell_lines")}
    matrix = RunMatrix({"mean_effects": "mean_effects", "ridge": "ridge"}, ["pair", "cell_line"], 3, 1)
    screen = tables.load(None, measure="ln_ic50_um", **files)
    plan, outcome = pool.run_comparison(screen, matrix, here / "out", device="cpu")
    print(len(plan.done), len(outcome.done), len(outcome.failed))

if __name__ == "__main__":
    main()
"""


def test_a_killed_comparison_goes_on_and_does_nothing_twice(tiny_screen, tmp_path):
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(tmp_path / "responses.csv", index=False)
    for name in ("drugs", "expression", "cell_lines"):
        getattr(tiny_screen, name).to_csv(tmp_path / f"{name}.csv")
    script, out = tmp_path / "killed.py", tmp_path / "out"
    script.write_text(KILLED)
    command, place = [sys.executable, str(script), str(tmp_path)], {**os.environ, "PYTHONPATH": os.getcwd()}
    first = subprocess.Popen(command, env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while len(_stamps(out)) < 2 and time.monotonic() < until and first.poll() is None:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(1)  # its worker sees that the parent is gone
    before = _stamps(out)
    assert 2 <= len(before) < 12
    second = subprocess.run(command, env=place, capture_output=True, text=True, check=True)
    assert second.stdout.split() == [str(len(before)), str(12 - len(before)), "0"]
    after = _stamps(out)
    assert len(after) == 12
    assert {address: after[address] for address in before} == before
    assert not list((out / records.RUNS).glob(".*"))  # what was half written is swept by the run that does it again


def test_a_worker_that_dies_is_recorded_and_the_others_are_done(tiny_screen, tmp_path, monkeypatch):
    matrix = RunMatrix({"mean_effects": "mean_effects"}, ["pair"], 2, 1)
    monkeypatch.setattr(worker, "run_in_process", _die_in_fold_0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made, outcome = pool.run_comparison(tiny_screen, matrix, tmp_path, workers=2, device="cpu")
    assert [run.fold for run, _ in outcome.failed] == [0]
    assert [run.fold for run in outcome.done] == [1]
    content = json.loads((tmp_path / records.RUNS / made.runs[0].key / "record.json").read_text())
    assert "worker process died" in content["error"]["message"]


def _die_in_fold_0(run, out, device):
    if run.fold == 0:
        os._exit(9)
    return worker.fit_and_record(worker._screen, run, out, device)


def test_tables_and_page_on_disk_are_those_of_the_findings(compared):
    out, made = compared
    found = comparison.gather_results(out, made.runs)
    html = report.compare(found, out).read_text(encoding="utf-8")
    for split in ("pair", "cell-line"):
        assert f'id="figure-critical-difference-{split}-crps"' in html and f'id="figure-risk-{split}"' in html
    figures = pd.read_parquet(out / "figures.parquet")
    assert list(figures)[:6] == ["method", "split", "fold", "seed", "figure", "value"]
    pd.testing.assert_frame_equal(figures, found.metrics)
    assert len(pd.read_parquet(out / "comparisons.parquet")) == len(found.comparisons)
