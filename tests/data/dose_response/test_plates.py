"""What controls say of a plate, against the formulas by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data.dose_response import plates

PATH = Path("plates.csv")


def _plate(control, blank=(10.0, 10.0, 12.0, 8.0), name="P", rim=()) -> pd.DataFrame:
    rows = [("control", value) for value in control] + [("blank", value) for value in blank]
    rows += [("sample", value) for value in (100.0, 55.0, 10.0)]
    table = pd.DataFrame(rows, columns=["role", "signal"])
    row = np.full(len(table), 15)
    row[-3:] = (0, 31, 15)  # the wells with a drug span the plate
    row[list(rim)] = 1
    return table.assign(plate=name, row=row, column=row, cell_line_id="L", drug_id="D", replicate="", dose_um=1.0)


def test_z_prime_and_cv_are_those_of_the_formula():
    control, blank = np.array([100.0, 110.0, 90.0, 105.0, 95.0]), np.array([10.0, 10.0, 12.0, 8.0])
    told = plates.assess(_plate(control, blank)).loc["P"]
    window = control.mean() - blank.mean()
    assert told["z_prime"] == pytest.approx(1 - 3 * (control.std(ddof=1) + blank.std(ddof=1)) / window)
    assert told["cv"] == pytest.approx(control.std(ddof=1) / window)
    assert told["doubts"] == ""


def test_viabilities_are_fractions_of_the_window():
    points = plates.normalise(_plate([100.0] * 4, [10.0] * 3), [], PATH)
    np.testing.assert_allclose(points.table["viability"], [1.0, 0.5, 0.0])


def test_a_control_well_that_failed_is_left_out_and_counted():
    control = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 3.0]
    told = plates.assess(_plate(control)).loc["P"]
    assert told["control"] == pytest.approx(np.mean(control[:-1]))
    assert told["failed_wells"] == 1


def test_brighter_rims_are_an_edge_effect():
    control = [100.0] * 6 + [130.0] * 4
    told = plates.assess(_plate(control, rim=range(6, 10))).loc["P"]
    assert told["edge_effect"] == pytest.approx(120 / 90 - 1)
    assert "edge effect" in told["doubts"]


def test_noisy_controls_are_a_doubt():
    told = plates.assess(_plate([100.0, 160.0, 60.0, 130.0, 70.0])).loc["P"]
    assert "Z' below" in told["doubts"]
    assert "control CV" in told["doubts"]


def test_plates_without_a_window_are_left_out_and_said():
    notices: list[str] = []
    dim = _plate([9.0, 10.0, 11.0, 10.0], name="dim")
    points = plates.normalise(pd.concat([_plate([100.0] * 4), dim]), notices, PATH)
    assert points.table["plate"].unique().tolist() == ["P"]
    assert "1 plates" in notices[0]
    assert points.plates.loc["dim", "doubts"] != ""


def test_a_well_without_a_signal_is_missing_and_no_zero():
    table = _plate([100.0] * 4)
    table.loc[len(table) - 1, "signal"] = np.nan
    points = plates.normalise(table, [], PATH)
    assert np.isnan(points.table["viability"].iloc[-1])
    assert points.plates.loc["P", "failed_wells"] == 1
