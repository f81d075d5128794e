from __future__ import annotations

import numpy as np
import pytest

from bdrp.report.evaluation.figures import sharpness
from bdrp.report.figures.style import BLUE, ORANGE, PURPLE

# Of every 100 pairs, aleatoric 3 and epistemic 4 make a predicted SD of 5.
ALEATORIC, EPISTEMIC = np.full(100, 3.0), np.full(100, 4.0)
STD = np.full(100, 5.0)


def histogram(seen, panel):
    """Counts and edges of a panel's bars."""
    (bars,) = seen.panels[panel].patches
    return bars.get_data()[:2]


def test_each_part_has_a_histogram_of_all_pairs_and_its_median(drawn):
    seen = drawn(sharpness.plot(STD, ALEATORIC, EPISTEMIC, "ln(µM)"))
    for panel, value in enumerate((5.0, 3.0, 4.0)):
        counts, edges = histogram(seen, panel)
        assert counts.sum() == 100
        (bar,) = np.flatnonzero(counts)
        assert edges[bar] <= value <= edges[bar + 1]
        assert seen.across(panel) == [("x", value)]
        assert seen.texts(panel) == [f"median {value:.2f}"]
    assert seen.outside() == []


def test_parts_are_named_and_told_apart_by_colour(drawn):
    seen = drawn(sharpness.plot(STD, ALEATORIC, EPISTEMIC, "ln(µM)"))
    assert [axes.get_ylabel() for axes in seen.panels] == ["predicted SD", "aleatoric", "epistemic"]
    assert [axes.patches[0].get_facecolor() for axes in seen.panels] == [*map(seen.rgba, (BLUE, ORANGE, PURPLE))]
    assert seen.panels[2].get_xlabel() == "SD, ln(µM)"
    assert {axes.get_xlim() for axes in seen.panels} == {(0, 5.25)}


def test_rare_large_sds_are_counted_at_the_end_of_the_axis(drawn):
    std = np.append(np.full(999, 1.0), 100.0)
    seen = drawn(sharpness.plot(std, std, std, "ln(µM)"))
    assert seen.panels[0].get_xlim() == pytest.approx((0, 1.05))
    counts, _ = histogram(seen, 0)
    assert counts[-1] == 1 and counts.sum() == 1000
    assert seen.outside() == []


def test_one_pair_without_doubt_is_drawn(drawn):
    plot = sharpness.plot(np.ones(1), np.ones(1), np.zeros(1), "ln(µM)")
    seen = drawn(plot)
    assert [histogram(seen, panel)[0].sum() for panel in range(3)] == [1, 1, 1]
    assert seen.outside() == []
    assert plot.claim.endswith("makes 0\u202f% of the variance.")


def test_the_claim_gives_quantiles_and_the_share_of_epistemic_variance():
    plot = sharpness.plot(np.linspace(1, 2, 11), ALEATORIC[:11], np.zeros(11), "ln(µM)")
    assert "A typical predicted SD is 1.50 ln(µM); eight pairs in ten lie between 1.10 and 1.90." in plot.claim
    assert "makes 64\u202f% of the variance" in sharpness.plot(STD, ALEATORIC, EPISTEMIC, "ln(µM)").claim


def test_the_parts_are_said_to_be_the_models_own_account():
    reading = sharpness.plot(STD, ALEATORIC, EPISTEMIC, "ln(µM)").reading
    assert "Held-out responses check the whole alone; how it is split is the model's own account" in reading
