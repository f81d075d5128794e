"""Cells as people and spreadsheets leave them: ids that were mangled, times, decisions in other words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from bdrp.data.identifiers import clean_id
from bdrp.files.tables import neutralised
from bdrp.triage.decision import DECISIONS

ERROR_VALUES: Final = frozenset({"#NAME?", "#REF!", "#VALUE!", "#N/A", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!"})
"""What a spreadsheet puts where a formula failed."""
LEAST_DIGEST: Final = 12
"""Hexadecimal digits by which a model may be named; chosen: two models of a house agree in 48 bits by no accident."""

YEARS: Final = (2000, 2100)
"""Between which decisions are made; chosen: beyond lie slips of the keyboard, which would decide who spoke last."""

_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_DATE: Final = re.compile(r"\d{1,2}[-. ][A-Za-zäé]{3,4}\.?|[A-Za-z]{3}[- ]\d{1,2}|\d{4}-\d{2}-\d{2}[ T]00:00:00")
_DAY_NUMBER: Final = re.compile(r"\d{5}(?:[.,]\d+)?")


class IdMatcher:
    """Finds the id that a cell means among those that are known, and says what became of it otherwise.

    Args:
        what: the ids are of: "cell line" or "drug".
        known: the ids.
    """

    def __init__(self, what: str, known: Iterable[str]) -> None:
        self.what = what
        self.known = {form: one for one in known for form in (neutralised(clean_id(one)), clean_id(one), one)}

    def match(self, cell: str) -> str:
        """The known id; an apostrophe that stands before a formula in bdrp's own tables is none of it.

        Raises:
            ValueError: there is none, saying what a spreadsheet may have made of it.
        """
        if cell in self.known:
            return self.known[cell]
        if not cell:
            raise ValueError(f"there is no {self.what}")
        raise ValueError(f"the {self.what} {_shortened(cell)!r} is not known{self._hint(cell)}")

    def _hint(self, cell: str) -> str:
        if _DATE.fullmatch(cell):
            return "; a spreadsheet took it for a date"
        if _ROUNDED.fullmatch(cell):
            return "; a spreadsheet rounded it"
        zeros = [one for one in self.known if one.lstrip("0") == cell and one != cell]
        if zeros:
            return f"; a spreadsheet dropped the zeros of {zeros[0]}"
        near = next((one for one in self.known if one.casefold() == cell.casefold()), None)
        return f"; did you mean {near}?" if near else ""


def parse_decision(cell: str) -> str:
    """The decision that a cell names, whatever its case.

    Raises:
        ValueError: it names none.
    """
    word = cell.casefold()
    if word in DECISIONS:
        return word
    if not word:
        raise ValueError("something is written and no decision; if there is none yet, write skip")
    near = get_close_matches(word, DECISIONS, 1)
    raise ValueError(f"there is no decision {_shortened(cell)!r}" + (f"; did you mean {near[0]}?" if near else ""))


def parse_time(cell: str) -> str:
    """An ISO 8601 time in UTC, "" if none was noted; a time without a zone is one in UTC.

    Raises:
        ValueError: it is no such time.

    >>> parse_time("2026-03-01T12:30:00+02:00"), parse_time("2026-03-01")
    ('2026-03-01T10:30:00Z', '2026-03-01T00:00:00Z')
    """
    if not cell:
        return ""
    try:
        time = datetime.fromisoformat(cell)
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        if not YEARS[0] <= time.year < YEARS[1]:
            raise ValueError(f"the year {time.year}")
    except (ValueError, OverflowError):
        hint = "; a spreadsheet made a day's number of it" if _DAY_NUMBER.fullmatch(cell) else ""
        raise ValueError(f"{_shortened(cell)!r} is no ISO time such as 2026-03-01T10:30:00Z{hint}") from None
    return time.isoformat().replace("+00:00", "Z")


def parse_model(cell: str, digests: Iterable[str]) -> str:
    """The digest of the model that a decision is about, from its first 12 digits or more; "" if none was noted.

    Raises:
        ValueError: it is of another model.
    """
    if not cell:
        return ""
    found = [one for one in digests if len(cell) >= LEAST_DIGEST and one.startswith(cell.lower())]
    if not found:
        raise ValueError(f"it is about another model, {_shortened(cell)}")
    return found[0]


def _shortened(cell: str, most: int = 40) -> str:
    return cell if len(cell) <= most else f"{cell[: most - 3]}..."
