"""Which predictions are kept, and with which quantiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.predictive import Normal, Predictions
from bdrp.predictive.selection import Selection


@pytest.fixture
def predictions(make_normal: Callable[..., Normal]) -> Predictions:
    return Predictions(make_normal(), pd.DataFrame({"drug_name": [f"name {at}" for at in range(50)]}))


def test_nothing_asked_for_is_everything(predictions: Predictions) -> None:
    assert Selection().select(predictions) is predictions


@pytest.mark.parametrize(("per", "key"), [("line", "cell_line_id"), ("drug", "drug_id")])
def test_the_lowest_medians_of_each_are_kept_in_their_order(predictions: Predictions, per: Any, key: str) -> None:
    frame = predictions.to_frame()
    expected = frame[frame.groupby(key)["q50"].rank() <= 2].reset_index(drop=True)
    kept = Selection(top=2, per=per).select(predictions).to_frame()
    pd.testing.assert_frame_equal(kept, expected)
    pd.testing.assert_frame_equal(Selection(top=2, per=per).lowest(frame), expected)


def test_of_equal_medians_the_first_are_kept(make_normal: Callable[..., Normal]) -> None:
    pred = Predictions(make_normal(mean=np.zeros(50)), pd.DataFrame({"row": range(50)}))
    assert Selection(top=1).select(pred).context["row"].tolist() == list(range(0, 50, 5))


def test_below_is_below(predictions: Predictions) -> None:
    kept = Selection(below=-1.0).select(predictions).to_frame()
    assert 0 < len(kept) < 50 and (kept["q50"] < -1).all()
    assert len(kept) == (predictions.to_frame()["q50"] < -1).sum()


def test_further_quantiles_are_columns_and_those_that_are_there_stay(predictions: Predictions) -> None:
    frame = Selection(quantiles=(0.01, 0.05, 0.995)).select(predictions).to_frame()
    assert list(frame.columns[-2:]) == ["q01", "q99.5"] and list(frame.columns).count("q05") == 1
    np.testing.assert_array_equal(frame["q99.5"], predictions.distribution.quantile(0.995))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"top": 0}, "Allowed: 1 or more"),
        ({"per": "tissue"}, "Allowed: line or drug"),
        ({"below": float("nan")}, "Allowed: a finite number"),
        ({"quantiles": (0.5, 1.0)}, "1.0 was given. Allowed: more than 0 and less than 1"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Selection(**wrong)
