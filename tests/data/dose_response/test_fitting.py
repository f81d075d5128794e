"""A whole screen: the noise from its wells, interrupted fits, and tables that `--screen tables` reads."""

import numpy as np
import pandas as pd
import pytest

from bdrp.data import dose_response, sources
from bdrp.data.dose_response import designs, noise_fit, screen_tables
from bdrp.data.dose_response.fitting import refit
from bdrp.data.dose_response.noise import Noise
from bdrp.data.dose_response.parts import Parts
from bdrp.data.dose_response.points import Points
from bdrp.data.dose_response.simulation import HALF_DECADES, simulate
from bdrp.errors import DataError, OutputError


def _points(curves: int, noise: Noise, seed: int = 0) -> Points:
    _, _, design = simulate(curves, noise, seed=seed)
    number = np.arange(curves).repeat(len(HALF_DECADES)).astype(str)
    return Points(
        pd.DataFrame(
            {
                "cell_line_id": number,
                "drug_id": "d",
                "plate": "",
                "replicate": "",
                "dose_um": np.tile(10 * np.exp(HALF_DECADES), curves),
                "viability": design.signal.ravel(),
            }
        )
    )


@pytest.fixture(scope="module")
def small() -> Points:
    return _points(25, Noise(0.07, 0.03, 0.06))  # too few to learn the noise from: the usual is taken


@pytest.fixture(scope="module")
def fitted(small):
    return dose_response.fit(small)


@pytest.mark.slow
def test_the_noise_of_wells_is_found_from_the_wells():
    curves, wells = designs.curves_of(_points(240, Noise(0.12, 0.02, 0.05), seed=1))
    assert noise_fit.fit(designs.group(curves, wells)).cv == pytest.approx(0.12, rel=0.3)


def test_curves_that_miss_a_well_or_have_other_doses_are_fitted_too(small):
    table = small.table.copy()
    table.loc[3, "viability"] = np.nan
    table.loc[7:13, "dose_um"] *= 1.7
    table = table.drop(index=[15, 16])
    fitted = dose_response.fit(Points(table)).curves
    assert len(fitted) == 25
    assert fitted["ln_evidence"].notna().all()
    assert fitted.loc[fitted["cell_line_id"] == "1", "max_conc_um"].item() == pytest.approx(17)


def test_a_higher_range_of_doses_moves_ln_ic50_and_not_the_area(small):
    moved = dose_response.fit(Points(small.table.assign(dose_um=small.table["dose_um"] * 100))).curves
    plain = dose_response.fit(small).curves
    np.testing.assert_allclose(moved["ln_ic50_um"] - plain["ln_ic50_um"], np.log(100), atol=1e-3)
    np.testing.assert_allclose(moved["auc_fraction"], plain["auc_fraction"], atol=1e-4)


def test_workers_and_interruptions_do_not_change_a_fit(small, fitted, tmp_path):
    parts = Parts(tmp_path / "unfinished")
    first = dose_response.fit(small, parts=parts, workers=2).curves
    pd.testing.assert_frame_equal(first, fitted.curves)
    held = sorted(path.name for path in parts.folder.iterdir())
    assert held == ["fit.json", "part-00000.parquet"]
    pd.testing.assert_frame_equal(dose_response.fit(small, parts=parts).curves, fitted.curves)
    parts.finish()
    assert not parts.folder.exists()


def test_what_is_done_is_not_done_again_and_pieces_of_another_fit_are_not_taken(small, tmp_path, monkeypatch):
    parts = Parts(tmp_path / "unfinished")
    dose_response.fit(small, parts=parts)
    with monkeypatch.context() as patch:
        patch.setattr("bdrp.data.dose_response.posterior.sample", None)  # would be called to fit anything
        assert len(dose_response.fit(small, parts=parts).curves) == 25
    other = dose_response.fit(small, dose_response.Options(seed=1), parts=parts).curves
    assert not other["ln_ic50_um"].equals(dose_response.fit(small, parts=parts).curves["ln_ic50_um"])


@pytest.mark.parametrize("how", ["bit", "another piece", "other noise"])
def test_a_piece_that_is_not_what_was_written_is_fitted_again(small, fitted, tmp_path, how):
    parts = Parts(tmp_path / "unfinished")
    dose_response.fit(small, parts=parts)
    path, record = parts.folder / "part-00000.parquet", parts.folder / "fit.json"
    if how == "bit":
        content = bytearray(path.read_bytes())
        content[len(content) // 4] ^= 1
        path.write_bytes(content)
    elif how == "another piece":
        other = Parts(tmp_path / "other")
        dose_response.fit(small, dose_response.Options(seed=1), parts=other)
        path.write_bytes((other.folder / path.name).read_bytes())
    else:
        record.write_text(record.read_text().replace("0.", "1.", 1))
    pd.testing.assert_frame_equal(dose_response.fit(small, parts=parts).curves, fitted.curves)


def test_a_folder_of_somebody_elses_is_not_taken_for_pieces(small, tmp_path):
    parts = Parts(tmp_path / "unfinished")
    parts.folder.mkdir()
    (parts.folder / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="what would be lost: thesis.txt"):
        dose_response.fit(small, parts=parts)
    assert [path.name for path in parts.folder.iterdir()] == ["thesis.txt"]


def test_a_curve_that_is_fitted_again_alone_is_the_same(fitted):
    group, found = refit(fitted, 5)
    area = found.curves.area(float(group.design.ln_dose.min()), 0.0)
    row = fitted.curves.loc[5]
    assert area.mean() == pytest.approx(row["auc_fraction"], abs=0.3 * row["auc_fraction_sd"])


def test_responses_are_read_by_the_source_tables(fitted, tmp_path):
    screen_tables.write(fitted, tmp_path)
    (tmp_path / "drugs.csv").write_text("drug_id,smiles\nd,CCO\n")
    lines = "\n".join(f"{line},{0.1 * line},{1.0 - 0.1 * line}" for line in range(25))
    (tmp_path / "expression.csv").write_text(f"cell_line_id,G1,G2\n{lines}\n")
    options = {"drugs": "drugs.csv", "expression": "expression.csv"}
    screen = sources.load("tables", tmp_path, "ln_ic50_um", responses="ln_ic50_um.csv", **options)
    assert len(screen.responses) == 25
    beyond = screen.responses["response"] >= screen.responses["upper_limit"]
    assert beyond.sum() == pytest.approx((fitted.curves["limit"] == "above").sum(), abs=4)
    area = sources.load("tables", tmp_path, "auc_fraction", responses="auc_fraction.csv", **options)
    np.testing.assert_allclose(area.responses["response"], fitted.curves["auc_fraction"].clip(0, 1), atol=1e-9)


def test_a_folder_that_holds_something_else_is_refused_before_anything_is_fitted(tmp_path):
    (tmp_path / "ln_ic50_um.csv").write_text("my,own\n1,2\n")
    with pytest.raises(OutputError, match="something else"):
        screen_tables.guard(tmp_path, [])


def test_the_top_can_be_held_at_the_controls(small):
    assert (dose_response.fit(small, dose_response.Options(fixed_top=True)).curves["top"] == 1).all()


def test_options_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="20 draws"):
        dose_response.Options(draws=3)
