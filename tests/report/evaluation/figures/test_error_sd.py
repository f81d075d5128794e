from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import error_sd

BINS = pd.DataFrame(
    {"mean_std": [0.5, 1.0, 2.0], "rmse": [0.6, 1.0, 1.6], "null_lower": [0.4, 0.9, 1.8], "null_upper": [0.6, 1.1, 2.2]}
)


def test_a_bin_is_a_dot_on_its_bar_of_chance(drawn):
    seen = drawn(error_sd.plot(BINS, ence=0.1, by_chance=0.05, unit="ln(µM)"))
    np.testing.assert_allclose(seen.line("this model"), [[0.5, 0.6], [1.0, 1.0], [2.0, 1.6]])
    assert seen.segments(label="by chance (95 % a bin)") == [
        [[0.5, 0.4], [0.5, 0.6]],
        [[1.0, 0.9], [1.0, 1.1]],
        [[2.0, 1.8], [2.0, 2.2]],
    ]
    assert set(seen.legend) == {"by chance (95 % a bin)", "error = SD", "this model"}
    assert seen.outside() == []


def test_the_diagonal_crosses_a_square_panel_that_holds_all(drawn):
    seen = drawn(error_sd.plot(BINS, ence=0.1, by_chance=0.05, unit="ln(µM)"))
    (axes,) = seen.panels
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0.94 * 0.4, 1.05 * 2.2))
    np.testing.assert_allclose(seen.line("error = SD"), [[0.376, 0.376], [2.31, 2.31]])
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted SD, ln(µM)", "RMSE found, ln(µM)")


def test_a_bin_that_chance_was_not_asked_about_has_no_bar(drawn):
    seen = drawn(error_sd.plot(BINS.assign(null_lower=np.nan, null_upper=np.nan), ence=None, by_chance=None, unit="x"))
    assert seen.segments() == []
    assert set(seen.legend) == {"error = SD", "this model"}
    assert seen.outside() == []


def test_one_bin_is_a_dot_and_a_sentence(drawn):
    plot = error_sd.plot(BINS[:1], ence=None, by_chance=None, unit="ln(µM)")
    assert plot.claim == "The model says SD 0.50 and errs by 0.60 ln(µM) (RMSE)."
    seen = drawn(plot)
    assert seen.line("this model").tolist() == [[0.5, 0.6]]
    assert seen.outside() == []


def test_the_claim_compares_the_surest_with_the_least_sure():
    assert error_sd.plot(BINS, ence=0.1, by_chance=0.05, unit="ln(µM)").claim == (
        "Where the model is surest it says SD 0.50 and errs by 0.60; where least sure, 2.00 and 1.60 ln(µM). ENCE "
        "0.100; chance alone gives 0.050."
    )
