"""The real tables of expression are read as they were downloaded; skipped without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdrp.data import sources
from bdrp.data.expression import read_expression, refuse_raw, tell_scale

TABLES = {
    "gdsc/Cell_line_RMA_proc_basalExp.txt.gz": ((962, 2305), "rma", "906826", "A1CF"),
    "ccle/ccle_rnaseq_zscore_580x706.csv.gz": ((580, 706), "z", "ACH-000001", "AKT3"),
}
"""Its shape, its scale, a line and a gene that it has."""


@pytest.mark.parametrize("name", TABLES)
def test_a_real_table_is_read_without_a_warning(real_data: Path, name: str) -> None:
    shape, scale, line, gene = TABLES[name]
    table = read_expression(real_data / name)
    refuse_raw(table, name)
    assert (table.shape, tell_scale(table.to_numpy()).name) == (shape, scale)
    assert line in table.index and gene in table.columns


def test_gdsc_reads_the_same_as_its_own_source_does(real_data: Path) -> None:
    screen = sources.load("gdsc2", real_data)
    table = read_expression(real_data / "gdsc/Cell_line_RMA_proc_basalExp.txt.gz")
    own = table.loc[screen.expression.index, screen.expression.columns]
    np.testing.assert_array_equal(own.to_numpy(), screen.expression.to_numpy())
