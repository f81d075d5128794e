from __future__ import annotations

import numpy as np
import pytest

from bdrp.evaluation.by_censoring import metrics_by_censoring
from bdrp.evaluation.by_group import score_rows


def test_rows_beyond_the_doses_are_scored_apart(make_seen):
    pred, seen = make_seen([0.0] * 4, [1.0] * 4, [1.0, -1.0, 3.0, 5.0], lower_limit=-2.0, upper_limit=2.0)
    figures = metrics_by_censoring(score_rows(pred, seen), seen)
    assert figures["share"] == 0.5
    assert figures["unknown_limits_share"] == 0
    assert figures["observed"]["n"] == figures["extrapolated"]["n"] == 2
    assert figures["observed"]["rmse"] == pytest.approx(1)
    assert figures["extrapolated"]["rmse"] == pytest.approx(np.sqrt((9 + 25) / 2))
    assert figures["extrapolated"]["bias"] == pytest.approx(-4)
    assert figures["extrapolated"]["mae"] == pytest.approx(4)
    # NLL of a standard normal: half the squared error and ln sqrt(2 pi).
    assert figures["observed"]["nll"] == pytest.approx(0.5 + np.log(2 * np.pi) / 2)
    z = 1.6448536269514722
    assert figures["extrapolated"]["interval_score_90"] == pytest.approx(2 * z + 20 * ((3 - z) + (5 - z)) / 2)
    assert (figures["observed"]["coverage_90"], figures["extrapolated"]["coverage_90"]) == (1, 0)


def test_without_limits_nothing_is_claimed(make_seen):
    pred, seen = make_seen([0.0] * 2, [1.0] * 2, [1.0, -1.0])
    figures = metrics_by_censoring(score_rows(pred, seen), seen)
    assert np.isnan(figures["share"])
    assert figures["unknown_limits_share"] == 1
    assert figures["extrapolated"]["n"] == 0
    assert np.isnan(figures["extrapolated"]["rmse"])
