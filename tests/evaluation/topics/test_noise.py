from __future__ import annotations

import numpy as np
import pytest

from bdrp.evaluation.topics.noise import by_compound, find_repeats, noise_floor, noise_metrics


@pytest.fixture
def two_ids(make_seen):
    """Two lines, each measured once under either id of one compound (1 and 2, 3 and 6), and a pair without repeat."""
    lines, drugs = ["a", "a", "b", "b", "c"], ["X1", "X2", "X1", "X2", "Y"]
    keys = ["KEY", "KEY", "KEY", "KEY", "OTHER"]
    return make_seen(
        [2.0] * 5, [1.0, 2, 1, 2, 9], [1.0, 2, 3, 6, 0], drugs, lines, structure_key=keys, upper_limit=[9, 9, 9, 5, 9]
    )


def test_the_pooled_sd_of_two_sets_by_hand(two_ids):
    rows = find_repeats(*two_ids)
    assert len(rows) == 4
    np.testing.assert_allclose(rows["residual"], [-0.5, 0.5, -1.5, 1.5])
    floor = noise_floor(rows, seed=0)
    # Squares 0.5 + 4.5 on 2 degrees of freedom; less offsets of -1 and 1, 4 times 0.25 on 1.
    assert floor["noise_sd_with_offset"] == pytest.approx(np.sqrt(5 / 2))
    assert floor["noise_sd"] == pytest.approx(1)
    assert floor["aleatoric_sd"] == pytest.approx(np.sqrt((1 + 4 + 1 + 4) / 4))
    assert floor["rmse"] == pytest.approx(np.sqrt((1 + 0 + 1 + 16) / 4))


def test_sets_with_an_extrapolated_response_are_kept_apart(two_ids):
    figures = noise_metrics(find_repeats(*two_ids), seed=0)
    assert (figures["all"]["sets"], figures["all"]["rows"], figures["all"]["compounds"]) == (2, 4, 1)
    inside = figures["inside_limits"]
    assert (inside["sets"], inside["rows"], inside["cell_lines"]) == (1, 2, 1)
    assert inside["noise_sd_with_offset"] == pytest.approx(np.sqrt(0.5))
    # One set under two ids: its whole difference may be the ids'.
    assert np.isnan(inside["noise_sd"]) and np.isnan(inside["noise_sd_lower"])


def test_repeats_of_one_id_are_its_plain_sample_sd(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0, 2, 3], [0.0, 1, 2], lines=["a"] * 3)
    floor = noise_floor(find_repeats(pred, seen), seed=0)
    assert floor["noise_sd"] == floor["noise_sd_with_offset"] == pytest.approx(1)
    assert floor["aleatoric_sd"] == pytest.approx(np.sqrt((1 + 4 + 9) / 3))
    assert np.isnan(floor["noise_sd_lower"])  # one line


def test_without_repeats_nothing_is_claimed(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0] * 3, [0.0, 1, 2])
    rows = find_repeats(pred, seen)
    figures = noise_metrics(rows, seed=0)
    assert figures["all"]["rows"] == figures["all"]["compounds"] == 0
    assert np.isnan(figures["all"]["noise_sd"]) and np.isnan(figures["inside_limits"]["aleatoric_sd"])
    assert by_compound(rows, 0).empty


def test_a_missing_structure_leaves_each_id_by_itself(make_seen):
    drugs, lines = ["X1", "X2"], ["a", "a"]
    for columns in ({}, {"structure_key": ["", None]}):
        pred, seen = make_seen([0.0] * 2, [1.0] * 2, [0.0, 1], drugs, lines, **columns)
        assert find_repeats(pred, seen).empty


@pytest.fixture
def simulated(make_seen):
    """300 lines, 4 compounds under two ids each, noise of SD 0.8, ids that lie 2 apart, aleatoric SD 1.2."""
    rng = np.random.default_rng(0)
    line, drug = (part.ravel() for part in np.meshgrid(np.arange(300), np.arange(8), indexing="ij"))
    truth = rng.normal(0, 2, (300, 4))[line, drug // 2] + 2 * (drug % 2)
    return make_seen(
        truth,
        np.full(2400, 1.2),
        truth + rng.normal(0, 0.8, 2400),
        [f"D{i}" for i in drug],
        [f"L{i}" for i in line],
        structure_key=[f"K{i // 2}" for i in drug],
    )


def test_a_known_noise_is_found_whatever_lies_between_the_ids(simulated):
    # SD known to 0.8 / sqrt(2 * 1196) = 0.016: 4 standard errors, failing once in 16,000 seeds.
    floor = noise_floor(find_repeats(*simulated), seed=0)
    assert floor["noise_sd"] == pytest.approx(0.8, abs=0.066)
    assert floor["noise_sd_lower"] < 0.8 < floor["noise_sd_upper"]
    assert floor["noise_sd_with_offset"] == pytest.approx(np.sqrt(0.8**2 + 2), rel=0.05)
    assert floor["aleatoric_sd"] == pytest.approx(1.2)


def test_each_compound_has_a_row_of_its_own(simulated):
    rows = find_repeats(*simulated)
    table = by_compound(rows, seed=0)
    assert sorted(table["compound"]) == ["K0", "K1", "K2", "K3"]
    assert table["sets"].tolist() == [300] * 4
    assert table.loc[table["compound"] == "K0", "name"].item() == "D0 / D1"
    pooled = np.sqrt(np.mean(np.square(table["noise_sd"])))
    assert pooled == pytest.approx(noise_floor(rows, seed=0)["noise_sd"])
