"""Responses as text on the tested dose range: three digits, and no number where no assay could have seen one."""

from __future__ import annotations

from bdrp.predictive.readable import ReadableUnit, write_number


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

    >>> import math
    >>> micromolar = ReadableUnit("ln(µM)")
    >>> [write_response(ln, math.log(0.01), math.log(10), micromolar) for ln in (-9.0, 0.0, 5.0)]
    ['< 0.01', '1.00', '> 10']
    """
    if unit.is_logarithm and response > upper:
        return f"> {write_limit(float(unit.read(upper)))}"
    if unit.is_logarithm and response < lower:
        return f"< {write_limit(float(unit.read(lower)))}"
    return write_number(float(unit.read(response)))
