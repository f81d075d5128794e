from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import reliability
from bdrp.report.figures.style import BLUE, INDEPENDENT, INK, ORANGE

KNOWN = "how well it is known (95 %)"
CURVE = pd.DataFrame(
    {
        "nominal": [0.1, 0.5, 0.9],
        "observed": [0.15, 0.5, 0.7],
        "lower": [0.05, 0.4, 0.65],
        "upper": [0.2, 0.6, 0.75],
        "null_lower": [0.08, 0.45, 0.88],
        "null_upper": [0.12, 0.55, 0.92],
    }
)


def test_the_curve_its_bands_and_the_diagonal_are_where_the_table_says(drawn):
    seen = drawn(reliability.plot(CURVE, 1234))
    np.testing.assert_allclose(seen.line("this model"), [[0.1, 0.15], [0.5, 0.5], [0.9, 0.7]])
    np.testing.assert_allclose(seen.band(KNOWN), [[0.1, 0.05, 0.2], [0.5, 0.4, 0.6], [0.9, 0.65, 0.75]])
    np.testing.assert_allclose(seen.band(INDEPENDENT), [[0.1, 0.08, 0.12], [0.5, 0.45, 0.55], [0.9, 0.88, 0.92]])
    assert seen.line("perfect calibration").tolist() == [[0, 0], [1, 1]]
    assert seen.lines(INK) == [[(0, 0), (1, 1)]]
    assert seen.outside() == []


def test_a_step_is_as_long_on_both_axes_and_both_hold_all_shares(drawn):
    (axes,) = drawn(reliability.plot(CURVE, 1234)).panels
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    assert axes.get_aspect() == 1


def test_the_claim_names_the_level_that_is_missed_most():
    assert reliability.plot(CURVE, 1234).claim.endswith(
        "by at most 20.0 percentage points: 70.0 % of 1,234 responses lie in their 90 % interval."
    )


def test_what_is_not_known_is_neither_drawn_nor_in_the_legend(drawn):
    alone = CURVE.assign(lower=np.nan, upper=np.nan)  # one line and one drug: nothing to resample
    assert set(drawn(reliability.plot(alone, 1)).legend) == {INDEPENDENT, "perfect calibration", "this model"}
    assert set(drawn(reliability.plot(CURVE, 1)).legend) == {INDEPENDENT, KNOWN, "perfect calibration", "this model"}


def test_recalibration_is_drawn_as_misses_in_percentage_points(drawn):
    before = CURVE.assign(observed=[0.05, 0.3, 0.6])
    seen = drawn(reliability.plot_change(CURVE, before))
    np.testing.assert_allclose(seen.line("after recalibration"), [[10, 5], [50, 0], [90, -20]], atol=1e-9)
    np.testing.assert_allclose(seen.line("before"), [[10, -5], [50, -20], [90, -30]], atol=1e-9)
    np.testing.assert_allclose(seen.band(INDEPENDENT), [[10, -2, 2], [50, -5, 5], [90, -2, 2]], atol=1e-9)
    assert seen.across() == [("y", 0.0)]
    assert [len(seen.lines(colour)) for colour in (BLUE, ORANGE)] == [1, 1]
    assert seen.panels[0].get_xlim() == (0, 100)
    assert seen.panels[0].get_ylim() == pytest.approx((-36, 36))  # 1.2 times the largest miss
    assert seen.outside() == []


def test_small_misses_are_not_blown_up(drawn):
    close = CURVE.assign(observed=CURVE["nominal"], null_lower=CURVE["nominal"], null_upper=CURVE["nominal"])
    assert drawn(reliability.plot_change(close, close)).panels[0].get_ylim() == pytest.approx((-2.4, 2.4))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([0.05, 0.3, 0.6], "cut the largest miss over all levels from 30.0 to 20.0"),
        ([0.1, 0.5, 0.8], "raised the largest miss over all levels from 10.0 to 20.0"),
        ([0.1, 0.5, 0.7], "left the largest miss over all levels at 20.0"),
    ],
)
def test_the_claim_says_what_recalibration_did(before, expected):
    assert expected in reliability.plot_change(CURVE, CURVE.assign(observed=before)).claim
