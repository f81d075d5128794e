from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.report.evaluation.topics import predicted_rank
from bdrp.report.figures.style import BAND, BLUE, ORANGE

AT = np.arange(1, 11)
TABLE = pd.DataFrame({"tenth": AT, "n": 40, "width_90": 3.0}).assign(
    coverage_90=np.linspace(0.8, 0.98, 10),
    coverage_90_lower=0.7,
    coverage_90_upper=0.99,
    null_lower=0.84,
    null_upper=0.95,
    bias=np.linspace(-0.9, 0.9, 10),
    bias_lower=-1.5,
    bias_upper=1.5,
    hit_rate=[0.6, 0.3, 0.1, *[0.0] * 7],
    hit_rate_lower=0.0,
    hit_rate_upper=0.7,
    hit_rate_if_calibrated=[0.5, 0.2, 0.1, 0.1, 0.1, *[0.0] * 5],
)


def test_each_metric_is_a_panel_with_a_dot_and_an_interval_a_tenth(drawn):
    seen = drawn(predicted_rank.plot(TABLE, "ln(µM)"))
    for panel, (name, scale) in enumerate((("coverage_90", 100), ("bias", 1), ("hit_rate", 100))):
        dots = seen.line("this model (95 %)", panel)
        np.testing.assert_allclose(dots, np.stack([AT, scale * TABLE[name]], axis=1))
        ends = scale * TABLE[[f"{name}_lower", f"{name}_upper"]].to_numpy()
        np.testing.assert_allclose(seen.segments(panel), np.stack([np.stack([AT, AT], 1), ends], axis=2))
    assert seen.outside() == []


def test_what_calibration_would_make_of_each_lies_behind_it(drawn):
    seen = drawn(predicted_rank.plot(TABLE, "ln(µM)"))
    assert [seen.across(panel) for panel in range(3)] == [[("y", 90)], [("y", 0)], [("y", 10)]]
    band = seen.band("if calibrated, pairs independent (95 %)")
    np.testing.assert_allclose(band, np.stack([AT, [84] * 10, [95] * 10], axis=1))
    hits = seen.line("hits if calibrated", 2)
    np.testing.assert_allclose(hits[:, 1], 100 * TABLE["hit_rate_if_calibrated"])
    assert seen.legend == {
        "if calibrated, pairs independent (95 %)": seen.rgba(BAND),
        "this model (95 %)": seen.rgba(BLUE),
        "hits if calibrated": seen.rgba(ORANGE),
    }


def test_the_tenths_go_from_sensitive_to_resistant(drawn):
    names = drawn(predicted_rank.plot(TABLE, "ln(µM)")).names(2, "x")
    assert names[1] == "most\nsensitive" and names[10] == "most\nresistant" and names[5] == "5"


def test_the_claim_is_of_the_lowest_tenth_and_says_on_which_side_responses_lie():
    assert predicted_rank.plot(TABLE, "ln(µM)").claim == (
        "Of 40 pairs predicted most sensitive, a tenth of each drug's, 90 % intervals cover 80.0\u202f%; responses lie "
        "0.90 ln(µM) above the predicted means, and 60\u202f% were observed in the lowest tenth, 50\u202f% if "
        "calibrated."
    )
    assert "0.90 x below the predicted means" in predicted_rank.plot(TABLE.assign(bias=0.9), "x").claim


def test_intervals_that_are_not_known_are_not_drawn(drawn):
    ends = {name: np.nan for name in TABLE if name.endswith(("_lower", "_upper")) and not name.startswith("null")}
    seen = drawn(predicted_rank.plot(TABLE.assign(**ends), "ln(µM)"))
    assert [seen.segments(panel) for panel in range(3)] == [[], [], []]


def test_where_no_line_would_be_chosen_the_section_says_so_and_shows_nothing(make_case):
    scores = make_case(pairs=5, drugs=2, tissues=1).scores
    metrics, tables = scores.to_dict()["predicted_rank"], scores.topics["predicted_rank"].tables
    seen = predicted_rank.section(metrics, tables, "x")
    assert "Too few pairs of one drug" in seen.paragraphs[0]
    assert not seen.figures and not seen.tables
