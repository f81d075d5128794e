"""Decisions from a file, checked against the model and the pairs that they are about; all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.errors import DataError
from bdrp.fitted.identity import ModelIdentity
from bdrp.predictive.distribution import KEYS
from bdrp.triage.decision import DECISIONS, FIELDS
from bdrp.triage.review.answer_file import read_answers
from bdrp.triage.review.cells import ERROR_VALUES, IdMatcher, parse_decision, parse_model, parse_time
from bdrp.triage.review.measured import read_measured

SHOWN: Final = 10
"""Rows that a refusal names."""


@dataclass(frozen=True)
class Asked:
    """What decisions may be about.

    Attributes:
        model: the model whose predictions were reviewed.
        pairs: cell_line_id and drug_id of the predictions that the queue was made of; None allows every pair of a line
            and a drug that the model was trained on.
        earlier: digests of the models that it was updated from, whose queues may still be answered.
    """

    model: ModelIdentity
    pairs: pd.DataFrame | None = None
    earlier: tuple[str, ...] = ()


def read_decisions(path: Path | str, asked: Asked, *, reviewer: str = "") -> pd.DataFrame:
    """The decisions of a file, in its order.

    Args:
        path: the queue with its decision columns filled (.csv, .xlsx, .jsonl), or an export of the review page or of
            Label Studio (.json).
        asked: what they may be about.
        reviewer: who decided, where a row does not say.

    Returns:
        A row a decision with `FIELDS`, all text; rows in which nothing is written are left out.

    Raises:
        DataError: naming every row that cannot be used; see `bdrp.triage.review.cells` for what is looked at.
    """
    path = Path(path)
    rows = read_answers(path)
    rows["reviewer"] = rows["reviewer"].where(rows["reviewer"] != "", reviewer.strip())
    reader = _RowReader(asked)
    checked, wrong = [], []
    for row in rows.to_dict(orient="records"):
        decision, problems = reader.read({str(name): str(value) for name, value in row.items()})
        checked.append(decision)
        wrong += [(int(row["row"]), decision, problem) for problem in problems]
    wrong += _contradictions(checked, rows["row"].tolist())
    if wrong:
        raise _refused(path, wrong, asked)
    return pd.DataFrame(checked, columns=list(FIELDS), dtype="str")


class _RowReader:
    def __init__(self, asked: Asked) -> None:
        model, pairs = asked.model, asked.pairs
        known = {name: set(pairs[name].astype(str)) for name in KEYS} if pairs is not None else {}
        self.ids = {
            "cell_line_id": IdMatcher("cell line", known.get("cell_line_id", model.lines)),
            "drug_id": IdMatcher("drug", known.get("drug_id", model.drugs)),
        }
        self.pairs = None if pairs is None else set(pairs[list(KEYS)].astype(str).itertuples(index=False, name=None))
        self.digests = (model.digest, *asked.earlier)
        self.measure = model.measure

    def read(self, row: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """The row with every cell as it is recorded, and what is wrong with it."""
        problems = [f"{name} holds {row[name]}, a spreadsheet's error" for name in FIELDS if row[name] in ERROR_VALUES]
        if problems:
            return dict(row), problems
        parsers: dict[str, Callable[[str], str]] = {
            **{name: matcher.match for name, matcher in self.ids.items()},
            "decision": parse_decision,
            "time": parse_time,
            "model": lambda cell: parse_model(cell, self.digests),
            "reviewer": _required_reviewer,
        }
        read = {name: row[name] for name in FIELDS}
        for name, parse in parsers.items():
            try:
                read[name] = parse(row[name])
            except ValueError as error:
                problems.append(str(error))
        pair = read["cell_line_id"], read["drug_id"]
        if not problems and self.pairs is not None and pair not in self.pairs:
            problems.append("this pair is not among the predictions")
        return read, problems + self._measured_problems(row)

    def _measured_problems(self, row: Mapping[str, str]) -> list[str]:
        if not row["measured"]:
            return []
        try:
            read_measured(row["measured"], row["measured_unit"], self.measure)
        except ValueError as error:
            return [str(error)]
        return []


def _required_reviewer(cell: str) -> str:
    if not cell:
        raise ValueError("nobody is named as reviewer")
    return cell


def _contradictions(checked: list[dict[str, str]], rows: list[int]) -> list[tuple[int, dict[str, str], str]]:
    """Rows in which one reviewer decides on one pair at one time again, and otherwise."""
    seen: dict[tuple[str, ...], tuple[int, str]] = {}
    found = []
    for row, one in zip(rows, checked, strict=True):
        key = one["reviewer"].casefold(), one["time"], one["cell_line_id"], one["drug_id"]
        first, before = seen.setdefault(key, (row, one["decision"]))
        if before != one["decision"]:
            found.append((row, one, f"{one['reviewer']} says {one['decision']}, and {before} in row {first}"))
    return found


def _refused(path: Path, wrong: list[tuple[int, dict[str, str], str]], asked: Asked) -> DataError:
    bad = len({row for row, _, _ in wrong})
    shown = "; ".join(
        f"row {row} ({one['cell_line_id'] or 'no line'} with {one['drug_id'] or 'no drug'}): {problem}"
        for row, one, problem in sorted(wrong, key=lambda entry: entry[0])[:SHOWN]
    )
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    problems = " ".join(problem for _, _, problem in wrong)
    allowed = [f"decisions {', '.join(DECISIONS)}"]
    if "is not known" in problems:
        whose = "the pairs of the predictions" if asked.pairs is not None else "lines and drugs that the model knows"
        allowed.append(whose)
    if "about another model" in problems:
        allowed.append("the model " + " or ".join(one[:12] for one in (asked.model.digest, *asked.earlier)))
    remedies = ["Correct these rows and read the file again"]
    if "is not known" in problems and asked.pairs is None:
        remedies.append("if the queue was of new lines or drugs, give the --predictions that it was made of")
    if "about another model" in problems:
        remedies.append("name a model that this one was updated from with --earlier")
    if "nobody is named" in problems:
        remedies.append("name who decided with --reviewer")
    return DataError(
        f"{path.name} has {bad} rows that cannot be used, and nothing was recorded (row 1 is the first below the "
        f"header): {shown}{more}. Allowed: {'; '.join(allowed)}. {'; '.join(remedies)}."
    )
