from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.report.evaluation.figures import right_censored
from bdrp.report.figures.style import INDEPENDENT, KNOWN

CURVE = pd.DataFrame(
    {
        "nominal": [0.1, 0.6],
        "observed": [0.2, 0.5],
        "lower": [0.05, 0.4],
        "upper": [0.3, 0.7],
        "null_lower": [0.08, 0.55],
        "null_upper": [0.12, 0.65],
    }
)
METRICS = {"brier": 0.123, "brier_base_rate": 0.15}


def test_shares_are_drawn_above_and_what_they_miss_below(drawn):
    seen = drawn(right_censored.plot(CURVE, METRICS))
    np.testing.assert_allclose(seen.line("this model", 0), [[0.1, 0.2], [0.6, 0.5]])
    np.testing.assert_allclose(seen.line("this model", 1), [[0.1, 10], [0.6, -10]])
    np.testing.assert_allclose(seen.band(KNOWN, 0), [[0.1, 0.05, 0.3], [0.6, 0.4, 0.7]])
    np.testing.assert_allclose(seen.band(KNOWN, 1), [[0.1, -5, 20], [0.6, -20, 10]], atol=1e-9)
    np.testing.assert_allclose(seen.band(INDEPENDENT, 0), [[0.1, 0.08, 0.12], [0.6, 0.55, 0.65]])
    np.testing.assert_allclose(seen.band(INDEPENDENT, 1), [[0.1, -2, 2], [0.6, -5, 5]], atol=1e-9)
    assert seen.line("perfect calibration", 0).tolist() == [[0, 0], [1, 1]]
    assert seen.across(1) == [("y", 0.0)]
    assert seen.outside() == []


def test_both_panels_share_the_axis_of_probabilities_and_one_legend(drawn):
    seen = drawn(right_censored.plot(CURVE, METRICS))
    assert seen.panels[0].get_xlim() == seen.panels[1].get_xlim() == (-0.01, 1.01)
    assert list(seen.legend) == [KNOWN, INDEPENDENT, "this model", "perfect calibration"]
    assert "percentage points" in seen.panels[1].get_ylabel()


def test_a_single_bin_of_certain_events_is_drawn(drawn):
    sure = pd.DataFrame(dict.fromkeys(CURVE.columns, [1.0])).assign(lower=np.nan, upper=np.nan)
    plot = right_censored.plot(sure, {"brier": 0.0, "brier_base_rate": None})
    seen = drawn(plot)
    assert seen.line("this model", 0).tolist() == [[1, 1]] and seen.line("this model", 1).tolist() == [[1, 0]]
    assert KNOWN not in seen.legend
    assert seen.outside() == []
    assert plot.claim == ("100.0 % probability of right-censoring came true in 100.0 % of cases. Brier score 0.000.")


def test_the_claim_names_the_worst_bin_and_what_the_base_rate_scores():
    worse = CURVE.assign(observed=[0.2, 0.3])
    assert right_censored.plot(worse, METRICS).claim == (
        "At worst of 2 bins, 60.0 % probability of right-censoring came true in 30.0 % of cases. Brier score "
        "0.123; each drug's base rate alone scores 0.150."
    )
