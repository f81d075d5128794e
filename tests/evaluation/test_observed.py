from __future__ import annotations

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.evaluation.observed import check_observed


def test_unknown_columns_are_filled_with_unknowns(make_pairs):
    pred, table = make_pairs(3, 4)
    seen = check_observed(pred, table[["cell_line_id", "drug_id", "response"]])
    assert np.isnan(seen.lower_limit).all()
    assert np.isnan(seen.mean_effects).all()
    assert set(seen.tissues) == {"unknown"}
    assert seen.drug_names.tolist() == table["drug_id"].tolist()
    assert not seen.is_censored.any()


def test_empty_and_missing_words_count_as_unknown(make_pairs):
    pred, table = make_pairs(2, 2)
    seen = check_observed(pred, table.assign(tissue=["Lung", "", None, np.nan], drug_name=["A", None, "", "B"]))
    assert seen.tissues.tolist() == ["Lung", "unknown", "unknown", "unknown"]
    assert seen.drug_names.tolist() == ["A", "D1", "D0", "B"]


def test_beyond_either_limit_is_extrapolated_and_unknown_limits_are_not(make_pairs):
    pred, table = make_pairs(1, 4)
    table = table.assign(response=[-5, 0, 5, 5], lower_limit=[-4, -4, -4, np.nan], upper_limit=[1, 1, 1, np.nan])
    assert check_observed(pred, table).is_censored.tolist() == [True, False, True, False]


def test_drug_ids_share_a_compound_by_their_structure_key_only(make_pairs):
    pred, table = make_pairs(1, 4)
    assert check_observed(pred, table).compounds.tolist() == ["D0", "D1", "D2", "D3"]
    keyed = check_observed(pred, table.assign(structure_key=["K", "K", None, " "]))
    assert keyed.compounds.tolist() == ["K", "K", "D2", "D3"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_response_that_is_not_finite_is_refused_by_row(make_pairs, value):
    pred, table = make_pairs(3, 4)
    table.loc[[2, 5], "response"] = value
    with pytest.raises(DataError, match=r"2 of 12 observed responses are not finite \(rows 2, 5\)"):
        check_observed(pred, table)


def test_crossed_limits_are_refused_by_row(make_pairs):
    pred, table = make_pairs(1, 4)
    table = table.assign(lower_limit=[0.0, 3.0, np.nan, 1.0], upper_limit=[1.0, 2.0, 0.0, 0.5])
    with pytest.raises(DataError, match=r"limits of 2 of 4 pairs are crossed.*rows 1, 3"):
        check_observed(pred, table)


def test_other_pairs_or_another_order_are_refused(make_pairs):
    pred, table = make_pairs(3, 4)
    with pytest.raises(DataError, match=r"first difference in row 0 \(L0/D0 and L2/D3\)"):
        check_observed(pred, table[::-1])
    with pytest.raises(DataError, match="12 predicted, 5 observed"):
        check_observed(pred, table[:5])


def test_a_missing_column_or_an_empty_table_is_refused(make_pairs):
    pred, table = make_pairs(3, 4)
    with pytest.raises(DataError, match="missing columns: response"):
        check_observed(pred, table.drop(columns="response"))
    with pytest.raises(DataError, match="0 rows"):
        check_observed(pred[:0], table[:0])
