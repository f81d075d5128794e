"""How wells scatter about a curve: more where there is more signal, and with heavy tails.

    y ~ Student-t(4 degrees of freedom; f, scale * sqrt(floor^2 + (cv * f)^2))

`cv` is of wells with full signal, `floor` what is left where nothing is alive, as fractions of the controls' signal.
Heavy tails leave a well that went wrong little say in its curve, without anybody removing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bdrp.data.dose_response.curve import Floats

DEGREES: Final = 4.0
"""Of freedom; chosen: the usual robust likelihood (Gelman et al. 2013, Bayesian Data Analysis, section 17.2)."""


@dataclass(frozen=True)
class Noise:
    """The noise of a screen's wells and of its controls.

    Attributes:
        cv: scale at full signal.
        floor: scale at none.
        top_sd: SD of ln of what controls miss of the wells beside them.
    """

    cv: float
    floor: float
    top_sd: float

    def sd(self, signal: Floats) -> Floats:
        """The scale of wells about a signal, for a curve whose own scale is 1."""
        return np.sqrt(self.floor**2 + (self.cv * signal) ** 2)
