from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bdrp.data.expression import SCALES, refuse_raw, tell_scale
from bdrp.data.expression.scale import column_moments, convert, find_scale
from bdrp.errors import DataError


@pytest.mark.parametrize(
    ("unit", "told"),
    [("log2", "log"), ("ln", "log"), ("log10", "log"), ("tpm", "tpm"), ("counts", "counts"), ("z", "z")],
)
def test_the_scale_is_told_by_shape(made: ModuleType, unit: str, told: str) -> None:
    assert tell_scale(made.UNITS[unit](made.draw_log2(30, seed=1)).to_numpy()).name == told


def test_the_sum_of_a_line_tells_the_base_of_a_whole_genome() -> None:
    tpm = np.random.default_rng(0).lognormal(0, 2, (6, 6000))
    tpm *= 1e6 / tpm.sum(axis=1, keepdims=True)
    assert tell_scale(np.log2(tpm + 1)).name == "log2"
    assert tell_scale(np.log(tpm + 1)).name == "ln"


def test_array_intensities_have_a_floor_above_zero() -> None:
    values = np.random.default_rng(0).uniform(2, 13, (20, 50))
    assert tell_scale(values).name == "rma"
    assert tell_scale(2**values).name == "linear"


def test_gaps_alone_tell_nothing() -> None:
    assert tell_scale(np.full((3, 3), np.nan)).name == "log"


def test_counts_become_logarithms_of_reads_per_million() -> None:
    table = pd.DataFrame([[1.0, 3.0], [np.nan, 5.0]], columns=["A", "B"])
    notices: list[str] = []
    found = convert(table, SCALES["counts"], "e.csv", notices)
    expected = np.log2([[250_001, 750_001], [np.nan, 1_000_001]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert notices == [
        "e.csv is stated to be counts of reads; converted to a binary logarithm: log2(reads per million + 1)."
    ]


def test_a_stated_scale_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 values below 0 .*stated to be TPM"):
        convert(pd.DataFrame([[1.0, -0.5]]), SCALES["tpm"], "e.csv", [])
    with pytest.raises(DataError, match="no expression scale 'rpkm'. Known are log2: a binary logarithm"):
        find_scale("rpkm")


@pytest.mark.parametrize("unit", ["tpm", "counts"])
def test_what_lacks_a_logarithm_is_refused_with_the_flag_that_takes_it(made: ModuleType, unit: str) -> None:
    with pytest.raises(DataError, match=f'above 30.*Say expression_scale="{unit}"'):
        refuse_raw(made.UNITS[unit](made.draw_log2(30, seed=1)), "e.csv")


def test_moments_leave_gaps_out() -> None:
    mean, sd = column_moments(np.array([[1.0, np.nan, 2.0], [3.0, np.nan, np.nan]]))
    np.testing.assert_array_equal(mean, [2, np.nan, 2])
    np.testing.assert_array_equal(sd, [1, np.nan, 0])
