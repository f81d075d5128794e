"""Drugs ranked for a line, or lines for a drug: what a model predicts, how sure it is, and what was measured nearby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from bdrp.display import Displayed
from bdrp.predictive import ReadableUnit
from bdrp.report import words
from bdrp.report.answers.changes import Changes
from bdrp.report.answers.groups import GROUPS, SURE
from bdrp.report.answers.track_record import TrackRecord
from bdrp.report.answers.yardsticks import Yardstick

About = Literal["line", "drug"]
KEYS: Final = ["cell_line_id", "drug_id"]


@dataclass(frozen=True, repr=False)
class Answer(Displayed):
    """Pairs in the order of an answer, with what is known of each.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> found = bdrp.answer(tiny_model(), tiny_screen(), drug="D001")
        >>> found.about, len(found.pairs)
        ('drug', 36)

    Attributes:
        about: what was asked about: a line (its drugs are ranked) or a drug (its lines are).
        key, name: id and name of what was asked about.
        pairs: N rows, the first the surest to be active. cell_line_id, line_name, tissue, drug_id, drug_name; group,
            chance (of being active), threshold; q05, q50, q95, lower_limit, upper_limit and measured, in the
            measure's unit; share_above (of the lines measured with the drug); drug_similarity,
            line_distance_percentile; near_lines and near_drugs, tuples of `Neighbour`; with `changes` chance_before,
            rank_before and since (how many measurements the updates hold of the pair).
        near: the nearest other lines of the line that was asked about, or the nearest other drugs of the drug: a row
            each, id, name, near (distance of a line, similarity of a drug), measured (drugs or lines they share) and,
            of drugs, correlation (Spearman's, of their responses on shared lines).
        names: of lines and of drugs, by id.
        limits: lower_limit and upper_limit of the doses of every drug, by drug_id, in the measure's unit.
        unit: in which responses are read.
        measure: what they are, such as "IC50".
        yardstick: what counts as active.
        sure: the probability from which an answer is sure.
        record: on held-out responses; None where there are none.
        sources: what it was made of, by what it is called: the model, the screen, the laboratory.
        has_neighbours: whether nearest lines could be looked up.
        changes: what updates of the model brought; None where there were none.
    """

    about: About
    key: str
    name: str
    pairs: pd.DataFrame
    near: pd.DataFrame
    names: Mapping[str, pd.Series]
    limits: pd.DataFrame
    unit: ReadableUnit
    measure: str
    yardstick: Yardstick
    sure: float = SURE
    record: TrackRecord | None = None
    sources: Mapping[str, Any] | None = None
    has_neighbours: bool = True
    changes: Changes | None = None

    def __repr__(self) -> str:
        """One line: what was asked, and how many pairs are in each group."""
        counts = ", ".join(f"{count} {group}" for group, count in self.counts().items())
        return f"Answer({self.about} {self.name}: {counts})"

    @cached_property
    def doses(self) -> Mapping[str, tuple[float, float]]:
        """The lowest and highest tested dose by drug_id, in the measure's unit; NaN where not known."""
        lows, highs = self.limits["lower_limit"].tolist(), self.limits["upper_limit"].tolist()
        return dict(zip(self.limits.index.astype(str), zip(lows, highs, strict=True), strict=True))

    @property
    def column(self) -> str:
        """The column of ids of what was asked about."""
        return KEYS[0] if self.about == "line" else KEYS[1]

    @property
    def noun(self) -> str:
        """What is ranked, in the plural."""
        return "drugs" if self.about == "line" else "lines"

    def count(self, many: int) -> str:
        """So many of what is ranked: "1 drug", "21 drugs"."""
        return words.count(many, self.noun[:-1])

    def counts(self) -> dict[str, int]:
        """How many pairs are in each group."""
        held = self.pairs["group"].value_counts()
        return {group: int(held.get(group, 0)) for group in GROUPS}


def rank(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs in the order of an answer: by group, within it by probability, ties by the predicted median, then by id."""
    place = pairs["group"].map({group: at for at, group in enumerate(GROUPS)})
    order = np.lexsort((pairs["drug_id"], pairs["cell_line_id"], pairs["q50"], -pairs["chance"].fillna(-1), place))
    return pairs.iloc[order].reset_index(drop=True)
