"""What was found in the tables of a screen: understood, joined, doubtful, and to be changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from bdrp.data.identifiers import listed
from bdrp.data.profiles import column_noun
from bdrp.data.screen import Screen, is_censored
from bdrp.errors import BdrpWarning, DataError

Read = TypeVar("Read")


@dataclass(frozen=True)
class Meeting:
    """Which ids of one table another one knows.

    Attributes:
        what: which ids of which table are looked for where.
        known: ids that are there.
        unknown: ids that are not.
        unused: ids of the other table that nothing asks for.
    """

    what: str
    known: list[str]
    unknown: list[str]
    unused: list[str]

    @classmethod
    def of(cls, what: str, asked: Collection[str], held: Collection[str]) -> Meeting:
        """The ids that are asked for, and those that are held, each in its order."""
        wanted, there = dict.fromkeys(asked), dict.fromkeys(held)
        known = [one for one in wanted if one in there]
        unknown = [one for one in wanted if one not in there]
        return cls(what, known, unknown, [one for one in there if one not in wanted])

    def __str__(self) -> str:
        """Counts, with examples of what does not join."""
        lost = f"; not {listed(self.unknown)}" if self.unknown else ""
        more = f"; {len(self.unused):,} more there are not asked for ({listed(self.unused, 3)})" if self.unused else ""
        return f"{len(self.known):,} of {len(self.known) + len(self.unknown):,}{lost}{more}"


@dataclass
class Findings:
    """What was found.

    Attributes:
        understood: what each table is, in words.
        joined: what meets.
        notices: what was converted, dropped or mended.
        doubtful: what can be used, and is warned of.
        to_change: everything that a fit would refuse; empty where it would read the tables.
    """

    understood: dict[str, str] = field(default_factory=dict)
    joined: list[Meeting] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    to_change: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether a fit would read the tables."""
        return not self.to_change

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {"fits": self.fits} | asdict(self)

    def attempt(self, read: Callable[[], Read]) -> Read | None:
        """What `read` gives; None where it refuses, and the refusal is kept, each once, as warnings are."""
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", BdrpWarning)
            try:
                return read()
            except DataError as refusal:
                self.to_change = list(dict.fromkeys([*self.to_change, str(refusal)]))
                return None
            finally:
                self.doubtful = list(dict.fromkeys([*self.doubtful, *(str(one.message) for one in seen)]))

    def meet(self, what: str, asked: Collection[str], held: Collection[str]) -> None:
        """Keep which ids meet, and as something to change that none does."""
        meeting = Meeting.of(what, asked, held)
        self.joined.append(meeting)
        if not meeting.known:
            self.to_change.append(
                f"There are no {what}: the responses have ids like {listed(meeting.unknown, 3)}, the other table ids "
                f"like {listed(meeting.unused, 3)}. The same ids are needed; check that the files belong together."
            )

    def describe_screen(self, screen: Screen) -> None:
        """What a screen is that could be loaded."""
        rows, lines = screen.responses, screen.cell_lines
        pairs = len(rows[["cell_line_id", "drug_id"]].drop_duplicates())
        profiles = (
            f"{name} of {table.shape[0]:,} lines by {table.shape[1]:,} {column_noun(name)}s"
            for name, table in screen.profiles.items()
        )
        self.understood["screen"] = (
            f"{len(rows):,} responses ({screen.measure.label} in {screen.measure.unit}) of {pairs:,} pairs, "
            f"{len(lines):,} lines by {len(screen.drugs):,} drugs; {int(is_censored(rows).sum()):,} at or beyond a "
            f"limit; {'; '.join(profiles)}; tissue of {int((lines['tissue'] != 'unknown').sum()):,} lines known, "
            f"{lines['patient_id'].nunique():,} patients"
        )
        self.notices = list(dict.fromkeys([*self.notices, *screen.notices]))
