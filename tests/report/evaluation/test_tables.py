"""Tables of the report that are not a copy of the scores."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp.report.evaluation import tables


def test_what_is_left_in_the_accepted_pairs_is_counted_from_their_errors(case):
    table = tables.accepted(case.scores.to_dict())
    assert [row[0] for row in table.rows] == ["the surest 80 %", "the surest 50 %"]
    squared = np.square(case.observed["response"].to_numpy() - case.pred.mean)
    by_drug = [np.flatnonzero(case.pred.keys["drug_id"] == drug) for drug in case.pred.keys["drug_id"].unique()]
    for row, share in zip(table.rows, (0.8, 0.5), strict=True):

        def left(by, some, share=share):
            first = some[np.argsort(by[some])[: int(np.ceil(share * len(some)))]]
            return squared[first].mean() / squared[some].mean()

        everyone = np.arange(len(squared))
        within = np.mean([left(case.pred.std, some) for some in by_drug if len(some) >= 20])
        expected = [left(case.pred.std, everyone), left(squared, everyone), within]
        assert [row[1], row[3], row[4]] == pytest.approx(expected)
        assert row[3] < row[2] < 1.1
