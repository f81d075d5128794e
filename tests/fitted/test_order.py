"""The order in which a screen lists its rows, lines, drugs and genes is no information, and no method can see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bdrp import inference
from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.fitted.model import TrainedModel
from bdrp.inference import METHODS

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "members": 2, "passes": 4, "draws": 4, "trees": 10, "factors": 2}


@pytest.fixture(scope="module")
def shuffled(tiny_screen: Screen) -> Screen:
    rng = np.random.default_rng(0)

    def mixed(table: pd.DataFrame) -> pd.DataFrame:
        return table.iloc[rng.permutation(len(table))]

    expression = mixed(tiny_screen.expression)
    tables = (
        mixed(tiny_screen.responses).reset_index(drop=True),
        mixed(tiny_screen.drugs),
        mixed(tiny_screen.cell_lines),
    )
    genes = expression.columns[rng.permutation(expression.shape[1])]
    return Screen(tiny_screen.name, tiny_screen.measure, *tables, {"expression": expression[genes]})


@pytest.mark.parametrize("name", METHODS.own())
def test_no_method_sees_the_order_of_a_screen(
    name: str, tiny_screen: Screen, shuffled: Screen, fit: Callable[..., TrainedModel]
) -> None:
    known = inference.make(name).__dataclass_fields__
    options = {key: value for key, value in SMALL.items() if key in known}
    one, other = (
        said(fit(screen, splits.make(screen, "cell_line"), method=name, options=options))
        for screen in (tiny_screen, shuffled)
    )
    pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-6)


def test_what_lines_are_called_decides_no_draw_of_a_gaussian_process(
    tiny_screen: Screen, fit: Callable[..., TrainedModel]
) -> None:
    """Its SDs are those of a few draws, which were others once the lines' names sorted in another order."""
    lines = tiny_screen.expression.index
    names = dict(zip(lines, reversed([f"N{at:04d}" for at in range(len(lines))]), strict=True))
    renamed = Screen(
        tiny_screen.name,
        tiny_screen.measure,
        tiny_screen.responses.assign(cell_line_id=tiny_screen.responses["cell_line_id"].map(names)),
        tiny_screen.drugs,
        tiny_screen.cell_lines.rename(index=names),
        {"expression": tiny_screen.expression.rename(index=names)},
    )
    one, other = (
        said(fit(screen, splits.make(screen, "pair"), method="gaussian_process", options={"draws": 4}))
        for screen in (tiny_screen, renamed)
    )
    one = one.rename(index=names, level=0).sort_index()
    pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-6)


def said(model: TrainedModel) -> pd.DataFrame:
    """What is predicted of the test part, by pair."""
    held_out = model.held_out_predictions()
    moments = {"mean": held_out.mean, "sd": held_out.std}
    return held_out.keys.assign(**moments).set_index(["cell_line_id", "drug_id"]).sort_index()
