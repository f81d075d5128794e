"""Marks, limits, doses, directions and columns of one meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data.quantities import QUANTITIES, Stated, cells, choose_response, doses, recognise
from bdrp.data.quantities.quantity import PER_UM
from bdrp.errors import DataError

PATH = Path("r.csv")
RNG = np.random.default_rng(0)
LN = RNG.normal(1.5, 2.5, 60)
AUC = 1 / (1 + np.exp(-(LN - 1) / 3))


def table(**columns: object) -> pd.DataFrame:
    """A response table of these columns, all text."""
    return pd.DataFrame({name: pd.Series(np.asarray(values).astype(str)) for name, values in columns.items()})


@pytest.mark.parametrize("name", [name for name, one in QUANTITIES.items() if one.measure.startswith("ln_")])
def test_ten_micromolar_is_the_same_in_every_unit(name: str) -> None:
    quantity = QUANTITIES[name]
    unit = name.rpartition("_")[2] if not name.startswith("p") else "m"
    amount = 10 / PER_UM[unit]
    word = name.partition("_")[0]
    written = {"ln": np.log, "log10": np.log10, "log2": np.log2}.get(word, lambda x: x)(amount)
    written = -np.log10(amount) if name.startswith("p") else written
    assert quantity.convert(np.array([written]))[0] == pytest.approx(np.log(10))


@pytest.mark.parametrize("name", list(QUANTITIES))
def test_every_quantity_is_known_by_its_own_name_or_must_be_stated(name: str) -> None:
    named = recognise(name)
    if QUANTITIES[name].kind == "own":
        assert named is None
    elif named is not None:
        assert name in named.quantities


@pytest.mark.parametrize(
    ("cell", "sign"),
    [(">10", 1), ("> 10", 1), (">=10", 1), ("≥10", 1), ("<0.001", -1), ("10 (max)", 1), ("0.1 min", -1)],
)
def test_a_marked_cell_is_its_number_and_a_sign(cell: str, sign: int) -> None:
    read = cells.read_cells(table(ic50=[cell, "2.5", ""]), "ic50", PATH)
    assert read.sign.tolist() == [sign, 0, 0]
    assert read.values[0] == float(cell.strip("<>=≥ ").split()[0]) and np.isnan(read.values[2])


@pytest.mark.parametrize("cell", ["n.f.", "1,500", "~10", "10 µM", ">"])
def test_other_texts_are_no_numbers(cell: str) -> None:
    with pytest.raises(DataError, match="1 cells that are no numbers"):
        cells.read_cells(table(ic50=[cell, "2.5"]), "ic50", PATH)


@pytest.mark.parametrize("name", ["ic50_nm", "ic50_um", "ln_um", "log10_m", "log2_um", "pic50", "aac", "auc_percent"])
def test_more_than_is_a_limit_of_the_measure_whatever_the_direction(name: str) -> None:
    quantity = QUANTITIES[name]
    truth = AUC if quantity.measure == "auc_fraction" else LN
    values = (truth - quantity.offset) / quantity.slope
    values = np.exp(values) if quantity.raw else values
    weak = truth > np.quantile(truth, 0.8)
    mark = ">" if quantity.rises else "<"
    raw = table(
        response=[f"{mark}{value:.6g}" if high else f"{value:.6g}" for value, high in zip(values, weak, strict=True)]
    )
    chosen = choose_response(raw, Stated(unit=name), PATH)
    np.testing.assert_allclose(chosen.response, truth, atol=1e-4)
    np.testing.assert_array_equal(np.isfinite(chosen.upper), weak)
    np.testing.assert_array_equal(chosen.upper[weak], chosen.response[weak])
    assert np.isnan(chosen.lower).all()
    assert any(f"{weak.sum()} cells of response say more or less" in notice for notice in chosen.notices)


@pytest.mark.parametrize("header", ["max_conc", "MAX_CONC", "max dose", "highest_concentration"])
@pytest.mark.parametrize(("unit", "highest"), [("um", 10.0), ("um", 0.1), ("nm", 10_000.0), ("nm", 1e5), ("m", 1e-5)])
def test_doses_are_told_by_their_range(header: str, unit: str, highest: float) -> None:
    notices: list[str] = []
    logs = doses.read_log_doses(table(min_conc=[highest / 1000] * 3, **{header: [highest] * 3}), PATH, None, notices)
    np.testing.assert_allclose(logs["upper_limit"], np.log(highest * PER_UM[unit]))
    np.testing.assert_allclose(logs["lower_limit"], np.log(highest / 1000 * PER_UM[unit]))
    assert bool(notices) == (unit != "um")


@pytest.mark.parametrize(("header", "unit"), [("max_conc_nM", "nm"), ("max_conc (µM)", "um"), ("max_dose_M", "m")])
def test_doses_are_told_by_their_header(header: str, unit: str) -> None:
    logs = doses.read_log_doses(table(**{header: [10 / PER_UM[unit]]}), PATH, None, [])
    np.testing.assert_allclose(logs["upper_limit"], np.log(10))


@pytest.mark.parametrize(("header", "highest"), [("max_conc", 1000), ("max_conc", 0.001), ("max_conc_um", 10_000)])
def test_doses_of_no_clear_unit_are_refused_unless_it_is_stated(header: str, highest: float) -> None:
    with pytest.raises(DataError, match="say dose_unit"):
        doses.read_log_doses(table(**{header: [highest]}), PATH, None, [])
    stated = doses.read_log_doses(table(**{header: [highest]}), PATH, "nm", [])["upper_limit"]
    np.testing.assert_allclose(stated, np.log(highest / 1000))


def test_two_columns_of_one_meaning_are_refused_unless_they_agree() -> None:
    agree = choose_response(table(ic50_nM=np.exp(LN) * 1000, ln_ic50_um=LN), Stated(), PATH)
    assert (agree.column, agree.notices) == ("ln_ic50_um", [])
    with pytest.raises(DataError, match=r"two columns of ln_ic50_um, ln_ic50_um .* and ic50_nM .*100% of the rows"):
        choose_response(table(ic50_nM=np.exp(LN) * 2000, ln_ic50_um=LN), Stated(), PATH)
    chosen = choose_response(table(ic50_nM=np.exp(LN) * 2000, ln_ic50_um=LN), Stated(column="ln_ic50_um"), PATH)
    assert chosen.column == "ln_ic50_um"


def test_a_column_without_a_unit_may_say_the_same_as_one_with_it() -> None:
    chosen = choose_response(table(IC50=np.exp(LN), LN_IC50=LN), Stated(), PATH)
    assert chosen.column == "LN_IC50"
    with pytest.raises(DataError, match="IC50 can be several quantities"):
        choose_response(table(IC50=np.exp(LN[::-1]), LN_IC50=LN), Stated(), PATH)


def test_aac_under_the_name_of_auc_is_seen_beside_what_it_contradicts() -> None:
    with pytest.raises(DataError, match="auc equals aac in every row.*wrong direction"):
        choose_response(table(auc=1 - AUC, aac=1 - AUC), Stated(measure="auc_fraction"), PATH)
    with pytest.raises(DataError, match=r"auc runs against ln_ic50_um \(rank correlation -1.00"):
        choose_response(table(auc=1 - AUC, ln_ic50_um=LN), Stated(measure="auc_fraction"), PATH)
    with pytest.raises(DataError, match='auc can hardly be AUC as a fraction.*unit="aac"'):
        choose_response(table(auc=(1 - AUC) / 2), Stated(measure="auc_fraction"), PATH)
    chosen = choose_response(table(auc=1 - AUC, ln_ic50_um=LN), Stated(unit="aac"), PATH)
    np.testing.assert_allclose(chosen.response, AUC)


def test_auc_above_one_by_noise_is_set_to_one_and_counted() -> None:
    noisy = np.r_[np.linspace(0.3, 1, 50), np.linspace(1.01, 1.4, 10)]
    chosen = choose_response(table(auc=noisy), Stated(measure="auc_fraction"), PATH)
    assert chosen.response.max() == 1
    assert chosen.notices == [
        "10 of 60 AUC lie outside 0 to 1, by the noise of the controls (0.3 to 1.4): they are set to 0 or 1."
    ]


def test_what_a_table_holds_instead_is_named() -> None:
    for raw, said in (
        (
            table(auc=AUC),
            r"It has other responses: auc, AUC as a fraction \(1 = no effect\) \(measure=.auc_fraction.\)",
        ),
        (table(response=AUC), r"all 60 values between .* look like AUC as a fraction .*measure=.auc_fraction"),
        (table(response=6 - LN / np.log(10)), r"look like pIC50 \(-log10 of M\) \(unit=.pic50.\)"),
        (table(viability=AUC), "viability is the effect of a single dose"),
        (table(z_score=LN), "z_score holds z-scores"),
        (table(EC50_uM=np.exp(LN)), r"EC50_uM, EC50 in µM \(unit=.ec50_um.\)"),
        (table(GR50=np.exp(LN)), r"GR50, GR50 in .*unit=.gr50_um"),
        (table(auc_recomputed=AUC), "auc_recomputed, AUC as a fraction.* or AAC"),
        (table(effect=LN), "may also be called LN_IC50"),
    ):
        with pytest.raises(DataError, match=said):
            choose_response(raw, Stated(), PATH)


@pytest.mark.parametrize(
    ("header", "unit", "measure", "sign"),
    [
        ("GR_AOC", None, "gr_aoc", -1),
        ("DSS", None, "dss", -1),
        ("Emax", "emax_fraction", "emax_fraction", 1),
        ("EC50_uM", None, "ln_ec50_um", None),
        ("GR50 (µM)", None, "ln_gr50_um", None),
        ("tumour volume", "own_low", "own", 1),
        ("response", "own_high", "own", -1),
    ],
)
def test_more_measures_are_turned_so_that_low_is_sensitive(
    header: str, unit: str | None, measure: str, sign: int | None
) -> None:
    raw = table(**{header: np.exp(LN) if sign is None else AUC * (30 if header == "DSS" else 1)})
    column = header if header == "tumour volume" else None
    chosen = choose_response(raw, Stated(unit=unit, measure=None if unit else measure, column=column), PATH)
    assert chosen.quantity.measure == measure
    expected = LN if sign is None else sign * AUC * (30 if header == "DSS" else 1)
    np.testing.assert_allclose(chosen.response, expected, atol=1e-6)


def test_what_is_stated_must_fit_together() -> None:
    with pytest.raises(DataError, match="unit is aac, which is of auc_fraction, and measure is ln_ic50_um"):
        Stated(measure="ln_ic50_um", unit="aac")
    with pytest.raises(DataError, match="There is no unit 'furlong'. Allowed are ic50_m, "):
        choose_response(table(response=LN), Stated(unit="furlong"), PATH)
    with pytest.raises(DataError, match="There is no measure 'x'"):
        Stated(measure="x")
    with pytest.raises(DataError, match="values that are not above 0"):
        choose_response(table(response=LN), Stated(unit="ic50_um"), PATH)
