"""What is said of a curve: moments, limits and flags."""

import numpy as np
import pytest

from bdrp.data.dose_response import posterior
from bdrp.data.dose_response.designs import Group
from bdrp.data.dose_response.likelihood import Design
from bdrp.data.dose_response.noise import Noise
from bdrp.data.dose_response.simulation import HALF_DECADES
from bdrp.data.dose_response.summary import DECADE, summarise

NOISE = Noise(cv=0.05, floor=0.02, top_sd=0.04)
HIGHEST = float(np.log(10))


def _summary(*wells: list[float], noise: Noise = NOISE):
    signal = np.array(wells)
    group = Group(
        np.arange(len(wells)), np.full(len(wells), HIGHEST), Design(HALF_DECADES, signal, np.ones(len(wells)))
    )
    return summarise(group, posterior.sample(group.design, noise, draws=400), noise)


def _active(midpoint: float) -> list[float]:
    return (1 / (1 + np.exp(1.5 * (HALF_DECADES + HIGHEST - midpoint)))).tolist()


ACTIVE = _active(0.3)
FLAT = [1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 0.98]


def test_a_clear_curve_has_its_ln_ic50_within_its_interval():
    row = _summary(ACTIVE).iloc[0]
    assert row["ln_ic50_um_q05"] < 0.3 < row["ln_ic50_um_q95"]
    assert row["ln_ic50_um"] == pytest.approx(0.3, abs=3 * row["ln_ic50_um_sd"])
    assert row["limit"] == ""
    assert row["flags"] == ""
    assert row["p_never_half"] < 0.01


def test_a_flat_curve_is_censored_and_far_from_sure():
    row = _summary(FLAT).iloc[0]
    assert row["limit"] == "above"
    assert set(row["flags"].split(";")) == {"flat", "extrapolated"}
    assert row["ln_ic50_um"] > HIGHEST
    assert row["ln_ic50_um_q95"] <= HIGHEST + DECADE + 1e-9
    assert row["p_beyond_highest"] > 0.95
    assert row["auc_fraction"] == pytest.approx(1, abs=0.03)


def test_a_curve_that_ends_above_one_half_never_reaches_it():
    row = _summary([1.0, 1.0, 0.97, 0.85, 0.72, 0.68, 0.68]).iloc[0]
    assert row["p_never_half"] > 0.9
    assert row["plateau"] == pytest.approx(0.67, abs=0.06)


def test_a_curve_below_one_half_at_every_dose_is_censored_below():
    row = _summary([0.3, 0.1, 0.05, 0.02, 0.01, 0.0, 0.01]).iloc[0]
    assert row["limit"] == "below"


def test_a_well_that_went_wrong_is_flagged_and_moves_little():
    spoilt = ACTIVE.copy()
    spoilt[1] = 0.3
    clean, row = _summary(ACTIVE, spoilt).to_dict("records")
    assert row["outlier_wells"] == 1
    assert "outlier_wells" in row["flags"]
    assert row["ln_ic50_um"] == pytest.approx(clean["ln_ic50_um"], abs=0.35)


def test_signals_that_rise_again_are_flagged_and_one_outlier_is_not_a_rise():
    rising = [1.0, 0.95, 0.4, 0.35, 0.6, 0.9, 1.0]
    single = [1.0, 0.95, 0.4, 0.35, 0.3, 0.9, 0.3]
    flags = _summary(rising, single)["flags"]
    assert "non_monotone" in flags[0]
    assert "non_monotone" not in flags[1]


def test_more_noise_is_a_larger_sd():
    sure, unsure = (_summary(ACTIVE, noise=noise).iloc[0] for noise in (NOISE, Noise(0.2, 0.1, 0.04)))
    for measure in ("ln_ic50_um", "auc_fraction", "emax_fraction"):
        assert unsure[f"{measure}_sd"] > 1.5 * sure[f"{measure}_sd"]
