"""A screen that is fitted in a moment, and its tensors."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.data.splits import Split

if TYPE_CHECKING:
    from bdrp.features.batch import Batch
    from bdrp.fitted.model import TrainedModel


@cache
def tiny_screen() -> Screen:
    """36 lines x 12 drugs x 50 genes of the simulated screen: enough to fit a small network in a second.

    >>> tiny_screen()
    Screen(tiny: 346 ln IC50 [ln(µM)], 36 lines x 12 drugs, 50 genes, 8 tissues)
    """
    return cut_simulated("tiny", 36, 12, 50, step=4)


@cache
def tiny_model() -> TrainedModel:
    """A small last layer on the tiny screen, its cell lines held out; fitted in a second, for examples.

    >>> tiny_model().manifest["method"]
    'last_layer'
    """
    from bdrp.data import splits
    from bdrp.errors import BdrpWarning
    from bdrp.fitted.fit import fit

    options = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)  # of how few the calibration rows are
        return fit(tiny_screen(), splits.make(tiny_screen(), "cell_line"), options=options, refit=False)


def cut_simulated(name: str, lines: int, drugs: int, genes: int, *, step: int) -> Screen:
    """A corner of the simulated screen: every `step`-th of the lines, and the first drugs and genes."""
    whole = sources.load("simulated")
    some_lines, some_drugs = whole.expression.index[::step][:lines], whole.drugs.index[:drugs]
    responses = whole.responses
    kept = responses["cell_line_id"].isin(some_lines) & responses["drug_id"].isin(some_drugs)
    return Screen(
        name,
        whole.measure,
        responses[kept].reset_index(drop=True),
        whole.drugs.loc[some_drugs],
        whole.cell_lines.loc[some_lines],
        whole.expression.loc[some_lines].iloc[:, :genes],
    )


def batch_of(screen: Screen, parts: npt.ArrayLike, components: int = 8) -> Batch:
    """A screen as tensors.

    Args:
        screen: of N responses.
        parts: (N,), the part of each: train, validation, calibration, test or unused.
        components: of the expression.
    """
    from bdrp.features import batch

    keys = screen.responses[["cell_line_id", "drug_id"]]
    split = Split("file", pd.Series(np.asarray(parts), dtype="str"), 0, 0, 1, "by hand", keys)
    return batch.prepare(screen, split, components=components)


@cache
def some_unseen() -> Batch:
    """The tiny screen: three drugs and nine lines only in the test part, a tenth of the other rows for validation."""
    screen = tiny_screen()
    responses = screen.responses
    lines, drugs = screen.expression.index[::4], screen.drugs.index[::4]
    unseen = responses["cell_line_id"].isin(lines) | responses["drug_id"].isin(drugs)
    validation = np.arange(len(responses)) % 10 == 0
    return batch_of(screen, np.where(unseen, "test", np.where(validation, "validation", "train")))
