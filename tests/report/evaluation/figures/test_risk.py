from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.report.evaluation.figures import risk

# Squared errors, so that every RMSE is a whole number.
CURVE = pd.DataFrame(
    {
        "coverage": [0.1, 0.5, 1.0],
        "model": [1.0, 4.0, 9.0],
        "oracle": [0.0, 1.0, 9.0],
        "random": [9.0, 9.0, 9.0],
        "drug_sd": [4.0, 9.0, 9.0],
    }
)
ORDERS = {
    "random order": [3, 3, 3],
    "ranked by one SD a drug": [2, 3, 3],
    "ranked by predicted SD": [1, 2, 3],
    "oracle (true errors)": [0, 1, 3],
}


def test_each_order_is_a_line_of_the_rmse_of_the_pairs_kept(drawn):
    seen = drawn(risk.plot(CURVE, "ln(µM)"))
    for label, rmse in ORDERS.items():
        np.testing.assert_allclose(seen.line(label), np.stack([[10, 50, 100], rmse], axis=1))
    assert list(seen.legend) == list(ORDERS)
    assert len(set(seen.legend.values())) == 4
    assert seen.outside() == []


def test_errors_begin_at_nothing_and_carry_their_unit(drawn):
    (axes,) = drawn(risk.plot(CURVE, "ln(µM)")).panels
    assert axes.get_ylim()[0] == 0 and axes.get_xlim() == (0, 100)
    assert axes.get_ylabel() == "RMSE of the pairs retained, ln(µM)"
    assert axes.get_xlabel() == "pairs retained (%)"


def test_without_an_sd_a_drug_there_is_no_such_line(drawn):
    plot = risk.plot(CURVE.assign(drug_sd=np.nan), "ln(µM)")
    assert "ranked by one SD a drug" not in drawn(plot).legend
    assert "one SD a drug" not in plot.claim


def test_the_claim_reads_the_curve_at_a_tenth_and_at_all():
    assert risk.plot(CURVE, "ln(µM)").claim == (
        "The 10 % of pairs with the smallest SD have an RMSE of 1.00 ln(µM), against 3.00 for all, 2.00 if ranked by "
        "one SD a drug, and 0.00 by a perfect ranking."
    )


def test_a_single_point_is_drawn(drawn):
    one = CURVE[-1:].reset_index(drop=True)
    seen = drawn(risk.plot(one, "ln(µM)"))
    assert seen.line("ranked by predicted SD").tolist() == [[100, 3]]
    assert seen.outside() == []
