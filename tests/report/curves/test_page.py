"""The page of curves: which it shows, what it draws, and what it says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bdrp.data import dose_response
from bdrp.data.dose_response.points import Points
from bdrp.errors import OutputError
from bdrp.report import curves
from bdrp.report.curves import bands

DOSES = 10.0 * 10 ** (-np.arange(7) / 2)
CLEAN = 1 / (1 + (DOSES / 0.5) ** 1.3)


@pytest.fixture(scope="module")
def fitted():
    spoilt = CLEAN.copy()
    spoilt[5] = 0.1
    wells = {"clean": CLEAN, "spoilt": spoilt, "<b>flat</b>": np.ones(7)}
    table = pd.concat(
        [
            pd.DataFrame(
                {"cell_line_id": line, "drug_id": "d", "plate": "P", "replicate": "", "dose_um": DOSES, "viability": y}
            )
            for line, y in wells.items()
        ]
    )
    plates = pd.DataFrame(
        {
            "cv": [0.2],
            "doublings": [np.nan],
            "z_prime": [0.1],
            "controls": [9],
            "failed_wells": [1],
            "edge_effect": [0.3],
            "doubts": ["Z' low"],
        },
        index=pd.Index(["P"], name="plate"),
    )
    return dose_response.fit(Points(table.reset_index(drop=True), plates))


def test_the_most_doubtful_curve_comes_first(fitted):
    assert fitted.curves.loc[bands.choose(fitted.curves, 3)[0], "cell_line_id"] == "spoilt"


def test_a_panel_draws_wells_bands_and_the_outlier(fitted):
    axes = Figure().subplots()
    curve = int(fitted.curves.index[fitted.curves["cell_line_id"] == "spoilt"][0])
    curves.draw_curve(fitted, curve, axes)
    points = {line.get_label(): line for line in axes.get_lines()}
    assert len(points["well"].get_xdata()) == 6
    assert points["outlier"].get_ydata().tolist() == [0.1]
    np.testing.assert_allclose(np.sort(points["well"].get_xdata())[-1], 10)
    outer, inner = axes.collections
    height = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in (outer, inner)]
    assert height[0] > height[1]


def test_the_page_says_what_is_in_doubt_and_escapes_names(fitted, tmp_path):
    page = curves.write(fitted, tmp_path).read_text()
    assert "Plates in doubt" in page
    assert "Outlier wells" in page
    assert "<b>flat" not in page
    assert page.count("<svg") >= 2


def test_doses_are_plain_numbers_and_leave_room_for_the_curves(fitted, tmp_path):
    assert "mathdefault" not in curves.write(fitted, tmp_path).read_text()
    axes = bands.plot(fitted, bands.choose(fitted.curves, 3), 1).figure().axes[0]
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels() if label.get_text() == "0.1"]
    assert axes.get_position().width > 0.2  # of three beside each other


def test_a_file_that_is_no_page_is_not_replaced(fitted, tmp_path):
    (tmp_path / "curves.html").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        curves.write(fitted, tmp_path)
