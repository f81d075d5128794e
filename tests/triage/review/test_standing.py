"""The last word of each reviewer stands; what is decided or measured is settled; who differs is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bdrp.data.measures import MEASURES
from bdrp.errors import DataError
from bdrp.triage.review import find_conflicts, find_settled, find_standing, measured_columns, tabulate_measured

Build = Callable[..., pd.DataFrame]
LN = MEASURES["ln_ic50_um"]


def entries(found: pd.DataFrame, recorded: str = "2026-03-05T00:00:00Z") -> pd.DataFrame:
    """Entries of a log that were recorded in this order at one time."""
    numbered = found.assign(entry=range(1, len(found) + 1), recorded_at=recorded, source="d", checked_against="a")
    return numbered


def test_the_later_decision_of_a_reviewer_stands_wherever_it_is_in_the_log(decisions: Build) -> None:
    found = decisions(
        {"decision": "reject", "time": "2026-03-02T00:00:00Z"},
        {"decision": "accept", "time": "2026-03-01T00:00:00Z"},
        {"decision": "assay", "time": "2026-03-01T00:00:00Z", "reviewer": "Ben"},
    )
    assert find_standing(entries(found))[["reviewer", "decision"]].to_numpy().tolist() == [
        ["Ann", "reject"],
        ["Ben", "assay"],
    ]


def test_a_decision_without_a_time_counts_from_when_it_was_recorded_and_of_equals_the_last(decisions: Build) -> None:
    found = decisions(
        {"decision": "reject", "time": ""}, {"decision": "assay", "time": ""}, {"time": "2026-03-04T23:59:59.5Z"}
    )
    assert find_standing(entries(found))["decision"].tolist() == ["assay"]


def test_a_reviewer_is_one_whatever_the_case_of_the_name(decisions: Build) -> None:
    found = decisions({"reviewer": "Ann Lee"}, {"reviewer": "ann  lee", "decision": "reject", "time": "2026-03-03"})
    assert find_standing(entries(found))["decision"].tolist() == ["reject"]
    assert find_conflicts(entries(found)).empty


def test_a_skipped_pair_may_be_asked_again_and_a_decided_or_measured_one_not(decisions: Build) -> None:
    found = decisions(
        {"drug_id": "accepted"},
        {"drug_id": "skipped", "decision": "skip"},
        {"drug_id": "ordered", "decision": "assay"},
        {"drug_id": "both", "decision": "skip"},
        {"drug_id": "both", "decision": "reject", "reviewer": "Ben"},
        {"drug_id": "taken back"},
        {"drug_id": "taken back", "decision": "skip", "time": "2026-03-02"},
        {"drug_id": "measured", "decision": "skip", "measured": "1", "measured_unit": "µM"},
    )
    assert sorted(find_settled(entries(found))["drug_id"]) == ["accepted", "both", "measured", "ordered"]


def test_reviewers_who_decide_differently_are_a_conflict_until_one_changes(decisions: Build) -> None:
    rows = (
        {"comment": "sure"},
        {"decision": "reject", "reviewer": "Ben", "comment": "no"},
        {"decision": "skip", "reviewer": "Cleo"},
        {"drug_id": "D2"},
        {"drug_id": "D2", "reviewer": "Ben"},
        {"cell_line_id": "L2"},
        {"cell_line_id": "L2", "reviewer": "Ben", "decision": "skip"},
    )
    (conflict,) = find_conflicts(entries(decisions(*rows))).to_dict(orient="records")
    assert conflict == {
        "cell_line_id": "L1",
        "drug_id": "D1",
        "decisions": "accept; reject",
        "reviewers": "Ann; Ben",
        "comments": "sure; no",
    }
    settled = decisions(*rows, {"reviewer": "Ben", "time": "2026-03-02"})
    assert find_conflicts(entries(settled)).empty


def test_measured_values_become_responses_in_the_model_s_measure_with_their_limits(decisions: Build) -> None:
    found = decisions(
        {"measured": "1000", "measured_unit": "nM"},
        {"measured": "2", "measured_unit": "µM", "time": "2026-03-02"},
        {"time": "2026-03-03", "decision": "reject"},
        {"measured": "4", "measured_unit": "µM", "reviewer": "Ben"},
        {"measured": ">10", "measured_unit": "µM", "drug_id": "D2", "decision": "assay"},
    )
    table = tabulate_measured(entries(found), LN)
    assert (
        tuple(table.columns) == measured_columns(LN) == (*table.columns[:2], "ln_ic50_um", "lower_limit", "upper_limit")
    )
    assert table["drug_id"].tolist() == ["D1", "D1", "D2"]
    np.testing.assert_allclose(table["ln_ic50_um"], np.log([2, 4, 10]))
    assert table["lower_limit"].isna().all() and table["upper_limit"].isna().tolist() == [True, True, False]
    assert table["upper_limit"].iloc[2] == table["ln_ic50_um"].iloc[2]


def test_a_value_of_another_measure_is_refused_by_its_entry(decisions: Build) -> None:
    found = decisions({}, {"measured": "0.4", "measured_unit": "auc_fraction"})
    with pytest.raises(DataError, match="1 measured values of the log say nothing in ln_ic50_um: entry 2: the unit"):
        tabulate_measured(entries(found), LN)
    assert tabulate_measured(entries(found), MEASURES["auc_fraction"])["auc_fraction"].tolist() == [0.4]


def test_a_log_without_entries_settles_nothing(decisions: Build) -> None:
    none = entries(decisions())
    assert find_settled(none).empty and find_conflicts(none).empty and tabulate_measured(none, LN).empty
