"""GR from viabilities, against its own definition; from wells at time zero to a screen."""

import numpy as np
import pandas as pd
import pytest

from bdrp.data import dose_response, sources
from bdrp.data.dose_response import growth, screen_tables
from bdrp.data.dose_response.curve import Curves


def test_gr_is_that_of_its_definition():
    well, control, start = 6000.0, 16_000.0, 4000.0
    right = 2 ** (np.log2(well / start) / np.log2(control / start)) - 1
    doubled = growth.doublings(np.array(control), np.array(start))
    assert doubled == 2
    assert growth.gr_value(np.array(well / control), doubled) == pytest.approx(right)


@pytest.mark.parametrize("doubled", [0.8, 1.0, 3.0])
def test_gr_is_one_half_at_gr50_and_its_area_is_the_mean(doubled):
    one = np.ones((1, 1))
    curves = Curves(midpoint=-3.0 * one, slope=1.4 * one, plateau=0.05 * one, top=one, scale=one)
    at = float(curves.ln_dose_at(0.75**doubled)[0, 0])
    assert growth.gr_value(curves.viability(at), np.array(doubled))[0, 0] == pytest.approx(0.5)
    row = growth.summarise(curves.__class__(**{k: v.repeat(2, 1) for k, v in vars(curves).items()}),
                           np.array([doubled]), np.array([1.0]), -7.0).iloc[0]  # fmt: skip
    assert row["ln_gr50_um"] == pytest.approx(at + 1)
    grid = np.linspace(-7, 0, 4001)
    values = [1 - growth.gr_value(curves.viability(float(dose)), np.array(doubled))[0, 0] for dose in grid]
    assert row["gr_aoc"] == pytest.approx(np.trapezoid(values, grid) / 7, abs=2e-3)


def test_controls_that_hardly_grew_have_no_gr():
    assert np.isnan(growth.doublings(np.array([110.0, 100.0, 50.0]), np.array([100.0, 0.0, 100.0]))).all()


def test_wells_at_time_zero_make_gr_and_plates_without_them_have_none(raw, tmp_path):
    early = raw[raw["role"] == "dmso"].groupby("plate").head(4).assign(role="t0")
    early["intensity"] = 500 + (early["intensity"] - 500) / 4
    path = tmp_path / "plates.csv"
    pd.concat([raw, early[early["plate"] != "P3"]]).to_csv(path, index=False)
    fitted = dose_response.fit(dose_response.read(path))
    np.testing.assert_allclose(fitted.points.plates.loc[["P0", "P1"], "doublings"], 2, atol=0.1)
    with_gr = fitted.curves["gr_aoc"].notna()
    assert set(fitted.curves.loc[~with_gr, "plate"]) == {"P3"}
    screen_tables.write(fitted, tmp_path)
    (tmp_path / "drugs.csv").write_text("drug_id,smiles\nD0,CCO\nD1,CCN\nD2,CCC\n")
    (tmp_path / "expression.csv").write_text("cell_line_id,G1,G2\nL0,1,2\nL1,2,3\nL2,4,1\nL3,1,1\n")
    tables = {"drugs": "drugs.csv", "expression": "expression.csv"}
    screen = sources.load("tables", tmp_path, "gr_aoc", responses="gr_aoc.csv", **tables)
    assert len(screen.responses) == 9
    assert (screen.responses["response"] <= 0.05).all()  # its sign is turned: low is sensitive
    assert len(sources.load("tables", tmp_path, "ln_gr50_um", responses="ln_gr50_um.csv", **tables).responses) == 9
