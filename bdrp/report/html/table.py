"""Tables as a page holds them: columns that know how their values are written, and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column's heading, and how its values are written.

    "number" with `digits` decimals, "share" in per cent, or "words", which may run over several lines.
    """

    label: str
    kind: str = "number"
    digits: int = 3


@dataclass(frozen=True)
class Table:
    """A titled table; the first column names the row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    caption: str = ""

    @classmethod
    def from_records(
        cls, title: str, columns: Mapping[str, Column], records: Iterable[Mapping[Any, Any]], caption: str = ""
    ) -> Table:
        """A row a record: `columns` says which of its entries are shown, in which order and how.

        Args:
            title: the table's title.
            columns: by the key of the entry that they show; the first names the row.
            records: such as `DataFrame.to_dict("records")`; each has every key, and may have more.
            caption: what stands above the table.

        >>> Table.from_records("Sizes", {"name": Column("Drug"), "n": Column("Pairs")}, [{"name": "A", "n": 3}]).rows
        (('A', 3),)
        """
        rows = tuple(tuple(record[key] for key in columns) for record in records)
        return cls(title, tuple(columns.values()), rows, caption)


def columns_of(*labels: str, kind: str = "number", digits: int = 3) -> tuple[Column, ...]:
    """Columns that are written alike, one a label."""
    return tuple(Column(label, kind, digits) for label in labels)
