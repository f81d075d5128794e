"""What is read off learning curves, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.studies.replay.learning_curves import count_extra_batches, gather_curves, share_of_labels
from bdrp.studies.replay.protocol import Protocol
from bdrp.studies.replay.rounds import Run

LABELS = np.array([100.0, 150.0, 200.0, 250.0])


def test_a_share_of_labels_is_read_off_straight_lines_between_rounds():
    curve = np.array([1.0, 0.8, 0.7, 0.6])
    assert share_of_labels(LABELS, curve, 0.9) == pytest.approx(25 / 150)
    assert share_of_labels(LABELS, curve, 0.6) == 1.0
    assert share_of_labels(LABELS, curve, 1.5) == 0.0
    assert np.isnan(share_of_labels(LABELS, curve, 0.5))


def test_where_a_curve_comes_down_first_counts():
    assert share_of_labels(LABELS, np.array([1.0, 0.5, 0.9, 0.4]), 0.75) == pytest.approx(25 / 150)


def test_extra_batches_are_counted_for_the_last_value_that_random_reaches():
    random = np.array([1.0, 0.9, 0.8, 0.7])
    assert count_extra_batches(np.array([1.0, 0.7, 0.6, 0.5]), random) == (1.0, 2.0)
    assert count_extra_batches(random, random) == (3.0, 0.0)
    assert all(np.isnan(count_extra_batches(np.array([1.0, 0.5, 0.4, 0.3]), random)))


def rounds_of(rmse, hits):
    return pd.DataFrame(
        {"labels": LABELS.astype(int), "rmse": rmse, "coverage_90": 0.9, "hits_found": hits, "batch_hits": np.nan}
    )


def test_areas_are_compared_seed_by_seed():
    """Random's seeds differ by 0.2, and each seed of the other is 0.1 lower: a difference of 0.1 without width."""
    runs = {}
    for seed in (0, 1):
        random = np.array([1.0, 0.9, 0.8, 0.7]) + 0.2 * seed
        runs[Run("random", seed)] = rounds_of(random, [0.0, 0.1, 0.2, 0.3])
        runs[Run("epig", seed)] = rounds_of(random - 0.1, [0.0, 0.2, 0.4, 0.6])
    found = gather_curves(runs, Protocol(by=("epig",), seeds=2, start=100), Named())
    rmse, hits = (found.summary[found.summary["figure"] == name].set_index("by") for name in ("rmse", "hits_found"))
    assert rmse.loc["epig", ["difference", "low", "high"]].tolist() == pytest.approx([-0.1, -0.1, -0.1])
    assert rmse.loc["random", "area"] == pytest.approx(0.95)
    assert rmse.loc["epig", "share_of_random"] == pytest.approx(2 / 3)
    assert hits.loc["epig", "share_of_random"] == pytest.approx(1 / 2)
    assert hits.loc["epig", ["batches", "extra_batches"]].tolist() == [1.0, 1.0]
    assert hits.loc["random", "share_of_random"] == 1.0 and len(found.curves) == 2 * 2 * 4


def test_bands_are_t_intervals_over_seeds_of_what_has_changed_since_the_start():
    """Seeds begin at 1, 2 and 3 and fall by 0.1, 0.2 and 0.3: the mean of 1.8 is known to t times 0.1 / sqrt 3."""
    runs = {Run("random", seed): rounds_of(np.array([1.0, 1.0, 1.0, 0.9]) * (1.0 + seed), np.nan) for seed in range(3)}
    found = gather_curves(runs, Protocol(by=(), seeds=3, start=100), Named()).curves
    half = 4.302653 * 0.1 / np.sqrt(3)  # t of 2 degrees of freedom at 97.5 %
    assert found[["mean", "low", "high"]].iloc[0].tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert found[["mean", "low", "high"]].iloc[3].tolist() == pytest.approx([1.8, 1.8 - half, 1.8 + half], rel=1e-6)
    assert set(found["figure"]) == {"rmse"}  # no hits, no curve of them


class Named:
    name = "somewhere"

    class measure:  # noqa: N801
        unit = "ln(µM)"
