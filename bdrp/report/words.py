"""Numbers as people read them, and the sentences that the report opens with."""

from __future__ import annotations

import math
import re
from typing import Final

MISSING: Final = "–"
_MINUS: Final = "\u2212"


def number(value: object, digits: int = 3) -> str:
    """A number with `digits` decimals (fewer for large ones), thousands separated; a dash where there is none.

    >>> number(1234.5), number(-0.12345), number(float("nan")), number(7)
    ('1,234', '−0.123', '–', '7')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return MISSING if value is None else str(value)
    if not math.isfinite(value):
        return MISSING
    if isinstance(value, int):
        text = f"{value:,}"
    elif abs(value) >= 1000:
        text = f"{value:,.0f}"
    elif 0 < abs(value) < 0.5 * 10**-digits:
        text = f"{value:.1g}"
    else:
        text = f"{value:,.{digits}f}"
    return text.replace("-", _MINUS)


def signed(value: float, digits: int = 2) -> str:
    """A number that is added, with its sign: "+0.25".

    >>> signed(0.254), signed(-1.5, 1)
    ('+0.25', '−1.5')
    """
    return f"{value:+.{digits}f}".replace("-", _MINUS)


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as a percentage with a narrow space, as in "89.6 %".

    >>> percent(0.8957).replace(chr(0x202F), " "), percent(None)
    ('89.6 %', '–')
    """
    if fraction is None or not math.isfinite(fraction):
        return MISSING
    return f"{100 * fraction:.{digits}f}\u202f%".replace("-", _MINUS)


def count(many: int, one: str, several: str | None = None) -> str:
    """A number with its noun: `count(1, "pair")` is "1 pair", `count(31000, "pair")` "31,000 pairs"."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def spaced(name: object) -> str:
    """A name of the code in words: `spaced("cell_line")` is "cell line"."""
    return str(name).replace("_", " ")


def by(split: object) -> str:
    """How a split was made: `by("cell_line")` is "by cell line"."""
    return f"by {spaced(split)}"


def heading(name: object) -> str:
    """A name of the code as it stands above a column or before a value: `heading("cell_lines")` is "Cell lines"."""
    text = spaced(name)
    return text[:1].upper() + text[1:]


def missing(absent: int, fits: int) -> str:
    """What a page begins with where not all fits have finished."""
    rest = "results rest on the others" if absent < fits else "there are no results yet"
    return f"{absent:,} of {fits:,} fits are missing; {rest}."


def printable(text: object) -> str:
    """A name as a page can hold it: what XML forbids, and what turns the text around a name about, become spaces."""
    forbidden = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
    turning = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Unicode's directional formatting characters
    return re.sub(f"[{forbidden}{turning}]", " ", str(text))


def joined(text: str) -> str:
    """The text with its percent signs tied to their numbers, so that no line starts with one."""
    return text.replace(" %", "\u202f%")


def exact(value: float) -> str:
    """A number in full, as scores.json writes it."""
    return repr(value)
