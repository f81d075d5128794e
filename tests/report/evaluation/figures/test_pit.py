from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import pit
from bdrp.report.figures.style import BLUE, INDEPENDENT

BINS = pd.DataFrame(
    {"left": [0.0, 0.25, 0.5, 0.75], "right": [0.25, 0.5, 0.75, 1.0], "density": [2.0, 0.5, 0.5, 1.0]}
).assign(null_lower=0.8, null_upper=1.2)
EVEN = (np.arange(100) + 0.5) / 100


@pytest.mark.parametrize("plot", [pit.plot_histogram, pit.plot_left_out])
def test_a_bar_stands_on_its_bin_in_the_band_of_chance(drawn, plot):
    seen = drawn(plot(BINS, EVEN))
    np.testing.assert_allclose(
        seen.bars(), [[0, 0, 0.25, 2], [0.25, 0, 0.25, 0.5], [0.5, 0, 0.25, 0.5], [0.75, 0, 0.25, 1]]
    )
    upper, edges, lower = seen.steps(INDEPENDENT)
    np.testing.assert_allclose([upper, lower], [[1.2] * 4, [0.8] * 4])
    np.testing.assert_allclose(edges, [0, 0.25, 0.5, 0.75, 1])
    assert seen.across() == [("y", 1.0)]
    assert set(seen.legend) == {"this model", INDEPENDENT}
    assert seen.panels[0].get_ylim() == pytest.approx((0, 2.16))
    assert seen.outside() == []


def test_a_single_bin_is_drawn(drawn):
    one = pd.DataFrame({"left": [0.0], "right": [1.0], "density": [1.0], "null_lower": [1.0], "null_upper": [1.0]})
    seen = drawn(pit.plot_histogram(one, np.array([0.3])))
    assert seen.bars().tolist() == [[0, 0, 1, 1]]
    assert seen.panels[0].get_ylim() == (0, 1.4)
    assert seen.outside() == []


def test_held_out_and_left_out_are_told_apart_on_the_axis(drawn):
    labels = [drawn(plot(BINS, EVEN)).panels[0].get_xlabel() for plot in (pit.plot_histogram, pit.plot_left_out)]
    assert "PIT" in labels[0] and "LOO-PIT" not in labels[0] and "LOO-PIT" in labels[1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (EVEN, "almost evenly"),
        (np.where(EVEN < 0.5, 0.05, 0.95), "distributions are too narrow"),
        (0.3 + 0.4 * EVEN, "distributions are too wide"),
        (np.where((EVEN > 0.1) & (EVEN < 0.9), 0.3, EVEN), "Predictions lean high: 90.0"),
        (np.where((EVEN > 0.1) & (EVEN < 0.9), 0.7, EVEN), "Predictions lean low: 10.0"),
        (EVEN[:29], "too few responses"),
    ],
)
def test_the_claim_puts_the_shape_into_words(values, expected):
    assert expected in pit.plot_histogram(BINS, values).claim
    left_out = pit.plot_left_out(BINS, values).claim
    assert expected.lower() in left_out.lower()
    assert left_out.startswith("Training rows, each left out in turn: ") and left_out[38].islower()


CURVE = pd.DataFrame(
    {
        "level": [0.25, 0.5, 0.75],
        "observed": [0.3, 0.5, 0.65],
        "lower": [0.2, 0.45, 0.6],
        "upper": [0.4, 0.55, 0.7],
        "null_lower": [0.15, 0.4, 0.65],
        "null_upper": [0.35, 0.6, 0.85],
    }
)
KNOWN = "how well it is known (95 %)"


def test_the_ecdf_is_drawn_less_the_level_and_ends_at_nothing(drawn):
    seen = drawn(pit.plot_ecdf(CURVE, 50))
    np.testing.assert_allclose(seen.line("this model"), [[0, 0], [0.25, 5], [0.5, 0], [0.75, -10], [1, 0]], atol=1e-9)
    np.testing.assert_allclose(
        seen.band(KNOWN), [[0, 0, 0], [0.25, -5, 15], [0.5, -5, 5], [0.75, -15, -5], [1, 0, 0]], atol=1e-9
    )
    np.testing.assert_allclose(
        seen.band(INDEPENDENT), [[0, 0, 0], [0.25, -10, 10], [0.5, -10, 10], [0.75, -10, 10], [1, 0, 0]], atol=1e-9
    )
    assert seen.across() == [("y", 0.0)] and len(seen.lines(BLUE)) == 1
    assert seen.panels[0].get_ylim() == pytest.approx((-16.5, 16.5))
    assert "percentage points" in seen.panels[0].get_ylabel()
    assert seen.outside() == []


def test_the_claim_of_the_ecdf_says_whether_chance_explains_it():
    assert "at most 10.0 percentage points from even, more than chance explains." in pit.plot_ecdf(CURVE, 50).claim
    within = pit.plot_ecdf(CURVE.assign(upper=0.8), 50).claim
    assert within.endswith("from even, no more than chance explains.")
    assert pit.plot_ecdf(CURVE.assign(lower=np.nan, upper=np.nan), 50).claim.endswith("points from even.")


def test_a_band_that_is_not_known_is_not_in_the_legend(drawn):
    seen = drawn(pit.plot_ecdf(CURVE.assign(lower=np.nan, upper=np.nan), 50))
    assert set(seen.legend) == {"this model", INDEPENDENT}
    assert seen.panels[0].get_ylim() == pytest.approx((-11, 11))
