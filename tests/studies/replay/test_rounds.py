"""A replay of the tiny screen: what is dealt, what is asked for, what is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bdrp.design.target import Target
from bdrp.errors import DataError, OutputError
from bdrp.inference.training import loop
from bdrp.studies import replay as study
from bdrp.studies.replay import protocol as protocols
from bdrp.studies.replay import rounds
from bdrp.studies.replay.protocol import PARTS, Protocol, deal, find_hits, first_split
from bdrp.studies.replay.rounds import Run

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "factors": 2}
QUICK = Protocol(by=("bald", "greedy_mean"), seeds=1, start=120, batch=6, rounds=3, hits=0.1, options=SMALL)


@pytest.fixture(scope="module")
def played(tiny_screen, tmp_path_factory):
    out = tmp_path_factory.mktemp("replay") / "out"
    return study.replay(tiny_screen, QUICK, out, device="cpu"), out


def test_responses_are_dealt_once_and_the_scored_ones_are_of_the_target(tiny_screen):
    target = Target(tissue=("Lung",))
    dealt = deal(tiny_screen, replace(QUICK, target=target, scored=0.5), seed=3)
    every = np.concatenate(dealt)
    assert len(np.unique(every)) == len(every) and len(dealt.start) == 120
    rows = tiny_screen.responses.iloc[every]
    assert not rows.duplicated(["cell_line_id", "drug_id"]).any()
    lines = tiny_screen.responses["cell_line_id"].iloc[dealt.scored]
    assert set(tiny_screen.cell_lines.loc[lines, "tissue"]) == {"Lung"}


def test_seeds_deal_anew_and_the_same_seed_alike(tiny_screen):
    one, same, other = (deal(tiny_screen, QUICK, seed) for seed in (0, 0, 1))
    assert (one.start == same.start).all() and (one.pool == same.pool).all()
    assert set(one.start) != set(other.start) and set(one.scored) != set(other.scored)


def test_first_labels_train_tune_and_calibrate_and_nothing_else_is_seen(tiny_screen):
    dealt = deal(tiny_screen, QUICK, seed=0)
    split = first_split(tiny_screen, dealt.start, dealt.scored, 0)
    assert {name: len(split.rows(name)) for name in PARTS} == {"train": 90, "validation": 12, "calibration": 18}
    assert set(np.concatenate([split.rows(name) for name in PARTS])) == set(dealt.start)
    assert set(split.rows("test")) == set(dealt.scored)


def test_hits_are_the_most_sensitive_lines_of_each_drug(tiny_screen):
    hits = tiny_screen.responses[find_hits(tiny_screen, 0.1)]
    sizes = tiny_screen.responses.groupby("drug_id").size()
    assert (hits.groupby("drug_id").size() == np.maximum((0.1 * sizes).round(), 1)).all()
    lowest = tiny_screen.responses.groupby("drug_id")["response"].min()
    assert (hits.groupby("drug_id")["response"].min() == lowest).all()


def test_all_begin_at_one_model_and_labels_grow_by_a_batch_a_round(played):
    found, _ = played
    assert set(found) == {Run(by, 0) for by in ("random", "bald", "greedy_mean")}
    assert all(table["labels"].tolist() == [120, 126, 132, 138] for table in found.values())
    assert len({table["rmse"].iloc[0] for table in found.values()}) == 1
    assert len({table["rmse"].iloc[3] for table in found.values()}) == 3
    assert all(table["hits_found"].is_monotonic_increasing for table in found.values())
    assert all(table["coverage_90"].between(0, 1).all() for table in found.values())


def test_what_ended_is_read_and_not_made_again(tiny_screen, played, monkeypatch, capsys):
    found, out = played
    monkeypatch.setattr(rounds, "_prepare", lambda *given: pytest.fail("it was made again"))
    again = study.replay(tiny_screen, QUICK, out, device="cpu", progress=True)
    assert f"{len(found)}/{len(found)} {list(found)[-1]}" in capsys.readouterr().err
    for run, table in found.items():
        pd.testing.assert_frame_equal(again[run], table, check_dtype=False)


def test_a_damaged_record_is_made_again_from_the_model_that_was_kept(tiny_screen, played, monkeypatch):
    found, out = played
    damaged = sorted((out / "runs").glob("*.json"))[0]
    damaged.write_text(damaged.read_text()[:40])
    monkeypatch.setattr(rounds, "fit", lambda *given, **named: pytest.fail("it was fitted again"))
    again = study.replay(tiny_screen, QUICK, out, device="cpu")
    for run, table in found.items():
        pd.testing.assert_frame_equal(again[run], table, check_dtype=False, rtol=1e-6)


def test_a_record_in_which_a_digit_was_changed_is_made_again(tiny_screen, played):
    found, out = played
    for path in (out / "runs").glob("*.json"):
        path.write_text(path.read_text().replace("   0.", "   1.", 1))
    again = study.replay(tiny_screen, QUICK, out, device="cpu")
    for run, table in found.items():
        pd.testing.assert_frame_equal(again[run], table, check_dtype=False, rtol=1e-6)


def test_a_model_in_the_place_of_anothers_is_not_taken_for_its_own(tiny_screen, tmp_path):
    out, two = tmp_path / "out", replace(QUICK, by=(), seeds=2, rounds=1)
    found = study.replay(tiny_screen, two, out, device="cpu")
    one, other = (out / "models").iterdir()
    one.rename(out / "aside")
    other.rename(one)
    (out / "aside").rename(other)
    for path in (out / "runs").glob("*.json"):
        path.unlink()
    again = study.replay(tiny_screen, two, out, device="cpu")
    for run, table in found.items():
        pd.testing.assert_frame_equal(again[run], table, check_dtype=False, rtol=1e-6)


def test_a_fit_that_is_interrupted_is_gone_on_with_and_asks_for_nothing(played, tiny_screen, tmp_path, monkeypatch):
    """Ctrl-C ends a fit with the best state so far, which is no model to replay with."""
    own, stops = loop._epoch, iter([False, True])

    def stopping(*given):
        if next(stops, False):
            raise KeyboardInterrupt
        return own(*given)

    monkeypatch.setattr(loop, "_epoch", stopping)
    with pytest.raises(KeyboardInterrupt):
        study.replay(tiny_screen, QUICK, tmp_path / "out", device="cpu")
    again = study.replay(tiny_screen, QUICK, tmp_path / "out", device="cpu")
    assert not list((tmp_path / "out" / "models").glob("*.checkpoint*"))
    for run, found in played[0].items():
        pd.testing.assert_frame_equal(again[run], found)


def test_a_method_is_fitted_anew_after_so_many_rounds(tiny_screen, tmp_path, monkeypatch):
    fitted, own = [], rounds.fit

    def counting(screen, split, **named):
        fitted.append(len(split.rows("train")) + len(split.rows("validation")) + len(split.rows("calibration")))
        return own(screen, split, **named)

    monkeypatch.setattr(rounds, "fit", counting)
    study.replay(tiny_screen, replace(QUICK, by=(), refit_every=2), tmp_path / "out", device="cpu")
    assert fitted == [120, 132]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"by": ("epg",)}, "Did you mean epig"),
        ({"start": 10, "hits": 1.0}, "hits 1.0, start 10"),
        ({"batch": 500, "rounds": 10}, "5,000 labels would be added"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused(change, said):
    with pytest.raises(DataError, match=said):
        replace(QUICK, **change)


def test_more_than_a_screen_holds_is_not_asked_for(tiny_screen):
    with pytest.raises(DataError, match="Take fewer first labels or rounds"):
        deal(tiny_screen, replace(QUICK, start=400), seed=0)


def test_a_folder_of_something_else_is_left_alone(tiny_screen, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no replay"):
        study.replay(tiny_screen, QUICK, tmp_path)
    assert protocols.RANDOM in QUICK.names
