"""The noun that a fit works on: its cluster, its calibration rows, its test part, and the whole of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bdrp.data import splits
from bdrp.data.screen import LIMITS, Screen
from bdrp.data.splits import Split
from bdrp.errors import SplitError
from bdrp.fitted.prepared import prepare


@pytest.mark.parametrize(("by", "cluster"), [("pair", None), ("cell_line", "cell_line_id"), ("drug", "drug_id")])
def test_calibration_rows_err_by_what_is_new_in_the_test_part(
    tiny_screen: Screen, by: str, cluster: str | None
) -> None:
    split = splits.make(tiny_screen, by)
    prepared = prepare(tiny_screen, split)
    rows = prepared.calibration_rows()
    positions = np.concatenate([split.rows("calibration"), split.rows("validation")])
    assert prepared.cluster_column == cluster and len(rows.pairs) == len(positions)
    np.testing.assert_allclose(rows.response, tiny_screen.responses["response"].to_numpy()[positions])
    expected = None if cluster is None else tiny_screen.responses[cluster].to_numpy()[positions].tolist()
    assert rows.clusters == expected
    assert cluster is None or not set(expected or []) & set(prepared.test_table()[cluster])


def test_the_whole_leaves_the_test_part_alone(tiny_screen: Screen, tiny_split: Split) -> None:
    prepared = prepare(tiny_screen, tiny_split)
    whole = prepared.with_all_but_test()
    parts = ("train", "validation", "calibration")
    assert len(whole.batch.train) == sum(len(tiny_split.rows(part)) for part in parts)
    assert not len(whole.batch.validation) and not len(whole.batch.calibration)
    assert whole.test_table().equals(prepared.test_table())
    assert len(whole.limits()) >= len(prepared.limits()) and list(whole.limits()) == list(LIMITS)


def test_too_few_calibration_rows_are_refused(tiny_screen: Screen, tiny_split: Split) -> None:
    none = replace(tiny_split, parts=tiny_split.parts.replace({"calibration": "train"}))
    with pytest.raises(SplitError, match="calibration part has 0 rows.*Give it a share"):
        prepare(tiny_screen, none).calibration_rows()
