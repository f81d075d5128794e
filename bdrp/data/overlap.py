"""What of a second screen was seen when a model was trained on the first: the split by data set."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import parent_of_each_response, patient_of_each_response
from bdrp.errors import DataError, SplitError

SEEN: Final = ("pair seen", "pair unseen", "line unseen", "drug unseen", "both unseen")
"""From the easiest to the hardest: the pair itself; line and drug, but not together; the drug alone; the line alone."""


def classify_overlap(train: Screen, test: Screen, rows: npt.NDArray[np.integer] | None = None) -> pd.DataFrame:
    """Mark the responses of `test` by what of them is in the responses of `train`; both from `harmonise`.

    A line counts as its patient, and a drug as its structure: a sister line of a patient in training is no new line.

    Args:
        train: the screen that a model is trained on.
        test: the screen that it is tested on.
        rows: positions of the responses of `train` that it learns from, such as `split.rows("train")`; all where None.

    Returns:
        One row a response of `test`: line_seen, drug_seen, pair_seen (bool) and seen, one of `SEEN` as a category.

    Raises:
        DataError: the screens are in different measures.
        SplitError: `rows` are no positions of responses.
    """
    if train.measure.name != test.measure.name:
        raise DataError(
            f"{train.name} is in {train.measure.name} and {test.name} in {test.measure.name}. One measure is needed; "
            "bring them to one with harmonise."
        )
    learned = _chosen(
        pd.DataFrame({"line": patient_of_each_response(train), "drug": parent_of_each_response(train)}), rows
    )
    asked = pd.DataFrame({"line": patient_of_each_response(test), "drug": parent_of_each_response(test)})
    marks = pd.DataFrame({f"{what}_seen": asked[what].isin(learned[what]) for what in ("line", "drug")})
    marks["pair_seen"] = pd.MultiIndex.from_frame(asked).isin(pd.MultiIndex.from_frame(learned))
    line, drug, pair = (marks[column].to_numpy() for column in ("line_seen", "drug_seen", "pair_seen"))
    classes = np.select([pair, line & drug, drug, line], SEEN[:4], SEEN[4])
    return marks.assign(seen=pd.Categorical(classes, categories=list(SEEN)))


def _chosen(learned: pd.DataFrame, rows: npt.NDArray[np.integer] | None) -> pd.DataFrame:
    if rows is None:
        return learned
    positions = np.asarray(rows)
    integers = np.issubdtype(positions.dtype, np.integer)
    if not integers or positions.size == 0 or positions.min() < 0 or positions.max() >= len(learned):
        raise SplitError(
            f"rows are {positions.size:,} values of {positions.dtype}. Positions of the training screen's responses, "
            f"0 to {len(learned) - 1:,}, are needed; take split.rows('train')."
        )
    return learned.iloc[positions]
