"""What the updates of a model changed of an answer: what was measured since the fit, and each pair before and after."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.profiles import Profiles
from bdrp.errors import BdrpWarning
from bdrp.fitted.laboratory import OTHER, SAME
from bdrp.fitted.measurements import Update
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.updates import with_measurements
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats
from bdrp.report import words
from bdrp.report.answers import groups
from bdrp.report.answers.yardsticks import Yardstick, find_chances

KEYS: Final = ["cell_line_id", "drug_id"]


@dataclass(frozen=True)
class Changes:
    """What a model knows since its fit.

    Attributes:
        history: the updates, in their order.
        measured: all rows of them; cell_line_id, drug_id, response, lower_limit, upper_limit, and update, which counts
            from 0.
        before: what was predicted of the pairs of an answer without any of them.
    """

    history: tuple[Update, ...]
    measured: pd.DataFrame
    before: PredictiveDistribution

    def count(self, pairs: pd.DataFrame) -> Floats:
        """(N,) how many measurements of each pair the updates hold."""
        counts = self.measured.groupby(KEYS).size()
        return np.nan_to_num(counts.reindex(pd.MultiIndex.from_frame(pairs[KEYS])).to_numpy(float))

    def of(self, column: str, key: str) -> pd.DataFrame:
        """The rows of one line or one drug."""
        return self.measured[self.measured[column] == key]

    def describe(self, column: str, key: str) -> str:
        """How many measurements there are, of all and of one line or drug, and since when."""
        own = int((self.measured[column] == key).sum())
        what = "line" if column == "cell_line_id" else "drug"
        return (
            f"Since its fit the model was updated {words.count(len(self.history), 'time')}, last on "
            f"{self.history[-1].added[:10]}, with {words.count(len(self.measured), 'measurement')}: {own:,} of this "
            f"{what}."
        )


def find_changes(
    model: TrainedModel,
    drugs: pd.DataFrame,
    profiles: Profiles,
    pairs: pd.DataFrame,
    cell_lines: pd.DataFrame | None = None,
    match: str | None = None,
) -> Changes | None:
    """The updates of a model and what it predicted before them; None for one that was never updated.

    A model that was updated with another laboratory's measurements predicted for any other before.

    Args:
        model: perhaps updated.
        drugs: as in `TrainedModel.predict`.
        profiles: likewise.
        pairs: of the answer.
        cell_lines: likewise.
        match: likewise.
    """
    measured = model.measurements
    if measured is None:
        return None
    fitted, laboratory = with_measurements(model, None), SAME if measured.laboratory is None else OTHER
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)  # the updated model has warned of the same tables
        before = fitted.predict(drugs, profiles, pairs, cell_lines, laboratory, match).distribution
    return Changes(measured.history, measured.rows, before)


def compare(pairs: pd.DataFrame, changes: Changes, yardstick: Yardstick, sure: float) -> pd.DataFrame:
    """Pairs with chance_before, rank_before (1 the first) and since (measurements since the fit), in the same order."""
    chance = find_chances(changes.before, yardstick)
    place = np.array([groups.GROUPS.index(group) for group in groups.assign(chance, sure)])
    order = np.lexsort(
        (pairs["drug_id"], pairs["cell_line_id"], changes.before.quantile(0.5), -np.nan_to_num(chance, nan=-1.0), place)
    )
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(1, len(order) + 1)
    return pairs.assign(chance_before=chance, rank_before=rank, since=changes.count(pairs))
