"""Numbers as people and programs write them: 1,5 and 1'234.5 and 5·10⁻³, each column in one manner or not read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

GAPS: Final = frozenset(
    {
        *("", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "?", "na", "n.a.", "n/a", "nan", "nd", "n.d."),
        *("n/d", "nil", "none", "null", "nothing", "missing", "nat", "<na>", "not available", "not determined"),
        *("not tested", "not measured", "nt", "n.t.", "#n/a", "#na", "#num!", "#value!", "#ref!", "#div/0!", "#name?"),
        *("#null!", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"),
    }
)
"""Cells that say that there is no number, in lower case. `no fit` and `inactive` say more, and are none of them."""
COMMAS: Final = (
    "Commas are read where all cells of a column use them for decimals (1,5), or all for thousands (1,234.5); 1,234 "
    "may be either: write points."
)
"""What to say of cells with commas that are not read."""
_MINUS: Final = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{NON-BREAKING HYPHEN}", "-"))
_RAISED: Final = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_SPACES: Final = r"[ \u00a0\u2007\u2009\u202f']"
_POWER: Final = re.compile(r"\s*[x×·⋅*]\s*10\s*\^?\s*\(?([+-]?\d+)\)?$", re.IGNORECASE)
_EXPONENT: Final = re.compile(r"\s*[eEdD]\s*([+-]?\d+)$")
_GROUPED: Final = re.compile(rf"(?<=\d){_SPACES}(?=\d{{3}}(?!\d))")
_POINT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_THOUSANDS_OF_POINTS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")


def read_numbers(cells: pd.Series) -> npt.NDArray[np.float64]:
    """Numbers of the cells of one column; NaN of cells that hold none.

    A comma is a decimal comma, or one of thousands, by what all cells of the column say together: where these allow
    both, as 1,234 alone does, or contradict each other, cells with commas are not read.

    >>> read_numbers(pd.Series(["1,5", "0,25", "3"])).tolist()
    [1.5, 0.25, 3.0]
    >>> read_numbers(pd.Series(["1,234.5", "5·10⁻³", "1,234", "7 e-2"])).tolist()
    [1234.5, 0.005, 1234.0, 0.07]
    >>> read_numbers(pd.Series(["1,234", "2,345"])).tolist()
    [nan, nan]
    """
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
    if not (np.isnan(numbers) & ~is_gap(cells)).any():
        return numbers
    held = np.flatnonzero(cells.notna().to_numpy())
    written = [_plain_form(str(cells.iloc[at])) for at in held]
    to_point = _convention(written)
    for at, one in zip(held, written, strict=True):
        turned = to_point(one)
        if _POINT.fullmatch(turned):
            numbers[at] = float(turned)
    return numbers


def is_gap(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Whether each cell says that there is no number.

    >>> is_gap(pd.Series(["n.d.", "#DIV/0!", None, "0", "inactive"])).tolist()
    [True, True, True, False, False]
    """
    texts = cells.where(cells.notna(), "").astype("str").str.strip().str.lower()
    return np.asarray(texts.isin(GAPS).to_numpy(), bool)


def _plain_form(cell: str) -> str:
    """A cell with plain signs, an `e` before its exponent, and without spaces and apostrophes between thousands."""
    text = cell.strip().translate(_MINUS)
    raised = re.sub(r"10([⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹]+)$", lambda found: "10^" + found[1].translate(_RAISED), text)
    return _GROUPED.sub("", _EXPONENT.sub(r"e\1", _POWER.sub(r"e\1", raised)))


def _convention(written: list[str]) -> Callable[[str], str]:
    """How the cells of a column are turned to points: commas as decimal commas, as thousands, or not at all."""
    commas = [one for one in written if "," in one]
    points = [one for one in written if "." in one and "," not in one]
    if not commas:
        return _as_it_is
    if all(map(_THOUSANDS.fullmatch, commas)):  # 1,234 alone may be either
        return _without_commas if any("." in one or one.count(",") > 1 for one in commas) else _as_it_is
    if all(map(_COMMA.fullmatch, commas)):
        return _as_it_is if points else _with_decimal_comma
    of_points = all(_COMMA.fullmatch(one) or _THOUSANDS_OF_POINTS.fullmatch(one) for one in commas)
    return _with_decimal_comma if of_points and all(map(_THOUSANDS_OF_POINTS.fullmatch, points)) else _as_it_is


def _as_it_is(cell: str) -> str:
    return cell


def _without_commas(cell: str) -> str:
    return cell.replace(",", "")


def _with_decimal_comma(cell: str) -> str:
    return cell.replace(".", "").replace(",", ".")
