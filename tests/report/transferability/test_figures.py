from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, VERMILION
from bdrp.report.transferability import figures, targets
from bdrp.studies import adaptation, transfer_scores

NOTHING = pd.DataFrame()


def scored(seen, name, labelled, **values):
    """Rows of three metrics; intervals reach 0.1 to both sides, single draws 0.2."""
    table = pd.DataFrame({"figure": list(values), "value": list(values.values())})
    ends = {"lower": table["value"] - 0.1, "upper": table["value"] + 0.1}
    draws = {"lowest": table["value"] - 0.2, "highest": table["value"] + 0.2}
    return table.assign(seen=seen, adaptation=name, labelled=labelled, **ends, **draws)


SCORES = pd.concat(
    [
        scored("pair seen", "raw", 0, coverage_90=0.6, width_90=2.0, rmse=1.0),
        scored("pair seen", "recalibrated", 50, coverage_90=0.7, width_90=3.0, rmse=0.9),
        scored("pair seen", "recalibrated", 500, coverage_90=0.8, width_90=3.5, rmse=0.8),
        scored("pair seen", "posterior as prior", 500, coverage_90=0.85, width_90=2.5, rmse=0.7),
        scored("line new", "raw", 0, coverage_90=0.5, width_90=2.2, rmse=1.5),
        scored("line new", "recalibrated", 500, coverage_90=0.75, width_90=4.0, rmse=1.3),
    ],
    ignore_index=True,
)
SOURCE = scored("pair seen", "raw", 0, coverage_90=0.91, width_90=1.8, rmse=0.65)
OTHER = pd.DataFrame({"seen": ["pair seen"], "adaptation": ["the other laboratory"], "rmse": [0.75]})


def adapted(scores=SCORES, source=SOURCE, other=OTHER, target="far"):
    return figures.plot_adaptation(scores, source, other, target, "ln(µM)")


def test_an_adaptation_is_a_line_from_raw_over_the_numbers_of_labelled_pairs(drawn):
    seen = drawn(adapted())
    np.testing.assert_allclose(seen.line("raw", 0), [[0, 60]])
    np.testing.assert_allclose(seen.line("recalibrated", 0), [[0, 60], [0.93, 70], [1.93, 80]])
    np.testing.assert_allclose(seen.line("posterior as prior", 0), [[0, 60], [2.07, 85]])
    np.testing.assert_allclose(seen.line("recalibrated", 1), [[0, 2], [0.93, 3], [1.93, 3.5]])
    np.testing.assert_allclose(seen.line("recalibrated", 2), [[0, 1], [0.93, 0.9], [1.93, 0.8]])
    np.testing.assert_allclose(seen.line("recalibrated", 5), [[0, 1.5], [1.93, 1.3]])
    assert seen.names(3, "x") == {0: "0", 1: "50", 2: "500"}
    assert seen.outside() == []


def test_bars_are_intervals_and_thin_lines_the_single_draws(drawn):
    seen = drawn(adapted())
    bars = seen.segments(1, colour=VERMILION)
    np.testing.assert_allclose(bars, [[[2.07, 2.4], [2.07, 2.6]], [[2.07, 2.3], [2.07, 2.7]]])
    np.testing.assert_allclose(seen.segments(0, colour=INK), [[[0, 50], [0, 70]], [[0, 40], [0, 80]]])


def test_a_row_is_a_class_and_a_column_a_metric_with_its_unit(drawn):
    seen = drawn(adapted())
    assert len(seen.panels) == 6
    assert [seen.panels[first].get_ylabel() for first in (0, 3)] == ["pair seen", "line new"]
    assert [axes.get_title(loc="left") for axes in seen.panels[:3]] == [
        "90 % intervals cover (%)",
        "their width,\nln(µM)",
        "RMSE,\nln(µM)",
    ]
    assert seen.panels[4].get_xlabel() == "labelled pairs of the target"
    assert seen.panels[0].get_ylim() == seen.panels[3].get_ylim()


def test_levels_to_compare_with_stand_in_the_panels_that_they_belong_to(drawn):
    seen = drawn(adapted())
    # The nominal level and the source screen; the width there; its RMSE and that of its measurement.
    assert [seen.across(panel) for panel in range(6)] == [
        [("y", 91.0), ("y", 90.0)],
        [("y", 1.8)],
        [("y", 0.65), ("y", 0.75)],
        [("y", 90.0)],
        [],
        [],
    ]


def test_the_legend_holds_every_kind_of_line_once_in_its_colour(drawn):
    seen = drawn(adapted())
    assert seen.legend == {
        "raw": seen.rgba(INK),
        "recalibrated": seen.rgba(BLUE),
        "posterior as prior": seen.rgba(VERMILION),
        "source screen": seen.rgba(MUTED),
        "source screen's measurement": seen.rgba(GREEN),
    }


def test_what_does_not_exist_is_neither_drawn_nor_in_the_legend(drawn):
    bare = drawn(adapted(SCORES[SCORES["adaptation"] != "posterior as prior"], NOTHING, NOTHING))
    assert list(bare.legend) == ["raw", "recalibrated"]
    assert bare.lines(VERMILION) == [] and bare.segments(colour=VERMILION) == []
    raw = drawn(adapted(SCORES[SCORES["adaptation"] == "raw"], NOTHING, NOTHING))
    assert list(raw.legend) == ["raw"] and raw.names(3, "x") == {0: "0"}
    without = drawn(adapted(SCORES[SCORES["adaptation"] != "raw"]))
    np.testing.assert_allclose(without.line("recalibrated", 0)[:, 1], [70, 80])
    assert raw.outside() == bare.outside() == without.outside() == []


