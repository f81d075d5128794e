"""Figures of any result as matplotlib axes, drawn by the functions that the reports draw with.

Each takes a result and axes to draw on, new ones where none are given, and returns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bdrp.errors import DataError, did_you_mean
from bdrp.evaluation import Scores
from bdrp.explain.explanation import Explanation
from bdrp.fitted.known import find_ids
from bdrp.predictive import Predictions
from bdrp.report.evaluation.figures import groups as group_figure
from bdrp.report.evaluation.figures import pit as pit_figure
from bdrp.report.evaluation.figures import reliability as reliability_figure
from bdrp.report.evaluation.figures import risk as risk_figure
from bdrp.report.explanation import molecule as molecule_figure
from bdrp.report.explanation.waterfall import draw_waterfall
from bdrp.report.figures import intervals
from bdrp.report.figures.axes import axes_or_new
from bdrp.report.figures.plot import require_rows
from bdrp.report.replay.figures import AXES, draw_curves
from bdrp.studies.replay.learning_curves import Replayed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "contributions",
    "groups",
    "interval",
    "learning_curve",
    "molecule",
    "pit",
    "reliability",
    "risk_coverage",
]


def interval(predictions: Predictions, ax: Axes | None = None, *, top: int = 20, level: float = 0.9) -> Axes:
    """Medians and central intervals of the most sensitive pairs, the lowest median at the top.

    Args:
        predictions: of N pairs.
        ax: to draw on; new ones if None.
        top: how many pairs are shown.
        level: of the intervals.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> made = bdrp.predict(tiny_model(), screen=tiny_screen())
        >>> len(bdrp.plot.interval(made, top=5).get_yticklabels())
        5
    """
    require_rows("interval", predictions.context)
    return intervals.draw(axes_or_new(ax, 0.27 * min(top, len(predictions.context)) + 1.2), predictions, top, level)


def reliability(scores: Scores, ax: Axes | None = None) -> Axes:
    """Empirical coverage of central intervals against their nominal level, with its bands.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> model = tiny_model()
        >>> scores = bdrp.evaluation.score(model.held_out_predictions(), model.held_out())
        >>> bdrp.plot.reliability(scores).get_xlabel()
        'nominal level of the central interval'
    """
    axes = axes_or_new(ax, 4.3)
    reliability_figure.draw(axes, scores.reliability)
    return axes


def pit(scores: Scores, ax: Axes | None = None) -> Axes:
    """The histogram of PIT values, in the band that chance allows.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> model = tiny_model()
        >>> scores = bdrp.evaluation.score(model.held_out_predictions(), model.held_out())
        >>> bdrp.plot.pit(scores).get_ylabel()
        'responses, relative to a fair share'
    """
    axes = axes_or_new(ax)
    pit_figure.draw_histogram(axes, scores.pit_histogram, pit_figure.AXIS)
    return axes


def risk_coverage(scores: Scores, ax: Axes | None = None) -> Axes:
    """RMSE of the pairs that are retained, the least certain set aside first.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> model = tiny_model()
        >>> scores = bdrp.evaluation.score(model.held_out_predictions(), model.held_out())
        >>> bdrp.plot.risk_coverage(scores).get_xlabel()
        'pairs retained (%)'
    """
    axes = axes_or_new(ax, 3.9)
    risk_figure.draw(axes, scores.risk_coverage, str(scores.metrics["unit"]))
    return axes


def groups(scores: Scores, by: Literal["drug", "tissue", "cell line"] = "drug", ax: Axes | None = None) -> Axes:
    """Coverage of 90 % intervals by group, the least covered at the top.

    Args:
        scores: of N pairs.
        by: "drug", "tissue" or "cell line".
        ax: to draw on; new ones if None.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> model = tiny_model()
        >>> scores = bdrp.evaluation.score(model.held_out_predictions(), model.held_out())
        >>> len(bdrp.plot.groups(scores).get_yticklabels())
        12

    Raises:
        DataError: there are no such groups.
    """
    tables = {"drug": scores.by_drug, "tissue": scores.by_tissue, "cell line": scores.by_line}
    if by not in tables:
        raise DataError(
            f"There are no groups by {by!r}. Allowed are {', '.join(tables)}.{did_you_mean(by, tables)} Choose one."
        )
    require_rows(f"groups-{by}", tables[by])
    shown, left_out = group_figure.select(group_figure.rank(tables[by]), by)
    axes = axes_or_new(ax, group_figure.height_of(shown))
    group_figure.draw_coverage(axes, shown, left_out)
    return axes


def contributions(found: Explanation, line: str, drug: str, ax: Axes | None = None, *, genes: int = 8) -> Axes:
    """From the mean of all responses to one prediction, a bar a contribution, with 90 % posterior intervals.

    Args:
        found: an explanation of this pair and perhaps others.
        line: by name or id.
        drug: by name or id.
        ax: to draw on; new ones if None.
        genes: how many are named.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> found = bdrp.explain.explain(tiny_model(), tiny_screen(), pairs=[("SIM0001", "D001")])
        >>> bdrp.plot.contributions(found, "SIM0001", "D001").get_xlabel()
        'predicted response (ln(µM))'

    Raises:
        DataError: the method has no terms, or the pair is not among those that were explained.
    """
    if found.contributions is None:
        raise DataError("Predictions of this method have no terms that sum to them. Fit last_layer or variational.")
    pairs = found.contributions.pairs
    lines, drugs = find_ids([line], found.line_names, "cell line"), find_ids([drug], found.drug_names, "drug")
    rows = np.flatnonzero(pairs["cell_line_id"].isin(lines) & pairs["drug_id"].isin(drugs))
    if not len(rows):
        raise DataError(
            f"{drug} on {line} is not among the {len(pairs):,} predictions that were explained. Explain this pair, as "
            f"in explain(model, screen, pairs=[({line!r}, {drug!r})])."
        )
    return draw_waterfall(found.contributions, int(rows[0]), found.unit, ax, genes)


def molecule(
    structure: str | Explanation, contributions: Sequence[float] | str | None = None, ax: Axes | None = None
) -> Axes:
    """A structure with its atoms coloured by what each adds: blue towards sensitive, vermilion towards resistant.

    Args:
        structure: SMILES, or an explanation.
        contributions: of the atoms, in the order in which RDKit reads them; of an explanation, the name or id of the
            drug. Without them all atoms stay white.
        ax: to draw on; new ones if None.

    Example:
        >>> import bdrp
        >>> bdrp.plot.molecule("CCO", [-1.0, 0.0, 1.0]).axison
        False

    Raises:
        DataError: the structure cannot be read, there are not as many contributions as atoms, or the drug was not
            explained.
    """
    smiles, values, least = molecule_figure.find(structure, contributions)
    axes = axes_or_new(ax, 3.2)
    axes.imshow(molecule_figure.draw_image(smiles, values, least))
    axes.set_axis_off()
    return axes


def learning_curve(found: Replayed | pd.DataFrame, ax: Axes | None = None, *, metric: str = "rmse") -> Axes:
    """How a metric changes as more is measured, a line an acquisition function, with 95 % bands.

    Args:
        found: a replay, or its table of curves.
        ax: to draw on; new ones if None.
        metric: "rmse" or "hits_found".

    Example:
        >>> import bdrp, pandas as pd
        >>> table = {"by": "random", "figure": "rmse", "labels": [5, 10], "mean": [2.0, 1.5], "low": 1.0, "high": 2.5}
        >>> bdrp.plot.learning_curve(pd.DataFrame(table)).get_ylabel()
        'RMSE of the scored pairs'

    Raises:
        DataError: there is no curve of this metric.
    """
    curves = found.curves if isinstance(found, Replayed) else found
    chosen = curves[curves["figure"] == metric]
    if chosen.empty:
        raise DataError(
            f"There is no learning curve of {metric!r}. Allowed are {', '.join(AXES)}.{did_you_mean(metric, AXES)} "
            "Choose one."
        )
    axes = draw_curves(chosen, axes_or_new(ax, 3.6))
    axes.legend()
    return axes
