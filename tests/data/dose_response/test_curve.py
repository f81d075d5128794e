"""The curve against its formula and against numerical integration."""

import numpy as np
import pytest

from bdrp.data.dose_response.curve import COORDINATES, Curves, Prior


def _curves(**values: float) -> Curves:
    given = {"midpoint": 0.0, "slope": 1.0, "plateau": 0.0, "top": 1.0, "scale": 1.0} | values
    return Curves(**{name: np.array([value]) for name, value in given.items()})


@pytest.mark.parametrize(("plateau", "slope"), [(0.0, 1.0), (0.3, 2.0), (0.49, 0.5)])
def test_viability_is_one_half_at_ln_ic50(plateau, slope):
    curves = _curves(midpoint=-1.2, slope=slope, plateau=plateau)
    assert curves.viability(float(curves.ln_ic50()[0]))[0] == pytest.approx(0.5)


def test_without_a_plateau_ln_ic50_is_the_midpoint():
    assert _curves(midpoint=0.7).ln_ic50()[0] == pytest.approx(0.7)


@pytest.mark.parametrize("plateau", [0.5, 0.8])
def test_a_plateau_of_one_half_or_more_never_reaches_one_half(plateau):
    assert np.isinf(_curves(plateau=plateau).ln_ic50()[0])


def test_the_top_moves_the_signal_and_nothing_that_is_said_of_the_drug():
    high, plain = _curves(top=1.3, plateau=0.2), _curves(plateau=0.2)
    assert high.signal(0.5)[0] == pytest.approx(1.3 * plain.signal(0.5)[0])
    assert high.ln_ic50()[0] == plain.ln_ic50()[0]
    assert high.area(-3, 2)[0] == plain.area(-3, 2)[0]


def test_the_area_is_the_mean_of_the_curve():
    curves = _curves(midpoint=0.4, slope=1.7, plateau=0.25)
    at = np.linspace(-4, 2, 20_001)
    values = np.array([curves.viability(float(dose))[0] for dose in at])
    assert curves.area(-4, 2)[0] == pytest.approx(np.trapezoid(values, at) / 6, abs=1e-6)


def test_a_curve_far_beyond_the_doses_has_an_area_of_one_and_no_overflow():
    assert _curves(midpoint=800.0, slope=9.0).area(-4, 2)[0] == pytest.approx(1)
    assert _curves(midpoint=-800.0, slope=9.0).area(-4, 2)[0] == pytest.approx(0)


def test_the_prior_is_centred_on_the_highest_dose_and_wider_for_wider_doses():
    narrow, wide = Prior(0.05, -2.0, 1.0), Prior(0.05, -9.0, 1.0)
    origin = np.zeros((len(COORDINATES), 1))
    assert narrow.curves(origin).midpoint[0] == wide.curves(origin).midpoint[0] == 1.0
    assert wide.midpoint_sd > narrow.midpoint_sd


def test_one_curve_in_five_never_reaches_one_half_before_a_well_is_read():
    z = np.random.default_rng(0).standard_normal((len(COORDINATES), 100_000))
    never = np.isinf(Prior(0.05, -7.0, 0.0).curves(z).ln_ic50()).mean()
    assert never == pytest.approx(0.19, abs=0.01)
