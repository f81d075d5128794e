from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.ablation import contributions
from bdrp.report.figures.style import BLUE, MUTED, VERMILION

TITLES = {"genes": "genes → none", "graph": "graph → one-hot", "head": "head → point"}


def table(*rows, split="cell_line", metric="rmse"):
    columns = ["part", "contribution", "lower", "upper", "said"]
    return pd.DataFrame(rows, columns=columns).assign(split=split, figure=metric, against_value=2.0)


ROWS = table(
    ("genes", 0.3, 0.2, 0.4, "contributes"),
    ("graph", 0.05, -0.1, 0.2, "none shown"),
    ("head", -0.2, -0.3, -0.1, "harms on these folds alone"),
)


def plot(rows, metric="rmse", unit="ln(µM)"):
    return contributions.plot(rows, metric, metric.upper(), unit, TITLES)


def test_a_part_is_a_row_with_its_contribution_in_the_colour_of_what_it_says(drawn):
    seen = drawn(plot(ROWS))
    assert seen.names() == {0: "genes → none", 1: "graph → one-hot", 2: "head → point"}
    for colour, ends, dot in (
        (BLUE, [(0.2, 0), (0.4, 0)], (0.3, 0)),
        (MUTED, [(-0.1, 1), (0.2, 1)], (0.05, 1)),
        (VERMILION, [(-0.3, 2), (-0.1, 2)], (-0.2, 2)),
    ):
        assert seen.lines(colour)[:2] == [ends, [dot]]
    assert seen.across() == [("x", 0.0)]
    assert seen.panels[0].get_title(loc="left") == "by cell line"
    assert seen.panels[0].get_xlabel() == "rise of RMSE without the component, ln(µM)"
    assert seen.outside() == []


def test_the_legend_says_what_the_colours_mean(drawn):
    seen = drawn(plot(ROWS))
    assert seen.legend == {
        "contributes": seen.rgba(BLUE),
        "does better without": seen.rgba(VERMILION),
        "no contribution shown": seen.rgba(MUTED),
    }


@pytest.mark.parametrize(("metric", "half"), [("rmse", 0.02), ("nll", 0.01)])
def test_the_band_is_what_counts_as_practically_equal(drawn, metric, half):
    # 1 % of an RMSE of 2; 0.01 of an NLL, whatever its size.
    band = drawn(plot(ROWS.assign(figure=metric), metric)).panels[0].patches[0]
    np.testing.assert_allclose([band.get_x(), band.get_x() + band.get_width()], [-half, half])


def test_parts_are_in_the_order_of_their_titles_and_zero_is_in_the_middle(drawn):
    seen = drawn(plot(ROWS[::-1]))
    assert list(seen.names().values()) == list(TITLES.values())
    left, right = seen.panels[0].get_xlim()
    assert left == pytest.approx(-right) and right > 0.4
    bottom, top = seen.panels[0].get_ylim()
    assert bottom > top


def test_splits_share_an_axis_and_a_part_that_one_lacks_leaves_its_row_empty(drawn):
    seen = drawn(plot(pd.concat([ROWS, ROWS[:1].assign(split="drug")])))
    assert seen.panels[0].get_xlim() == seen.panels[1].get_xlim()
    assert seen.names(0) == seen.names(1)
    assert seen.lines(BLUE, 1) == [[(0.2, 0), (0.4, 0)], [(0.3, 0)]]
    assert seen.lines(MUTED, 1) == []


@pytest.mark.parametrize(("far", "marker"), [(20.0, ">"), (-20.0, "<")])
def test_what_lies_far_beyond_is_an_arrow_at_the_edge_with_its_number(drawn, far, marker):
    rows = pd.concat([ROWS, *(ROWS.assign(split=name) for name in "abc")])
    rows = pd.concat([rows, table(("graph", far, far - 1, far + 1, "contributes"), split="a")])
    seen = drawn(plot(rows))
    (arrow,) = [line for line in seen.panels[1].lines if line.get_marker() == marker]
    limit = 1.1 * 0.4  # the widest of the others
    np.testing.assert_allclose(arrow.get_xydata(), [[np.sign(far) * limit, 1]])
    assert seen.texts(1) == [f"{far:.2f}".replace("-", "−")]
    assert seen.outside() == []


def test_an_interval_that_is_not_known_leaves_the_dot(drawn):
    seen = drawn(plot(ROWS.assign(lower=np.nan, upper=np.nan, said="none shown")))
    assert seen.lines(MUTED)[1] == [(0.3, 0)]
    assert seen.outside() == []


def test_one_part_that_changes_nothing_is_drawn(drawn):
    seen = drawn(plot(table(("genes", 0.0, 0.0, 0.0, "none"))))
    assert seen.lines(MUTED)[1] == [(0.0, 0)]
    assert seen.panels[0].get_xlim() == pytest.approx((-1.05 * 0.044, 1.05 * 0.044))


def test_the_claim_names_the_greatest_of_each_split_and_counts_those_that_show_none():
    rows = pd.concat([ROWS, ROWS[1:].assign(split="drug")])
    assert plot(rows).claim == (
        "RMSE, greatest contribution: by cell line genes → none (0.30), and 1 of 3 components show none; by drug "
        "graph → one-hot (0.05), and 1 of 2 components show none."
    )


def test_what_a_row_says_is_one_of_three():
    said = ["contributes", "contributes on these folds alone", "harms", "none", "none shown", "better", "worse"]
    assert [contributions.kind_of(each) for each in said] == [
        *["contributes"] * 2,
        *["harms", "none", "none"],
        *["harms", "contributes"],
    ]
