"""A scikit-learn regressor that fits a bdrp model: `fit`, `predict`, `score`, clones, pipelines and searches work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bdrp.data.measures import MEASURES
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.data.splits.clusters import assign_clusters
from bdrp.errors import DataError, SplitError, did_you_mean
from bdrp.files import sealed_folder
from bdrp.fitted.fit import fit
from bdrp.fitted.notices import AUTO
from bdrp.fitted.pair_table import PairTable
from bdrp.inference.method import Method
from bdrp.predictive import Predictions

FEWEST: Final = 5  # rows: one to validate, two to calibrate, and two that differ
SHARES: Final = {"validation": 0.08, "calibration": 0.12}  # chosen: as `bdrp.splits.make` has them
HELD_OUT: Final = ("cell_line", "drug", "pair", "scaffold")


class BdrpRegressor(RegressorMixin, BaseEstimator):
    """Drug response with an interval, in scikit-learn's words: a row of X is a pair of a cell line and a drug.

    X is a frame. Its columns drug_id, smiles and cell_line_id, each of which may lack, say what the pair is; all other
    columns are numbers that describe the line, such as the expression of genes. Without drug_id a drug is called by its
    SMILES; drugs that were fitted need no SMILES to be predicted. Without drug columns, all rows are of one drug, whose
    structure says nothing; without cell_line_id, each row is a line of its own. So a plain array is one drug's response
    on lines, a row a line.

    Some rows are kept to tune and to calibrate; then the method is fitted again on all.

    Args:
        method: as `bdrp.fit` takes it: a name, a file, options, or a class, such as `bdrp.from_sklearn` makes.
        options: of the method, where it is named.
        hold_out: what calibrates: rows of other lines ("cell_line"), "drug", "scaffold" or "pair", by what is new in
            what is to be predicted.
        recalibration: as `bdrp.fit` takes it.
        measure: what y is, one of `bdrp.data.measures.MEASURES`; "own" is any number.
        random_state: a whole number, of every random draw.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_screen
        >>> screen = tiny_screen()
        >>> rows = screen.responses.merge(screen.drugs["smiles"], on="drug_id").merge(
        ...     screen.expression, on="cell_line_id")
        >>> X = rows[["drug_id", "smiles", "cell_line_id", *screen.expression.columns]]
        >>> model = bdrp.BdrpRegressor("ridge", measure="ln_ic50_um", recalibration="identity").fit(X, rows["response"])
        >>> mean, std = model.predict(X[:3], return_std=True)
        >>> mean.shape, std.shape, model.predict_interval(X[:3], 0.9).shape
        ((3,), (3,), (3, 2))

    Attributes:
        model_: the `TrainedModel`, for whatever else bdrp does with one.
        drugs_: the fitted drugs, by drug_id.
        n_features_in_: how many columns of numbers there are; `feature_names_in_`: their names, where they have some.
    """

    def __init__(
        self,
        method: str | os.PathLike[str] | Method | type[Method] = "last_layer",
        options: Mapping[str, Any] | None = None,
        *,
        hold_out: str = "cell_line",
        recalibration: str = AUTO,
        measure: str = "own",
        random_state: int = 0,
    ) -> None:
        self.method = method
        self.options = options
        self.hold_out = hold_out
        self.recalibration = recalibration
        self.measure = measure
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit the model.

        Args:
            X: (N, P) pairs; see the class.
            y: (N,) responses.

        Raises:
            BdrpError: see `bdrp.fit`, and `bdrp.fitted.pair_table` for what X may be.
            ValueError: X or y is no table of finite numbers, or has too few rows.
        """
        ids, rest = PairTable.part(X)
        numbers, response = validate_data(self, rest, y, dtype=np.float64, y_numeric=True, ensure_min_samples=FEWEST)
        table = PairTable.of(ids, numbers, self._names(), prefix="row")
        screen = self._screen(table, response)
        self.drugs_ = table.drugs
        self.model_ = fit(
            screen,
            _split(screen, self.hold_out, self.random_state),
            method=self.method,
            options=self.options,
            seed=self.random_state,
            recalibration=self.recalibration,
        )
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:  # noqa: N803
        """Expected responses, (N,); with `return_std`, their SDs too, (N,), of the noise and of what is not known.

        Raises:
            DataError: see `bdrp.fitted.pair_table` and `TrainedModel.predict`.
        """
        pred = self.predict_distribution(X).distribution
        return (pred.mean, pred.std) if return_std else pred.mean

    def predict_interval(self, X: Any, level: float = 0.9) -> npt.NDArray[np.float64]:  # noqa: N803
        """Central intervals that hold the response with the probability `level`, (N, 2).

        Raises:
            DataError: as in `predict`.
        """
        return self.predict_distribution(X).distribution.interval(level)

    def predict_distribution(self, X: Any) -> Predictions:  # noqa: N803
        """Predictive distributions of N pairs, as `bdrp.predict` gives them.

        Raises:
            DataError: as in `predict`.
        """
        check_is_fitted(self)
        ids, rest = PairTable.part(X)
        numbers = validate_data(self, rest, dtype=np.float64, reset=False)
        table = PairTable.of(ids, numbers, self._names(), prefix="new", known=self.drugs_)
        return self.model_.predict(table.drugs, table.lines, table.pairs)

    def save(self, out: Path | str, *, overwrite: bool = False) -> None:
        """Write the model folder, which commands and `TrainedModel.load` take.

        Args:
            out: the folder.
            overwrite: replace a model that stands there.

        Raises:
            OutputError: something else stands there.
        """
        check_is_fitted(self)
        with sealed_folder.writing(Path(out), overwrite=overwrite) as place:
            self.model_.save(place)

    def _names(self) -> list[str]:
        return list(getattr(self, "feature_names_in_", (f"x{place}" for place in range(self.n_features_in_))))

    def _screen(self, table: PairTable, response: npt.NDArray[np.float64]) -> Screen:
        if self.measure not in MEASURES:
            raise DataError(
                f"measure is {self.measure!r}.{did_you_mean(self.measure, MEASURES)} Choose one of "
                f"{', '.join(MEASURES)}."
            )
        rows = table.pairs.assign(
            response=response.astype(np.float64), lower_limit=np.nan, upper_limit=np.nan, laboratory=""
        )
        lines = table.lines.index
        about = pd.DataFrame({"name": "", "tissue": "unknown", "patient_id": lines}, index=lines).astype("str")
        return Screen("pairs", MEASURES[self.measure], rows, table.drugs, about, table.lines)


def _split(screen: Screen, by: str, seed: int) -> Split:
    """Groups of the kind that is held out, some of them to tune and some to calibrate, and none to test."""
    if by not in HELD_OUT:
        raise SplitError(f"hold_out is {by!r}.{did_you_mean(by, HELD_OUT)} Choose one of {', '.join(HELD_OUT)}.")
    groups = assign_clusters(screen, by)
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    counts = [max(1, round(share * len(names))) for share in SHARES.values()]
    counts[1] = max(counts[1], min(2, len(names) - 3))
    if len(names) < FEWEST:
        raise SplitError(
            f"The rows are of {len(names)} groups by {by}; {FEWEST} are needed to tune, calibrate and train. Give more "
            f"rows, or hold out another of {', '.join(HELD_OUT)}."
        )
    ends = np.cumsum(counts)
    chosen = {"validation": names[: ends[0]], "calibration": names[ends[0] : ends[1]]}
    parts = pd.Series("train", index=groups.index, dtype="str")
    for part, held in chosen.items():
        parts[groups.isin(held)] = part
    description = f"By {by}: {counts[0]} groups to tune, {counts[1]} to calibrate, none to test."
    return Split(by, parts, seed, 0, 1, description, screen.responses[["cell_line_id", "drug_id"]])
