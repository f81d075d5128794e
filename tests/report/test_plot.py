"""`bdrp.plot`: on the axes that are given, what the report draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import bdrp
from bdrp import plot
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.evaluation import Scores, score
from bdrp.explain import Explanation, explain
from bdrp.fitted.model import TrainedModel
from bdrp.report.evaluation.figures import reliability, risk


@pytest.fixture(scope="module")
def model(trained: tuple[TrainedModel, Path]) -> TrainedModel:
    return trained[0]


@pytest.fixture(scope="module")
def scores(model: TrainedModel) -> Scores:
    return score(model.held_out_predictions(), model.held_out())


@pytest.fixture(scope="module")
def found(model: TrainedModel, tiny_screen: Screen) -> Explanation:
    return explain(model, tiny_screen, pairs=[("SIM0001", "D001"), ("SIM0005", "D002")])


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


def curves(axes: Axes) -> list[list[list[float]]]:
    return [np.asarray(line.get_xydata()).tolist() for line in axes.get_lines()]


def test_scores_are_drawn_as_the_report_draws_them(scores: Scores, axes: Axes) -> None:
    pages = (
        reliability.plot(scores.reliability, len(scores.pit)).figure().axes[0],
        risk.plot(scores.risk_coverage, str(scores.metrics["unit"])).figure().axes[0],
    )
    assert plot.reliability(scores, axes) is axes
    assert curves(axes) == curves(pages[0])
    assert curves(plot.risk_coverage(scores)) == curves(pages[1])


def test_intervals_are_those_of_the_lowest_medians_in_um(model: TrainedModel, tiny_screen: Screen, axes: Axes) -> None:
    made = bdrp.predict(model, screen=tiny_screen)
    drawn = plot.interval(made, axes, top=3)
    table = made.table(top=3)
    assert [label.get_text() for label in drawn.get_yticklabels()] == [
        f"{row.drug} on {row.line}" for row in table.itertuples()
    ]
    medians = next(line for line in drawn.get_lines() if line.get_label() == "median")
    np.testing.assert_allclose(medians.get_xdata(), table["predicted, µM"], rtol=0.01)


def test_contributions_are_of_the_pair_that_is_named(found: Explanation) -> None:
    one, other = plot.contributions(found, "SIM0001", "D001"), plot.contributions(found, "SIM0005", "D002")
    assert curves(one) != curves(other)
    with pytest.raises(DataError, match="is not among the 2 predictions that were explained"):
        plot.contributions(found, "SIM0001", "D002")


def test_a_molecule_is_coloured_by_its_atoms_and_white_without(found: Explanation) -> None:
    def image(*given: object) -> np.ndarray:
        return np.asarray(plot.molecule(*given).get_images()[0].get_array())  # type: ignore[arg-type]

    assert not np.array_equal(image("CCO", [-1.0, 0.0, 1.0]), image("CCO", [1.0, 0.0, -1.0]))
    assert image(found, "D001").shape == image("CCO").shape
    with pytest.raises(DataError, match="2 contributions are given for 3 atoms"):
        plot.molecule("CCO", [1.0, 2.0])
    with pytest.raises(DataError, match="cannot be read"):
        plot.molecule("no smiles")


def test_groups_are_named_and_a_wrong_name_is_answered(scores: Scores) -> None:
    names = [label.get_text() for label in plot.groups(scores, "tissue").get_yticklabels()]
    assert len(names) == len(scores.by_tissue)
    with pytest.raises(DataError, match="no groups by 'tisue'.*Did you mean 'tissue'"):
        plot.groups(scores, "tisue")  # type: ignore[arg-type]
