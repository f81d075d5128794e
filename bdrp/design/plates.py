"""A batch on plates: one line a plate, a drug takes a column, and lines that share drugs are thawed together.

A column of a plate holds the doses of one drug. Within a thaw a drug takes the same column of the same plate on every
line, so that a source plate is made once; drugs that no line of the thaw has both of may share a column, which is a
greedy colouring of the graph of drugs that meet on a line (Welsh & Powell 1967, doi:10.1093/comjnl/10.1.85). Drugs of
most lines come first, so that lines of few drugs need the first plate alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import pandas as pd

from bdrp.errors import DataError

COLUMNS: Final = ("thaw", "plate", "cell_line_id", "line_name", "column", "wells", "content", "drug_id", "drug_name")
DRUG, CONTROL = "drug", "control"


@dataclass(frozen=True)
class Format:
    """Rows and columns of a plate, of which the first and the last hold controls."""

    name: str
    rows: int
    columns: int

    @property
    def for_drugs(self) -> int:
        """Columns that drugs can take."""
        return self.columns - 2

    def wells(self, column: int) -> str:
        """All wells of a column, as they are named: `A2-H2`."""
        return f"A{column}-{chr(ord('A') + self.rows - 1)}{column}"


FORMATS: Final = {each.name: each for each in (Format("96", 8, 12), Format("384", 16, 24))}


def find_format(name: str) -> Format:
    """The plate of that name.

    Raises:
        DataError: there is none.
    """
    if name not in FORMATS:
        raise DataError(f"There is no plate of {name!r} wells. Allowed: {', '.join(FORMATS)}. Choose one.")
    return FORMATS[name]


def lay_out(batch: pd.DataFrame, plate: Format, lines_a_thaw: int) -> pd.DataFrame:
    """A row a column of a plate that holds something: `COLUMNS`.

    Args:
        batch: cell_line_id, line_name, drug_id and drug_name of each pair.
        plate: how large plates are.
        lines_a_thaw: how many lines are thawed together at most.
    """
    by_line = {str(line): set(drugs) for line, drugs in batch.groupby("cell_line_id", sort=False)["drug_id"]}
    drug_names = dict(zip(batch["drug_id"], batch["drug_name"], strict=True))
    line_names = dict(zip(batch["cell_line_id"], batch["line_name"], strict=True))
    rows: list[tuple[object, ...]] = []
    plates = 0
    for thaw, lines in enumerate(group_lines(by_line, lines_a_thaw), 1):
        slots = assign_slots({line: by_line[line] for line in lines})
        for line in lines:
            taken = {slots[drug]: drug for drug in by_line[line]}
            for number in sorted({slot // plate.for_drugs for slot in taken}):
                plates += 1
                of_plate = thaw, plates, line, line_names[line]
                rows += [
                    (*of_plate, column, plate.wells(column), content, drug, drug_names.get(drug, ""))
                    for column, content, drug in _columns(taken, number, plate)
                ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def group_lines(by_line: Mapping[str, set[str]], most: int) -> list[list[str]]:
    """Lines that are thawed together: after the one of most drugs, those that share most with what is there."""
    left, groups = dict(by_line), list[list[str]]()
    while left:
        first = max(left, key=lambda line: len(left[line]))
        group, drugs = [first], left.pop(first)
        while left and len(group) < most:
            nearest = max(left, key=partial(_shared, left, drugs))
            group.append(nearest)
            drugs = drugs | left.pop(nearest)
        groups.append(group)
    return groups


def _shared(left: Mapping[str, set[str]], drugs: set[str], line: str) -> tuple[int, int]:
    """How many of some drugs a line has, and how few others."""
    return len(left[line] & drugs), -len(left[line] - drugs)


def assign_slots(by_line: Mapping[str, set[str]]) -> dict[str, int]:
    """A slot for each drug, 0 and on, of which no line has two drugs in one; low ones for drugs of many lines."""
    meets: dict[str, set[str]] = {}
    for drugs in by_line.values():
        for drug in drugs:
            meets.setdefault(drug, set()).update(drugs - {drug})
    lines = Counter(drug for drugs in by_line.values() for drug in drugs)
    slots: dict[str, int] = {}
    for drug in sorted(meets, key=lambda one: (-lines[one], -len(meets[one]), one)):
        used = {slots[other] for other in meets[drug] if other in slots}
        slots[drug] = next(slot for slot in range(len(meets)) if slot not in used)
    return slots


def _columns(taken: Mapping[int, str], number: int, plate: Format) -> list[tuple[int, str, str]]:
    """Column, content and drug of one plate of a line, the `number`-th of its thaw's plates."""
    first = number * plate.for_drugs
    drugs = [(slot - first + 2, DRUG, taken[slot]) for slot in sorted(taken) if 0 <= slot - first < plate.for_drugs]
    return [(1, CONTROL, ""), *drugs, (plate.columns, CONTROL, "")]