def test_intervals_that_are_not_known_leave_the_dots(drawn):
    unknown = SCORES.assign(lower=np.nan, upper=np.nan, lowest=np.nan, highest=np.nan)
    seen = drawn(adapted(unknown))
    assert seen.segments(0) == [] and len(seen.line("recalibrated", 0)) == 3
    assert seen.outside() == []


def test_the_claim_of_an_adaptation_gives_the_extremes_over_the_classes():
    assert adapted().claim.replace("\u202f", " ") == (
        "far: 90 % intervals cover 50 % to 60 % of responses raw; with 500 labelled pairs 75 % to 80 % recalibrated, "
        "85 % to 85 % posterior as prior, over the classes."
    )


def binned(kind, bins, name, labelled, coverage, width):
    values = pd.DataFrame({"bin": bins * 2, "value": [*coverage, *width]})
    values["figure"] = ["coverage_90"] * len(bins) + ["width_90"] * len(bins)
    ends = {"lower": values["value"] - 0.1, "upper": values["value"] + 0.1}
    return values.assign(kind=kind, adaptation=name, labelled=labelled, **ends)


LINES, DRUGS = ["trained line", "new, nearer half"], ["trained compound", "0.3 to 0.5", "below 0.3"]
SHIFT = pd.concat(
    [
        binned("line distance", LINES, "raw", 0, [0.9, 0.8], [2.0, 3.0]),
        binned("drug similarity", DRUGS, "raw", 0, [0.9, 0.85, 0.8], [2.0, 3.0, 5.0]),
        binned("drug similarity", DRUGS, "recalibrated", 50, [0.1, 0.1, 0.1], [9.0, 9.0, 9.0]),
        binned("drug similarity", DRUGS, "recalibrated", 500, [0.92, 0.91, 0.9], [2.5, 3.5, 5.5]),
    ],
    ignore_index=True,
)


def shifted(scores=SHIFT, target="far"):
    return figures.plot_shift(scores, target, "ln(µM)")


def test_coverage_is_drawn_above_width_bin_by_bin_from_near_to_far(drawn):
    seen = drawn(shifted())
    np.testing.assert_allclose(seen.line("raw", 0), [[0, 90], [1, 80]])
    np.testing.assert_allclose(seen.line("raw", 2), [[0, 2], [1, 3]])
    np.testing.assert_allclose(seen.line("raw", 1), [[0, 90], [1, 85], [2, 80]])
    np.testing.assert_allclose(seen.line("raw", 3), [[0, 2], [1, 3], [2, 5]])
    assert [axes.get_title(loc="left") for axes in seen.panels[:2]] == ["line distance", "drug similarity"]
    assert seen.names(3, "x") == {0: "trained\ncompound", 1: "0.3 to 0.5", 2: "below 0.3"}
    assert seen.names(2, "x") == {0: "trained\nline", 1: "new,\nnearer half"}
    assert [seen.panels[panel].get_ylabel() for panel in (0, 2)] == ["90 % intervals\ncover (%)", "mean width,\nln(µM)"]
    assert seen.outside() == []


def test_only_the_most_labelled_pairs_are_beside_raw(drawn):
    seen = drawn(shifted())
    np.testing.assert_allclose(seen.line("recalibrated", 1), [[-0.07, 92], [0.93, 91], [1.93, 90]])
    np.testing.assert_allclose(seen.segments(3, colour=BLUE)[0], [[-0.07, 2.4], [-0.07, 2.6]])
    assert seen.legend == {"raw": seen.rgba(INK), "recalibrated": seen.rgba(BLUE)}


def test_coverage_is_beside_the_nominal_level_and_widths_begin_at_nothing(drawn):
    seen = drawn(shifted())
    assert seen.across(0) == seen.across(1) == [("y", 90.0)]
    assert seen.panels[2].get_ylim()[0] == seen.panels[3].get_ylim()[0] == 0


def test_a_bin_without_an_interval_and_a_kind_without_a_bin_are_drawn(drawn):
    seen = drawn(shifted(SHIFT[SHIFT["kind"] == "drug similarity"].assign(lower=np.nan, upper=np.nan)))
    assert seen.texts(0) == seen.texts(2) == ["no pairs to show"]
    assert len(seen.line("raw", 1)) == 3 and seen.segments(1) == []
    assert seen.outside() == []


@pytest.mark.parametrize(
    ("bins", "expected"),
    [
        (DRUGS, "2.5 times as wide for the drugs least like trained ones as for trained ones."),
        (DRUGS[1:], "1.7 times as wide for the drugs least like trained ones as for those most like them."),
        (DRUGS[:1], "all pairs are equally near in drugs."),
    ],
)
def test_the_claim_of_a_shift_compares_the_farthest_drugs_with_the_nearest(bins, expected):
    assert shifted(SHIFT[SHIFT["bin"].isin([*LINES, *bins])]).claim.endswith(expected)


def test_a_hostile_name_is_a_harmless_name_of_the_figure(hostile_name):
    for plot in (adapted(target=hostile_name), shifted(target=hostile_name)):
        assert plot.name.replace("-", "").isalnum()
        assert "\x00" not in plot.title and "\n" not in plot.title


def test_names_are_those_of_the_experiment():
    labelled = {adaptation.RECALIBRATED, adaptation.DRUG_OFFSETS, adaptation.UPDATED}
    assert set(figures.COLOURS) == {adaptation.RAW, adaptation.OTHER, *labelled}
    assert targets.NAMES.keys() == {transfer_scores.SOURCE_SCREEN, transfer_scores.SOURCE_MEASUREMENT}
    assert figures.BINS.keys() == {"line distance", "drug similarity"}
    assert set(figures.BINS["line distance"]) == set(transfer_scores.LINE_BINS)
    assert set(figures.BINS["drug similarity"]) == set(transfer_scores.DRUG_BINS)
