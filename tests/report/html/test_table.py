from __future__ import annotations

import pandas as pd
import pytest

from bdrp.report.html.table import Column, Table, columns_of

COLUMNS = {"name": Column("Drug"), "share": Column("Coverage", "share")}


def test_rows_hold_the_entries_that_have_a_column_in_the_order_of_the_columns():
    frame = pd.DataFrame({"share": [0.9, 0.8], "unseen": [1, 2], "name": ["A", "B"]})
    table = Table.from_records("Drugs", COLUMNS, frame.to_dict("records"), "All.")
    assert table == Table("Drugs", (Column("Drug"), Column("Coverage", "share")), (("A", 0.9), ("B", 0.8)), "All.")


def test_a_record_without_an_entry_that_has_a_column_is_refused():
    with pytest.raises(KeyError, match="share"):
        Table.from_records("Drugs", COLUMNS, [{"name": "A"}])


def test_columns_that_are_written_alike_need_only_their_labels():
    assert columns_of("from", "to", kind="share") == (Column("from", "share"), Column("to", "share"))
