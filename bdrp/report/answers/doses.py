"""Responses as text on the tested dose range: three digits, and no number where no assay could have seen one."""

from __future__ import annotations

import math

from bdrp.predictive.readable import DIGITS, ReadableUnit


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


def write_limit(value: float) -> str:
    """A dose as a laboratory writes it: without zeros that say nothing.

    >>> write_limit(10.0), write_limit(0.05)
    ('10', '0.05')
    """
    text = write_number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_response(response: float, lower: float, upper: float, unit: ReadableUnit) -> str:
    """A response in the unit that is read; one beyond the tested doses as no more than that.

    Args:
        response: in the measure's unit, as the limits.
        lower: of the lowest tested dose; NaN where it is not known, and where responses are no concentrations.
        upper: of the highest.
        unit: to read it in.

    >>> micromolar = ReadableUnit("ln(µM)")
    >>> [write_response(ln, math.log(0.01), math.log(10), micromolar) for ln in (-9.0, 0.0, 5.0)]
    ['< 0.01', '1.00', '> 10']
    """
    if unit.is_logarithm and response > upper:
        return f"> {write_limit(float(unit.read(upper)))}"
    if unit.is_logarithm and response < lower:
        return f"< {write_limit(float(unit.read(lower)))}"
    return write_number(float(unit.read(response)))
