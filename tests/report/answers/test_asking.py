"""An answer says what the model predicts and what the screen holds; nothing is sensitive beyond tested doses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr

from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.report.answers import Criteria, ask_model, ask_predictions
from bdrp.report.answers.groups import GROUPS, NOT, SENSITIVE, UNKNOWN, assign


def test_the_chance_is_that_of_a_response_below_the_highest_dose_and_decides_the_group(few):
    pairs = few.pairs.set_index("drug_name")
    sd = np.hypot(0.4, 0.03)
    for name, mean in (("Sure", -2.0), ("Open", 2.0), ("Beyond", 9.0)):
        assert pairs.loc[name, "chance"] == pytest.approx(norm.cdf((math.log(10) - mean) / sd))
    assert pairs["group"].to_dict() == {"Sure": SENSITIVE, "Open": UNKNOWN, "Edge": UNKNOWN, "Beyond": NOT}
    assert pairs.loc["Edge", "chance"] == pytest.approx(0.5)
    assert few.counts() == dict(zip(GROUPS, (1, 2, 1), strict=True))


def test_pairs_are_in_the_order_of_groups_and_within_them_of_chances(of_line, of_drug):
    for answer in (of_line, of_drug):
        places = answer.pairs["group"].map(GROUPS.index)
        assert places.is_monotonic_increasing
        for _, rows in answer.pairs.groupby("group"):
            assert rows["chance"].is_monotonic_decreasing


def test_a_model_ranks_every_drug_for_a_line_as_it_predicts_it(trained, tiny_screen, of_line):
    expected = trained[0].predict(
        tiny_screen.tested_drugs(), tiny_screen.profiles, of_line.pairs[["cell_line_id", "drug_id"]]
    )
    assert set(of_line.pairs["drug_id"]) == set(tiny_screen.drugs.index)
    np.testing.assert_allclose(of_line.pairs["q50"], expected.distribution.quantile(0.5))
    limits = trained[0].limits["upper_limit"].reindex(of_line.pairs["drug_id"]).to_numpy()
    known = np.isfinite(limits)
    np.testing.assert_allclose(of_line.pairs["chance"][known], expected.distribution[known].cdf(limits[known]))


def test_what_was_measured_of_a_pair_stands_beside_it(tiny_screen, of_line, of_drug):
    means = tiny_screen.responses.groupby(["cell_line_id", "drug_id"])["response"].mean()
    for answer in (of_line, of_drug):
        keys = pd.MultiIndex.from_frame(answer.pairs[["cell_line_id", "drug_id"]])
        np.testing.assert_allclose(answer.pairs["measured"], means.reindex(keys))
    assert of_drug.pairs["measured"].notna().any() and of_drug.pairs["measured"].isna().any()


def test_nearest_lines_are_those_of_nearest_expression_that_were_measured_with_the_drug(trained, tiny_screen, of_drug):
    model, line = trained[0], of_drug.pairs["cell_line_id"].iloc[0]
    inputs = model.features.inputs(tiny_screen.drugs, tiny_screen.profiles)
    away = model.applicability_domain.measure_line_distances(model.features, inputs).loc[line].drop(line)
    rows = tiny_screen.responses[tiny_screen.responses["drug_id"] == of_drug.key]
    measured = rows.groupby("cell_line_id")["response"].mean()
    nearest = away[away.index.isin(measured.index)].nsmallest(3)
    found = of_drug.pairs["near_lines"].iloc[0]
    assert [one.key for one in found] == list(nearest.index)
    assert [one.response for one in found] == pytest.approx(list(measured[nearest.index]))
    assert all(
        line not in [one.key for one in near] for line, near in of_drug.pairs[["cell_line_id", "near_lines"]].to_numpy()
    )


def test_the_nearest_other_drugs_are_never_the_drug_itself_nor_its_compound(tiny_screen, trained, of_line):
    structures = tiny_screen.drugs["structure_key"]
    for drug, near in of_line.pairs[["drug_id", "near_drugs"]].to_numpy():
        assert len(near) == 3 and all(structures[one.key] != structures[drug] for one in near)
        assert [one.near for one in near] == sorted((one.near for one in near), reverse=True)
    twin = tiny_screen.drugs.iloc[[4]].assign(name="Twin").rename(index={tiny_screen.drugs.index[4]: "TWIN"})
    found = ask_model(trained[0], tiny_screen, drug="twin", new_drugs=twin)
    assert tiny_screen.drugs.index[4] not in set(found.near["id"])


def test_similar_drugs_are_told_with_whether_the_same_lines_respond(tiny_screen, of_drug):
    grid = tiny_screen.responses.groupby(["cell_line_id", "drug_id"])["response"].mean().unstack()
    other = of_drug.near.iloc[0]
    both = grid[[of_drug.key, other["id"]]].dropna()
    assert other["measured"] == len(both)
    assert other["correlation"] == pytest.approx(spearmanr(both.to_numpy()).statistic)


def test_a_share_of_lines_says_what_a_drug_does_to_others(tiny_screen, of_drug):
    pair = of_drug.pairs.iloc[0]
    rows = tiny_screen.responses[tiny_screen.responses["drug_id"] == of_drug.key]
    others = rows[rows["cell_line_id"] != pair["cell_line_id"]].groupby("cell_line_id")["response"].mean()
    assert pair["share_above"] == pytest.approx((others > pair["q50"]).mean())


def test_the_record_counts_held_out_answers_that_were_right(trained, of_line):
    model, record = trained[0], of_line.record
    observed, pred = model.held_out(), model.held_out_predictions()
    limits = model.limits["upper_limit"].reindex(observed["drug_id"]).to_numpy()
    known = np.isfinite(limits)
    chance, active = pred[known].cdf(limits[known]), (observed["response"].to_numpy() < limits)[known]
    assert (record.sensitive, record.sensitive_right) == ((chance >= 0.9).sum(), (active & (chance >= 0.9)).sum())
    assert (record.others, record.others_right) == ((chance <= 0.1).sum(), (~active & (chance <= 0.1)).sum())
    assert record.sensitive > 0


def test_another_laboratory_is_less_sure_and_has_no_record(trained, tiny_screen, of_line):
    elsewhere = ask_model(trained[0], tiny_screen, line=of_line.key, laboratory="other")
    assert elsewhere.record is None and elsewhere.sources["Laboratory"] == "another"
    assert elsewhere.counts()[UNKNOWN] > of_line.counts()[UNKNOWN]


def test_a_new_sample_is_answered_without_its_name_and_new_samples_are_ranked_for_a_drug(trained, tiny_screen):
    samples = tiny_screen.expression.iloc[:2].add(tiny_screen.expression.iloc[2:4].to_numpy()) / 2
    samples.index = pd.Index(["S1", "S2"], name="cell_line_id")
    alone = ask_model(trained[0], tiny_screen, new_samples=samples.iloc[:1])
    assert (alone.about, alone.key, alone.pairs["measured"].notna().sum()) == ("line", "S1", 0)
    assert len(alone.pairs) == len(tiny_screen.drugs) and (alone.pairs["near_lines"].map(len) == 3).all()
    both = ask_model(trained[0], tiny_screen, drug=tiny_screen.drugs.index[0], new_samples=samples)
    assert set(both.pairs["cell_line_id"]) == {"S1", "S2"}
    with pytest.raises(DataError, match="one line or one drug; given was neither. The 2 lines begin with S1, S2"):
        ask_model(trained[0], tiny_screen, new_samples=samples)


def test_a_name_of_two_assays_is_no_question(trained, tiny_screen):
    drugs = tiny_screen.drugs
    drugs.loc[drugs.index[1], "name"] = drugs["name"].iloc[0]
    parts = (tiny_screen.responses, drugs, tiny_screen.cell_lines, tiny_screen.expression)
    screen = Screen("twice", tiny_screen.measure, *parts)
    with pytest.raises(DataError, match="is the name of 2 drugs, with the ids D001, D002: assays of their own"):
        ask_model(trained[0], screen, drug=drugs["name"].iloc[0])


def test_both_a_line_and_a_drug_are_two_questions(make_predictions):
    with pytest.raises(DataError, match="one line or one drug; given was both, 'L1' and 'D0'"):
        ask_predictions(make_predictions(), line="L1", drug="D0")


def test_predictions_alone_know_similar_drugs_by_name_and_no_lines(few):
    assert not few.has_neighbours and few.pairs["near_lines"].map(len).eq(0).all()
    assert [one.key for one in few.pairs["near_drugs"].iloc[0]] == ["Other; one"]
    assert few.pairs["measured"].isna().all() and few.record is None


def test_predictions_beside_their_screen_know_what_was_measured(trained, tiny_screen):
    predictions = trained[0].predict(tiny_screen.tested_drugs(), tiny_screen.profiles)
    answer = ask_predictions(predictions, tiny_screen, line=tiny_screen.expression.index[0])
    assert answer.pairs["measured"].notna().any() and answer.name == tiny_screen.cell_lines["name"].iloc[0]


def test_sure_is_what_is_asked_for():
    chance = np.array([0.85, 0.15, 0.5])
    assert assign(chance, 0.8).tolist() == [SENSITIVE, NOT, UNKNOWN]
    assert assign(chance).tolist() == [UNKNOWN] * 3
    with pytest.raises(DataError, match="An answer is sure from 0.5. Allowed: more than 0.5"):
        assign(chance, 0.5)


def test_a_line_and_a_drug_that_nobody_knows_are_refused_with_those_like_them(trained, tiny_screen):
    with pytest.raises(DataError, match="The screen has no cell line 'HELA'"):
        ask_model(trained[0], tiny_screen, line="HELA", criteria=Criteria())
