"""A screen, a split of it, and both as tensors: what a fit, its recalibration and its test part need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.profiles import EXPRESSION, TISSUE
from bdrp.data.screen import LIMITS, Screen
from bdrp.data.splits import BY, Split
from bdrp.data.splits.clusters import assign_clusters
from bdrp.data.splits.leaks import held_out_kind
from bdrp.display import Displayed
from bdrp.errors import SplitError
from bdrp.features import batch as features
from bdrp.features.batch import Batch, Pairs

# What is unlike between two parts of a split is also what pairs of one part share: lines of an unseen tissue err
# together, as ids of an unseen compound do. Pairs held out at random share nothing. Of unseen lines with unseen drugs
# lines are counted: a map that compounds choose is worse (docs/tried.md).
ERR_AS_ONE = {"pair": None, "both": "cell_line"}
LEAST_CALIBRATION_ROWS = 2  # rows: fewer fit no recalibration


@dataclass(frozen=True, repr=False)
class CalibrationRows(Displayed):
    """Rows that the weights have not seen.

    Attributes:
        pairs: n of them, with their responses.
        clusters: (n,) the group that errs as one: what the split holds out; None where pairs err by themselves.
    """

    pairs: Pairs
    clusters: list[str] | None

    @property
    def response(self) -> npt.NDArray[np.float64]:
        """(n,) in the measure's unit."""
        return self.pairs.response.numpy()


@dataclass(frozen=True, repr=False)
class Prepared(Displayed):
    """What `prepare` makes.

    Attributes:
        screen: what was measured.
        split: which rows train, tune, calibrate and test.
        batch: the same as tensors, every scaler fitted on the training rows.
    """

    screen: Screen
    split: Split
    batch: Batch

    def with_all_but_test(self) -> Prepared:
        """The same with validation and calibration rows among the training rows."""
        parts = self.split.parts.replace({"validation": "train", "calibration": "train"})
        split = replace(self.split, parts=parts)
        return prepare(self.screen, split, tuple(self.batch.features.scalers))

    @property
    def errs_as_one(self) -> str | None:
        """What the split holds out as a whole, one of `bdrp.splits.BY`; None where pairs err by themselves."""
        by = self.split.by if self.split.by in BY else held_out_kind(self.split, "calibration")
        return ERR_AS_ONE.get(by, by)

    def calibration_rows(self) -> CalibrationRows:
        """The calibration and the validation part together.

        A factor is decided by the number of lines, drugs or tissues, not of pairs, and there are few. The validation
        part has chosen an epoch and nothing else, which costs it next to no honesty.

        Raises:
            SplitError: the calibration part has fewer than two rows.
        """
        rows, kind = self.batch.calibration, self.errs_as_one
        if len(rows) < LEAST_CALIBRATION_ROWS:
            raise SplitError(
                f"The calibration part has {len(rows)} rows. At least two are needed, and some hundred for "
                "intervals that hold. Give it a share of the split."
            )
        positions = np.concatenate([self.split.rows("calibration"), self.split.rows("validation")])
        clusters = None if kind is None else assign_clusters(self.screen, kind).iloc[positions].tolist()
        return CalibrationRows(rows.concatenate(self.batch.validation), clusters)

    def test_table(self) -> pd.DataFrame:
        """The test part as it was observed, with tissue, drug_name and structure_key."""
        screen = self.screen
        test = screen.responses.iloc[self.split.rows("test")].reset_index(drop=True)
        return test.assign(
            tissue=screen.cell_lines.loc[test["cell_line_id"], "tissue"].to_numpy(),
            drug_name=screen.drugs.loc[test["drug_id"], "name"].to_numpy(),
            structure_key=screen.drugs.loc[test["drug_id"], "structure_key"].to_numpy(),
        )

    def limits(self) -> pd.DataFrame:
        """Median limits of the assays of each trained drug; index drug_id."""
        train = self.screen.responses.iloc[self.split.rows("train")]
        return train.groupby("drug_id")[list(LIMITS)].median()


def prepare(screen: Screen, split: Split, modalities: Sequence[str] = (EXPRESSION,)) -> Prepared:
    """A screen and a split of it, as tensors; of its lines the profiles of these modalities.

    Where tissues are held out tissue is left out: it would say nothing of a held-out line, and keep what lies between
    tissues from the genes, by which alone such a line is predicted.

    Raises:
        SplitError, DataError: see `bdrp.features.batch.prepare`.
    """
    read = [name for name in modalities if (name, split.by) != (TISSUE, TISSUE)]
    return Prepared(screen, split, features.prepare(screen, split, modalities=read))
