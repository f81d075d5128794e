"""The dose-response curve, what is said of it, and what is believed of one before a well is read.

    f(x) = top * (1 - (1 - plateau) * s(slope * (x - midpoint)))          signal at ln dose x; s(a) = 1 / (1 + exp(-a))

`top` is what the controls of the plate miss of the wells beside them; the drug's effect is f / top, so that ln IC50,
AUC and Emax are read off that. With a plateau of one half or more, one half is never reached: ln IC50 is infinite.

Each parameter is a function of one standard normal coordinate, so that the prior of a curve is a standard normal in
five dimensions and a posterior can be sought there without bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Rows = npt.NDArray[np.integer]
"""Positions of curves or draws."""

COORDINATES: Final = ("scale", "midpoint", "slope", "plateau", "top")
MIDPOINT_SD: Final = (2.0, 0.25)
"""Prior SD of the midpoint about the highest dose, ln units: a constant and a share of the range of doses. Chosen: of
GDSC2's published ln IC50 seven in ten lie above the highest dose, and their SD is 2.7."""
LN_SLOPE: Final = (0.1, 0.5)
"""Prior mean and SD of ln slope; chosen: most published Hill slopes lie within a factor of two of 1."""
LOGIT_PLATEAU: Final = (-1.5, 1.7)
"""Prior mean and SD of logit plateau; chosen: one curve in five never reaches one half, one in six ends below 0.04."""
LN_SCALE_SD: Final = 0.4
"""Prior SD of ln of a curve's own noise over that of its plate; chosen: a factor of two either way."""


@dataclass(frozen=True)
class Prior:
    """What is believed of curves measured at some doses.

    Attributes:
        top_sd: prior SD of ln top; 0 holds the top at 1.
        lowest: ln dose in µM.
        highest: ln dose in µM.
    """

    top_sd: float
    lowest: float
    highest: float

    @property
    def midpoint_sd(self) -> float:
        """Prior SD of the midpoint, ln units."""
        return MIDPOINT_SD[0] + MIDPOINT_SD[1] * (self.highest - self.lowest)

    def curves(self, z: Floats) -> Curves:
        """Parameters of standard normal coordinates (5, ...), in the order of `COORDINATES`."""
        return Curves(
            midpoint=self.highest + self.midpoint_sd * z[1],
            slope=np.exp(LN_SLOPE[0] + LN_SLOPE[1] * z[2]),
            plateau=_logistic(LOGIT_PLATEAU[0] + LOGIT_PLATEAU[1] * z[3]),
            top=np.exp(self.top_sd * z[4]),
            scale=np.exp(LN_SCALE_SD * z[0]),
        )


@dataclass(frozen=True)
class Curves:
    """Parameters of curves, all of one shape.

    Attributes:
        midpoint: ln EC50, ln(µM).
        slope: Hill's, above 0.
        plateau: viability at infinite dose, between 0 and 1.
        top: signal without drug, over that of the controls.
        scale: noise over that of the plate.
    """

    midpoint: Floats
    slope: Floats
    plateau: Floats
    top: Floats
    scale: Floats

    def viability(self, ln_dose: Floats | float) -> Floats:
        """What the drug leaves at a dose that broadcasts against the parameters: 1 is no effect."""
        return 1 - (1 - self.plateau) * _logistic(self.slope * (ln_dose - self.midpoint))

    def signal(self, ln_dose: Floats | float) -> Floats:
        """What wells show at a dose: viability times the top."""
        return self.top * self.viability(ln_dose)

    def ln_ic50(self) -> Floats:
        """Where viability is one half, ln(µM); infinite where it never is."""
        return self.ln_dose_at(0.5)

    def ln_dose_at(self, viability: Floats | float) -> Floats:
        """Where viability has a value below 1, ln(µM); infinite where it never falls so far.

        It has it where s(a) = (1 - viability) / (1 - plateau), so that a = ln((1 - viability) / (viability - plateau)).
        """
        reaches = self.plateau < viability
        odds = (1 - viability) / np.where(reaches, viability - self.plateau, 1)
        return np.where(reaches, self.midpoint + np.log(odds) / self.slope, np.inf)

    def area(self, lowest: Floats | float, highest: Floats | float) -> Floats:
        """Mean viability over ln doses between two: AUC as a fraction, 1 where the drug does nothing.

        The integral of s(h (x - m)) is ln(1 + exp(h (x - m))) / h.
        """
        above = np.logaddexp(0, self.slope * (highest - self.midpoint))
        below = np.logaddexp(0, self.slope * (lowest - self.midpoint))
        return 1 - (1 - self.plateau) * (above - below) / (self.slope * (highest - lowest))


def _logistic(a: Floats) -> Floats:
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and 1 / (1 + inf) is 0
        return 1 / (1 + np.exp(-a))
