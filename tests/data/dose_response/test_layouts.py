"""Tables of wells in every layout that is known become the points that are right."""

import numpy as np
import pandas as pd
import pytest

from bdrp.data import dose_response
from bdrp.errors import DataError


def _write(table: pd.DataFrame, path):
    table.to_csv(path, index=False)
    return path


def test_a_tidy_table_is_normalised_by_the_controls_of_its_plate(wells_csv, raw):
    points = dose_response.read(wells_csv)
    assert len(points.table) == 4 * 3 * 7
    assert list(points.plates.index) == ["P0", "P1", "P2", "P3"]
    plate = raw[raw["plate"] == "P1"]
    low = plate.loc[plate["role"] == "blank", "intensity"].mean()
    high = plate.loc[plate["role"] == "dmso", "intensity"].mean()
    well = plate[(plate["role"] == "sample") & (plate["drug_id"] == "D0")].iloc[2]
    mine = points.table[(points.table["plate"] == "P1") & (points.table["drug_id"] == "D0")]
    found = mine.loc[np.isclose(mine["dose_um"], well["dose_um"]), "viability"].item()
    assert found == pytest.approx((well["intensity"] - low) / (high - low))


@pytest.mark.parametrize("spelling", ["well", "row and column", "letters"])
def test_places_may_be_wells_or_rows_and_columns(raw, tmp_path, spelling):
    if spelling != "well":
        letter = raw["well"].str[0]
        row = letter if spelling == "letters" else letter.map(lambda one: ord(one) - 64)
        raw = raw.assign(row=row, column=raw["well"].str[1:].astype(int)).drop(columns="well")
    points = dose_response.read(_write(raw, tmp_path / "plates.csv"))
    assert points.plates["edge_effect"].notna().any()


def test_gdsc_raw_data_keep_single_drugs_and_dissolved_controls(tmp_path):
    rows = [("NC-1", "", "", 100.0)] * 6 + [("NC-0", "", "", 900.0)] * 6 + [("B", "", "", 10.0)] * 4
    rows += [("UN-USED", "", "", 0.0)] * 3 + [("PC-1", "1862", "1", 12.0), ("L3-D1-C", "77", "5", 50.0)]
    rows += [(f"L3-D{at + 1}-S", "1003", str(0.1 / 2**at), 55.0 + 5 * at) for at in range(7)]
    table = pd.DataFrame(rows, columns=["TAG", "DRUG_ID", "CONC", "INTENSITY"]).assign(
        BARCODE="17", POSITION=np.arange(1, len(rows) + 1), COSMIC_ID="905"
    )
    points = dose_response.read(_write(table, tmp_path / "raw.csv"))
    assert points.table["drug_id"].unique().tolist() == ["1003"]
    highest = points.table.loc[points.table["dose_um"].idxmax()]
    assert highest["dose_um"] == 0.1
    assert highest["viability"] == pytest.approx((55 - 10) / (100 - 10))
    assert any("L3-D1-C" in notice for notice in points.notices)


def test_undissolved_controls_stand_in_where_a_plate_has_no_others(tmp_path):
    rows = [("NC-0", "", "", 100.0)] * 6 + [(f"L1-D{at + 1}-S", "1", str(1 / 2**at), 60.0) for at in range(7)]
    table = pd.DataFrame(rows, columns=["TAG", "DRUG_ID", "CONC", "INTENSITY"]).assign(
        BARCODE="1", POSITION=range(1, 14), COSMIC_ID="9"
    )
    assert dose_response.read(_write(table, tmp_path / "raw.csv")).table["viability"].eq(0.6).all()


@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_viabilities_are_taken_as_they_are_in_fractions_or_per_cent(tmp_path, factor):
    table = pd.DataFrame(
        {"sample": "A", "drug": "x", "replicate": [1] * 4, "dose": [0, 0.1, 1, 10], "viability": [1, 0.98, 0.7, 0.3]}
    )
    table["viability"] *= factor
    points = dose_response.read(_write(table, tmp_path / "points.csv"))
    np.testing.assert_allclose(points.table["viability"], [0.98, 0.7, 0.3])
    assert any("dose 0" in notice for notice in points.notices)
    assert any("per cent" in notice for notice in points.notices) == (factor == 100)


def test_inhibitions_are_refused_as_viabilities(tmp_path):
    table = pd.DataFrame({"line": "A", "drug": "x", "dose_um": [0.1, 1, 10], "viability": [0.02, 0.4, 0.9]})
    with pytest.raises(DataError, match="1 - inhibition"):
        dose_response.read(_write(table, tmp_path / "points.csv"))


def test_ccle_lists_activity_that_viability_has_lost(tmp_path):
    table = pd.DataFrame(
        {
            "CCLE Cell Line Name": ["A_LUNG", "A_LUNG"],
            "Compound": ["x", "x"],
            "Doses (uM)": [".0025,.025,.25,2.5", ".0025,.025,.25"],
            "Activity Data (median)": ["-1,-2,-60,-90.5", "0,4,-50"],
        }
    )
    points = dose_response.read(_write(table, tmp_path / "ccle.csv"))
    np.testing.assert_allclose(points.table["viability"], [0.99, 0.98, 0.4, 0.095, 1.0, 1.04, 0.5])
    assert points.table["replicate"].tolist() == [""] * 4 + ["2"] * 3


def test_pharmacogx_points_are_read_from_columns(tmp_path):
    table = pd.DataFrame(
        {"sampleid": ["A"], "treatmentid": ["x"]}
        | {f"Dose{at}.uM": [0.1 * at] for at in range(1, 5)}
        | {f"viab{at}": [100.0 - 20 * at] for at in range(1, 5)}
    )
    points = dose_response.read(_write(table, tmp_path / "points.csv"))
    np.testing.assert_allclose(points.table["viability"], [0.8, 0.6, 0.4, 0.2])


def test_words_for_roles_that_are_not_known_are_refused_with_those_that_are(raw, tmp_path):
    raw.loc[3, "role"] = "mystery"
    with pytest.raises(DataError, match="mystery.*control, blank, sample"):
        dose_response.read(_write(raw, tmp_path / "plates.csv"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns="role"), "no column role"),
        (lambda table: table.drop(columns="dose_um"), "no table of wells"),
        (lambda table: table.assign(role="sample"), "no plate that can be normalised"),
        (lambda table: table.assign(cell_line_id=""), "without cell_line_id"),
        (lambda table: table[(table["role"] != "sample") | (table["dose_um"] > 5)], "holds no curve"),
    ],
)
def test_what_wells_need_is_said(raw, tmp_path, change, said):
    with pytest.raises(DataError, match=said):
        dose_response.read(_write(change(raw), tmp_path / "plates.csv"))


def test_a_table_of_fitted_responses_is_no_table_of_wells(tmp_path):
    table = pd.DataFrame({"cell_line_id": ["A"], "drug_id": ["x"], "ln_ic50_um": [0.5]})
    with pytest.raises(DataError, match="no table of wells"):
        dose_response.read(_write(table, tmp_path / "responses.csv"))
