from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.report.evaluation.topics import noise
from bdrp.report.figures.style import BLUE, MUTED, VERMILION

KEYS = ("noise_sd", "noise_sd_lower", "noise_sd_upper", "noise_sd_with_offset", "aleatoric_sd")


def row(*values, sets=10, **more):
    return {**dict(zip(KEYS, values, strict=True)), "sets": sets, **more}


EVERY = row(0.5, 0.4, 0.6, 0.7, 0.9, sets=1234)
TABLE = pd.DataFrame(
    [row(0.3, 0.2, 0.4, 0.35, 0.3, name="A"), row(0.8, 0.6, 1.0, 0.9, 0.5, sets=4, name="B")],
)


def test_all_repeats_come_first_and_then_a_row_a_compound(drawn):
    seen = drawn(noise.plot(TABLE, EVERY, "ln(µM)"))
    at = [0, -1.4, -2.4]
    assert seen.names() == dict(zip(at, ["All compounds (1,234)", "A (10)", "B (4)"], strict=True))
    np.testing.assert_allclose(seen.line("measured (95 %)"), np.stack([[0.5, 0.3, 0.8], at], axis=1))
    np.testing.assert_allclose(seen.line("with offsets of ids"), np.stack([[0.7, 0.35, 0.9], at], axis=1))
    np.testing.assert_allclose(seen.line("predicted noise"), np.stack([[0.9, 0.3, 0.5], at], axis=1))
    np.testing.assert_allclose(
        seen.segments(), [[[0.4, at[0]], [0.6, at[0]]], [[0.2, at[1]], [0.4, at[1]]], [[0.6, at[2]], [1.0, at[2]]]]
    )
    assert seen.outside() == []


def test_the_legend_tells_measured_from_predicted_and_sds_begin_at_nothing(drawn):
    seen = drawn(noise.plot(TABLE, EVERY, "ln(µM)"))
    assert seen.legend == {
        "measured (95 %)": seen.rgba(BLUE),
        "with offsets of ids": seen.rgba(MUTED),
        "predicted noise": seen.rgba(VERMILION),
    }
    assert seen.panels[0].get_xlim()[0] == 0
    assert seen.panels[0].get_xlabel() == "SD of a single measurement, ln(µM)"


def test_a_single_compound_is_the_row_of_all(drawn):
    assert list(drawn(noise.plot(TABLE[:1], EVERY, "x")).names().values()) == ["All compounds (1,234)"]


def test_compounds_whose_noise_is_not_known_have_no_row_and_the_rest_stay_legible(drawn):
    many = pd.DataFrame([row(0.3, 0.2, 0.4, 0.35, 0.3, name=f"C{i}") for i in range(30)])
    seen = drawn(noise.plot(many.assign(noise_sd=np.where(many.index == 3, np.nan, 0.3)), EVERY, "ln(µM)"))
    names = list(seen.names().values())
    assert len(names) == 21 and "C3 (10)" not in names
    assert seen.outside() == []


def test_without_an_interval_the_dot_stands_alone(drawn):
    plot = noise.plot(TABLE[:1], {**EVERY, "noise_sd_lower": None, "noise_sd_upper": None}, "ln(µM)")
    seen = drawn(plot)
    assert seen.segments() == []
    np.testing.assert_allclose(seen.line("measured (95 %)"), [[0.5, 0]])
    assert "SD of 0.50 ln(µM)" in plot.claim


def test_the_claim_says_whether_the_model_claims_more_or_less():
    assert noise.plot(TABLE, EVERY, "ln(µM)").claim == (
        "Repeats scatter with an SD of 0.50 (0.40 to 0.60) ln(µM), 0.70 with what sets drug ids of a compound apart; "
        "the model calls 0.90 noise on the same responses, more than repeats show."
    )
    assert noise.plot(TABLE, {**EVERY, "aleatoric_sd": 0.3}, "x").claim.endswith("less than repeats show.")
    alike = noise.plot(TABLE, {**EVERY, "aleatoric_sd": 0.55, "noise_sd_with_offset": 0.5}, "x").claim
    assert alike.endswith("as repeats show.") and "apart" not in alike


def test_names_are_cut_and_stay_text(drawn, hostile_name):
    seen = drawn(noise.plot(TABLE.assign(name=["A", hostile_name]), EVERY, "ln(µM)"))
    assert seen.names()[-2.4] == "</title><script>alert('x'… (4)"


def section(case):
    scores = case.scores
    return noise.section(scores.to_dict()["noise"], scores.topics["noise"].tables, "ln(µM)")


def test_what_was_scored_is_what_the_section_says(case, make_case):
    # Ids D0 and D1 are one compound; what the lines do to them differs, so they are no true repeats: SD above 0.4.
    seen = case.scores.metrics["noise"]["all"]
    assert seen["sets"] == 30 and seen["compounds"] == 1
    (plot,) = section(case).figures
    assert f"SD of {seen['noise_sd']:.2f} ({seen['noise_sd_lower']:.2f} to {seen['noise_sd_upper']:.2f})" in plot.claim
    (wild,) = section(make_case(stretch=5.0, recalibrated=False)).figures
    assert "noise on the same responses, less than repeats show" in wild.claim


def test_without_repeats_the_section_says_so_and_shows_nothing(make_case):
    seen = section(make_case(drugs=1, tissues=1, limits=False, recalibrated=False))
    assert "No cell line was measured twice with one compound" in seen.paragraphs[0]
    assert not seen.figures and not seen.tables
