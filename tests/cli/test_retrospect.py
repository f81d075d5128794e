"""`bdrp retrospect`, from a model folder to what queues would have bought."""

from __future__ import annotations

import pandas as pd

from bdrp import triage


def test_what_a_queue_bought_is_printed_and_written(bdrp, trained, tmp_path):
    model, folder = trained
    ran = bdrp("retrospect", folder, "--queued", "0.3", "--threshold-by-drug", "--out", tmp_path / "bought.csv")
    assert ran.exit_code == 0, ran.stderr
    table = pd.read_csv(tmp_path / "bought.csv")
    parts = model.held_out_predictions(), model.held_out()
    expected = triage.simulate_review(*parts, triage.Policy(threshold_by_drug=True), queued=(0.3,))
    pd.testing.assert_frame_equal(table, expected, check_exact=False)
    assert "70% accepted" in ran.stdout and "wrong calls of sensitive or not" in ran.stdout
    row = expected.set_index(["ranking", "loss"]).loc[("oracle", "squared_error")]
    assert f"{row['relative']:.3f}" in ran.stdout
    assert len(ran.stdout.splitlines()) == 1 + 2 * (1 + expected["ranking"].nunique()) + 1


def test_shares_that_are_none_and_two_thresholds_are_refused(bdrp, trained, tmp_path):
    for flags, said in (
        (("--queued", "1.5"), "Shares of the pairs are needed"),
        (("--threshold", "1", "--thresholds", tmp_path / "t.csv"), "both say what is sensitive"),
        (("--out", tmp_path / "x.html"), "cannot be written"),
    ):
        ran = bdrp("retrospect", trained[1], *flags)
        assert ran.exit_code == 2 and said in ran.stderr
