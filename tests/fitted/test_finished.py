"""A fit that is finished is given back where it is asked to go on, and only where it is the same fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, OutputError
from bdrp.fitted.model import TrainedModel

Fit = Callable[..., TrainedModel]
MEANS = {"method": "mean_effects", "options": {}}


@pytest.fixture
def finished(tiny_screen: Screen, tiny_split: Split, fit: Fit, tmp_path: Path) -> Path:
    fit(tiny_screen, tiny_split, **MEANS, out=tmp_path / "m")
    return tmp_path / "m"


def test_a_finished_fit_is_given_back_untouched(
    finished: Path, tiny_screen: Screen, tiny_split: Split, fit: Fit
) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in finished.iterdir()}
    with pytest.warns(BdrpWarning, match=r"The fit at .*m is finished, and its model is as it was"):
        model = fit(tiny_screen, tiny_split, **MEANS, out=finished, resume=True)
    assert before == {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in finished.iterdir()}
    assert np.isfinite(model.held_out_predictions().mean).all()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"options": {"shrinkage": 3.0}}, "options"),
        ({"method": "ridge"}, "method"),
        ({"recalibration": "identity"}, "recalibration"),
        ({"refit": False}, "the second fit"),
    ],
)
def test_a_finished_model_of_another_run_is_refused_by_what_differs(
    finished: Path, tiny_screen: Screen, tiny_split: Split, fit: Fit, changed: dict, named: str
) -> None:
    with pytest.raises(OutputError, match=rf"nothing to resume: it differs in .*{named}"):
        fit(tiny_screen, tiny_split, **MEANS | {"out": finished, "resume": True} | changed)


def test_other_data_and_another_split_are_another_run(
    finished: Path, tiny_screen: Screen, tiny_split: Split, fit: Fit
) -> None:
    again = MEANS | {"out": finished, "resume": True}
    responses = tiny_screen.responses
    responses.loc[tiny_split.rows("test")[0], "response"] += 1.0
    tables = (tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression)
    with pytest.raises(OutputError, match="differs in responses of the test part"):
        fit(Screen(tiny_screen.name, tiny_screen.measure, responses, *tables), tiny_split, **again)
    with pytest.raises(OutputError, match="differs in split"):
        fit(tiny_screen, splits.make(tiny_screen, "pair", fold=1), **again)
