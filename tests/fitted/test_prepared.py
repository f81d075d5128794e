"""The noun that a fit works on: its cluster, its calibration rows, its test part, and the whole of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bdrp.data import splits
from bdrp.data.screen import LIMITS, Screen
from bdrp.data.splits import Split
from bdrp.data.splits.clusters import assign_clusters
from bdrp.errors import SplitError
from bdrp.fitted.prepared import prepare


@pytest.mark.parametrize(
    ("by", "kind"),
    [("pair", None), ("cell_line", "cell_line"), ("tissue", "tissue"), ("drug", "drug"), ("both", "cell_line")],
)
def test_calibration_rows_err_by_what_is_new_in_the_test_part(tiny_screen: Screen, by: str, kind: str | None) -> None:
    split = splits.make(tiny_screen, by)
    prepared = prepare(tiny_screen, split)
    rows = prepared.calibration_rows()
    positions = np.concatenate([split.rows("calibration"), split.rows("validation")])
    assert prepared.errs_as_one == kind and len(rows.pairs) == len(positions)
    np.testing.assert_allclose(rows.response, tiny_screen.responses["response"].to_numpy()[positions])
    groups = None if kind is None else assign_clusters(tiny_screen, kind)
    assert rows.clusters == (None if groups is None else groups.iloc[positions].tolist())
    assert groups is None or not set(rows.clusters or []) & set(groups.iloc[split.rows("test")])


def test_lines_of_an_unseen_tissue_err_as_one(tiny_screen: Screen) -> None:
    rows = prepare(tiny_screen, splits.make(tiny_screen, "tissue")).calibration_rows()
    assert set(rows.clusters or []) < set(tiny_screen.cell_lines["tissue"])


@pytest.mark.parametrize("by", ["pair", "cell_line", "drug"])
def test_a_split_of_the_users_own_errs_by_what_its_ids_keep_apart(tiny_screen: Screen, by: str) -> None:
    own = replace(splits.make(tiny_screen, by), by="file")
    assert prepare(tiny_screen, own).errs_as_one == (None if by == "pair" else by)


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


def test_tissue_is_not_read_where_tissues_are_held_out(tiny_screen: Screen) -> None:
    read = ("expression", "tissue")
    held_out = {by: prepare(tiny_screen, splits.make(tiny_screen, by), read) for by in ("tissue", "cell_line")}
    assert [*held_out["cell_line"].batch.features.scalers] == ["expression", "tissue"]
    assert [*held_out["tissue"].batch.features.scalers] == ["expression"]
    again = held_out["tissue"].with_all_but_test()  # the second fit reads what the first did
    assert [*again.batch.features.scalers] == ["expression"]
