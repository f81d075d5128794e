"""Numbers as a person reads them: concentrations instead of their logarithms, three significant digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bdrp.predictive.distribution import Floats

DIGITS: Final = 3


@dataclass(frozen=True)
class ReadableUnit:
    """The unit in which responses of some unit are read: "ln(µM)" as µM, all others as they are.

    >>> ReadableUnit("ln(µM)").name, ReadableUnit("fraction of full viability").name
    ('µM', 'fraction of full viability')
    """

    unit: str

    @property
    def is_logarithm(self) -> bool:
        """Whether responses are logarithms of what is read."""
        return self.unit.startswith("ln(") and self.unit.endswith(")")

    @property
    def name(self) -> str:
        """The unit that is read."""
        return self.unit[3:-1] if self.is_logarithm else self.unit

    @property
    def suffix(self) -> str:
        """What the header of a column of concentrations ends in; nothing for other responses.

        >>> ReadableUnit("ln(µM)").suffix
        '_um'
        """
        return "_" + self.name.replace("µ", "u").lower() if self.is_logarithm else ""

    def read(self, responses: npt.ArrayLike) -> Floats:
        """Responses of any shape in the unit that is read.

        >>> ReadableUnit("ln(µM)").read([0.0, float("nan")])
        array([ 1., nan])
        """
        values = np.asarray(responses, dtype=np.float64)
        return np.exp(values) if self.is_logarithm else values


def round_significant(values: npt.ArrayLike, digits: int = DIGITS) -> Floats:
    """Numbers of any shape with that many significant digits; what is not finite stays.

    >>> round_significant([0.0123456, 1234.5, 0.0, float("nan")]).tolist()
    [0.0123, 1230.0, 0.0, nan]
    """
    numbers = np.asarray(values, dtype=np.float64)
    flat = [float(f"{number:.{digits - 1}e}") for number in numbers.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(numbers.shape)


def write_number(value: float, digits: int = DIGITS) -> str:
    """A number of three significant digits, without an exponent where that can be read.

    >>> write_number(0.0123456), write_number(1234.5), write_number(1.5e-7), write_number(float("nan"))
    ('0.0123', '1,230', '1.5e-07', '–')
    """
    if not math.isfinite(value):
        return "–"
    size = float(f"{value:.{digits - 1}e}")
    if size == 0 or not 1e-4 <= abs(size) < 1e6:
        return f"{size:.{digits}g}".replace("-", "−", 1) if size < 0 else f"{size:.{digits}g}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(size))), 0)
    return f"{size:,.{decimals}f}".replace("-", "−")
