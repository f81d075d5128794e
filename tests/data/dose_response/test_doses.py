"""Units of doses: told by a header, a column, a flag or their range, or refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data.dose_response import doses
from bdrp.errors import DataError

UM = 10.0 * 10.0 ** (-np.arange(7) / 2)
PATH = Path("plates.csv")


def _read(header: str, factor: float, stated: str | None = None, **more: object) -> tuple[np.ndarray, list[str]]:
    notices: list[str] = []
    raw = pd.DataFrame({header: UM * factor, **more})
    return doses.read(raw, header, PATH, stated, notices).to_numpy(), notices


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("dose_um", 1.0),
        ("dose", 1.0),
        ("Concentration (nM)", 1e3),
        ("conc_nM", 1e3),
        ("dose", 1e3),
        ("dose", 1e-6),
        ("concentration_M", 1e-6),
        ("Dose [µM]", 1.0),
        ("dose_micromolar", 1.0),
    ],
)
def test_doses_come_in_um_from_header_or_range(header, factor):
    values, notices = _read(header, factor)
    np.testing.assert_allclose(values, UM)
    assert bool(notices) == (factor != 1.0)


def test_a_stated_unit_and_a_column_of_units_stand_above_the_range():
    np.testing.assert_allclose(_read("dose", 1.0, stated="nm")[0], UM / 1000)
    units = ["nM", *["uM"] * 6]
    np.testing.assert_allclose(_read("dose", 1.0, unit=units)[0], [UM[0] / 1000, *UM[1:]])


@pytest.mark.parametrize("factor", [100.0, 1e-3])
def test_a_range_that_could_be_two_units_is_refused_with_the_flag(factor):
    with pytest.raises(DataError, match="dose_unit"):
        _read("dose", factor)


def test_logarithms_and_unknown_units_are_refused():
    with pytest.raises(DataError, match="logarithms"):
        doses.read(pd.DataFrame({"dose": np.log10(UM)}), "dose", PATH, None, [])
    with pytest.raises(DataError, match="no unit of doses 'mg'"):
        _read("dose", 1.0, unit=["mg"] * 7)
    with pytest.raises(DataError, match="no unit of doses 'furlong'"):
        _read("dose", 1.0, stated="furlong")
