"""What became of the parts of several screens when they were joined: counted, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from bdrp.data.identifiers import listed

SHOWN: Final = 10
"""Examples that an entry keeps."""


@dataclass(frozen=True)
class Entry:
    """One count of a report.

    Attributes:
        screen: whose.
        what: lines, drugs, genes or responses.
        outcome: matched (with an earlier screen), apart (in no earlier screen), merged, kept, mended, or dropped.
        reason: in words.
        count: how many.
        examples: the first few of them.
    """

    screen: str
    what: str
    outcome: str
    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What became of the lines, drugs, genes and responses of every screen."""

    entries: tuple[Entry, ...]

    def count(self, screen: str, what: str, outcome: str) -> int:
        """How many, over all reasons."""
        kept = (entry for entry in self.entries if (entry.screen, entry.what, entry.outcome) == (screen, what, outcome))
        return sum(entry.count for entry in kept)

    def table(self) -> pd.DataFrame:
        """A row an entry: screen, what, outcome, reason, count, examples."""
        rows = [{**vars(entry), "examples": listed(entry.examples, 5)} for entry in self.entries]
        return pd.DataFrame(rows, columns=list(Entry.__dataclass_fields__))

    def sentences(self, screen: str) -> tuple[str, ...]:
        """The entries of one screen in words."""
        return tuple(
            f"{entry.count:,} {entry.what} {entry.outcome}: {entry.reason}"
            f"{f' ({listed(entry.examples, 5)})' if entry.examples else ''}."
            for entry in self.entries
            if entry.screen == screen
        )


@dataclass
class Tally:
    """Entries as they come in."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, screen: str, what: str, outcome: str, reason: str, which: Sequence[str]) -> None:
        """Count `which`; nothing is written where it is empty."""
        if which:
            self.entries.append(Entry(screen, what, outcome, reason, len(which), tuple(which[:SHOWN])))
