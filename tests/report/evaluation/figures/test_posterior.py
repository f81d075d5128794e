from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import posterior
from bdrp.report.figures.style import BLUE, INK, SKY, VERMILION


def k_hats(*values):
    return pd.DataFrame({"k_hat": np.array(values, float)})


def test_each_row_is_counted_once_in_the_colour_of_its_side_of_the_limit(drawn):
    seen = drawn(posterior.plot_k_hat(k_hats(0.12, 0.12, 0.68, 0.72, 1.51), 0.7))
    reliable, not_reliable = (
        {round(left, 2): height for left, _, _, height in seen.bars(label=label) if height}
        for label in ("reliable", "not reliable")
    )
    assert reliable == {0.1: 2, 0.65: 1}
    assert not_reliable == {0.7: 1, 1.5: 1}
    assert seen.across() == [("x", 0.7)] and seen.texts() == ["0.7"]
    assert seen.legend == {"reliable": seen.rgba(BLUE), "not reliable": seen.rgba(VERMILION)}
    assert seen.outside() == []


@pytest.mark.parametrize("value", [np.inf, -np.inf, 0.0, 5.0, np.nan])
def test_extreme_k_hats_are_drawn_at_the_ends_and_unknown_ones_not(drawn, value):
    seen = drawn(posterior.plot_k_hat(k_hats(0.2, value), 0.7))
    assert seen.bars()[:, 3].sum() == (1 if np.isnan(value) else 2)
    assert seen.outside() == []


def test_the_claim_names_the_rows_that_cannot_be_relied_on():
    claim = posterior.plot_k_hat(k_hats(*[0.9] * 15, *[0.1] * 45), 0.7).claim
    assert claim == (
        "k-hat is above 0.7 for 25.0\u202f% of 60 training rows: leave-one-out metrics of those rows cannot be "
        "relied on."
    )
    assert posterior.plot_k_hat(k_hats(0.1), 0.7).claim.endswith("leave-one-out can be relied on.")


DENSITIES = pd.DataFrame(
    {"left": [0.0, 1.0], "right": [1.0, 3.0], "observed": [0.6, 0.2], "lower": [0.4, 0.25], "upper": [0.7, 0.3]}
)


def test_the_observed_histogram_lies_over_the_band_of_the_replicated_ones(drawn):
    plot = posterior.plot_replicated(DENSITIES, "ln(µM)")
    seen = drawn(plot)
    upper, edges, lower = seen.steps("replicated (95 % a bin)")
    np.testing.assert_allclose([lower, upper], [[0.4, 0.25], [0.7, 0.3]])
    observed, same, _ = seen.steps("observed")
    assert observed.tolist() == [0.6, 0.2] and edges.tolist() == same.tolist() == [0, 1, 3]
    assert seen.legend["observed"] == seen.rgba(INK)
    assert seen.panels[0].get_xlabel() == "response, ln(µM)" and seen.panels[0].get_ylim()[0] == 0
    assert plot.claim.endswith("in 1 of 2 bins.")
    assert seen.outside() == []


STATISTICS = pd.DataFrame(
    {"statistic": ["mean", "q95"], "observed": [1.5, 9.0], "lower": [0.04, 1.0], "median": [2.0, 3.0]}
).assign(upper=[3.96, 4.92])  # 3.92 between the ends: one SD of the replicates is 1


def test_a_statistic_is_a_dot_beside_the_range_of_its_replicates_in_their_sds(drawn):
    seen = drawn(posterior.plot_statistics(STATISTICS))
    assert seen.names() == {1: "Mean", 0: "95 % quantile"}
    np.testing.assert_allclose(
        seen.segments(label="replicated (95 %)"), [[[-1.96, 1], [1.96, 1]], [[-2, 0], [1.92, 0]]]
    )
    np.testing.assert_allclose(seen.line("observed, within"), [[-0.5, 1]])
    np.testing.assert_allclose(seen.line("observed, outside"), [[6, 0]])
    assert seen.legend == {
        "replicated (95 %)": seen.rgba(SKY),
        "observed, within": seen.rgba(BLUE),
        "observed, outside": seen.rgba(VERMILION),
    }
    assert seen.across() == [("x", 0.0)]
    assert seen.outside() == []


def test_a_statistic_outside_its_range_is_named_and_an_unknown_one_with_it():
    assert posterior.plot_statistics(STATISTICS).claim == (
        "1 of 2 statistics of the responses lie within their replicated range; 95 % quantile not."
    )
    assert "2 of 2 statistics" in posterior.plot_statistics(STATISTICS.assign(observed=STATISTICS["median"])).claim
    assert "Mean, 95 % quantile not." in posterior.plot_statistics(STATISTICS.assign(observed=[np.nan, 9.0])).claim


def test_replicates_that_do_not_vary_are_drawn(drawn):
    plot = posterior.plot_statistics(STATISTICS.assign(lower=1.0, median=1.0, upper=1.0, observed=1.0))
    assert "2 of 2" in plot.claim
    seen = drawn(plot)
    assert seen.line("observed, within").tolist() == [[0, 1], [0, 0]] and "observed, outside" not in seen.legend
    assert seen.outside() == []
