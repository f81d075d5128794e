"""A modality is a scaler and an encoder of one name: what such a pair of files is enough for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import bdrp
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError, FitError
from bdrp.features import lines as scalers
from bdrp.fitted.model import TrainedModel, cross_drugs_and_lines
from bdrp.model import lines as encoders

SCALER = """
from dataclasses import dataclass
import numpy as np
from bdrp.features.lines import Scaler

@dataclass(frozen=True)
class MarkScaler(Scaler):
    columns: tuple[str, ...]
    mean: np.ndarray
    components: np.ndarray

    def transform(self, table):
        values = table.reindex(columns=list(self.columns)).to_numpy(np.float64)
        absent = np.isnan(values).all(axis=1, keepdims=True)
        return np.hstack([absent, np.nan_to_num(values - self.mean)]).astype(np.float32)

    def unknown(self, table):
        known = table.reindex(columns=list(self.columns)).notna().to_numpy(np.float32)
        return 1 - known[:, : self.components.shape[1]]

    def arrays(self):
        return {"mean": self.mean, "components": self.components}

def fit(table, *, components):
    values = table.to_numpy(np.float64)
    return MarkScaler(tuple(table.columns), values.mean(0), np.eye(1 + values.shape[1])[:, 1:])

def restore(columns, arrays):
    return MarkScaler(columns, arrays["mean"], arrays["components"])
"""
ENCODER = """
from torch import nn
from bdrp.model.lines import LineStates

class MarkEncoder(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.linear = nn.Linear(width, size.width)

    def forward(self, marks):
        return LineStates(self.linear(marks), marks.new_zeros(len(marks), 0))

ENCODER = MarkEncoder
"""
BOTH = {"modalities": "expression,marks", "epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2}
Fit = Callable[..., TrainedModel]


@pytest.fixture(scope="module", autouse=True)
def marks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A modality `marks`, as two files."""
    folder = tmp_path_factory.mktemp("plugins")
    with pytest.MonkeyPatch.context() as patch:
        for room, text in ((scalers, SCALER), (encoders, ENCODER)):
            inside = folder / room.__name__
            inside.mkdir()
            (inside / "marks.py").write_text(text)
            patch.setattr(room, "__path__", [*room.__path__, str(inside)])
        yield  # type: ignore[misc]


@pytest.fixture(scope="module")
def marked(tiny_screen: Screen) -> Screen:
    """The tiny screen with three marks of all lines but the last five."""
    lines = tiny_screen.expression.index[:-5]
    values = np.random.default_rng(0).integers(2, size=(len(lines), 3)).astype(np.float32)
    table = pd.DataFrame(values, index=lines, columns=pd.Index(["A", "B", "C"], dtype="str"))
    profiles = {**tiny_screen.profiles, "marks": table}
    return Screen(
        "tiny", tiny_screen.measure, tiny_screen.responses, tiny_screen.drugs, tiny_screen.cell_lines, profiles
    )


@pytest.fixture(scope="module")
def both(marked: Screen, tiny_split: Split, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a model that reads both."""
    out = tmp_path_factory.mktemp("models") / "both"
    fit(marked, tiny_split, out=out, options=BOTH)
    return out


def test_a_model_that_reads_two_modalities_is_loaded_with_both(both: Path, marked: Screen) -> None:
    loaded = TrainedModel.load(both)
    assert loaded.features.widths == {"expression": 50, "marks": 4}
    assert loaded.manifest["options"]["modalities"] == ["expression", "marks"]
    made = bdrp.predict(loaded, screen=marked).distribution
    again = bdrp.predict(
        both, drugs=loaded.drugs_of(marked), expression=marked.expression, profiles=dict(marked.profiles)
    )
    assert np.array_equal(made.mean, again.distribution.mean)


def test_a_line_without_the_modality_is_fitted_and_predicted_like_any_other(both: Path, marked: Screen) -> None:
    made = bdrp.predict(both, screen=marked).distribution
    last = made.keys["cell_line_id"].isin(marked.expression.index[-5:]).to_numpy()
    assert last.sum() == 5 * 12 and np.isfinite(made.mean).all() and np.isfinite(made.epistemic_std).all()


def test_what_a_modality_says_of_a_line_changes_what_is_predicted_for_it(both: Path, marked: Screen) -> None:
    model, table = TrainedModel.load(both), marked.profiles["marks"]
    known = model.predict(marked.drugs, marked.profiles).distribution
    with_marks = known.keys["cell_line_id"].isin(table.index).to_numpy()
    for other in ({**marked.profiles, "marks": 1 - table}, marked.expression):
        change = np.abs(model.predict(marked.drugs, other).distribution.mean - known.mean)
        assert change[with_marks].min() > 1e-5
        assert change[~with_marks].max() < 1e-6


def test_what_is_not_known_of_a_line_widens_what_is_predicted_for_it_whoever_asks(both: Path, marked: Screen) -> None:
    """Of no line a mark: each component has mean 0 and variance 1, and the slopes' second moments come on top."""
    model = TrainedModel.load(both)
    pairs = cross_drugs_and_lines(marked.drugs, marked.expression).iloc[:30]
    inputs, rows = model.prepared(marked.drugs, marked.expression, pairs)
    assert inputs.unknown is not None
    assert inputs.unknown[:, -3:].eq(1).all() and not inputs.unknown[:, :-3].any()
    posterior = model.fitted.posterior_of(inputs, rows)
    known = model.fitted.posterior_of(replace(inputs, unknown=torch.zeros_like(inputs.unknown)), rows)
    layer = model.fitted.layer  # type: ignore[attr-defined]
    slopes = layer.coefficients(inputs)
    added = (slopes.v**2 + slopes.v_variance)[rows.drug, -3:].sum(1).detach().numpy() * model.features.response_std**2
    np.testing.assert_allclose(posterior.epistemic - known.epistemic, added, rtol=1e-3)
    np.testing.assert_allclose(np.diag(posterior.covariance(posterior)), posterior.epistemic, rtol=1e-3)
    drawn = posterior.draw(np.random.default_rng(0), 6000)
    scale = np.sqrt(np.outer(posterior.epistemic, posterior.epistemic))
    # As in tests/inference/test_pair_posteriors.py: beyond 0.09 for fewer than one seed in a thousand.
    assert np.abs((np.cov(drawn.T) - posterior.covariance(posterior)) / scale).max() < 0.09
    means = model.fitted.draw_posterior(inputs, rows, draws=6000, seed=0).mean  # type: ignore[attr-defined]
    assert np.abs(np.cov(means.T) / scale - posterior.covariance(posterior) / scale).max() < 0.09


def test_a_training_line_is_known_by_its_expression_with_or_without_its_other_profiles(
    both: Path, marked: Screen
) -> None:
    model = TrainedModel.load(both)
    inputs, _ = model.prepared(marked.drugs, marked.expression, cross_drugs_and_lines(marked.drugs, marked.expression))
    assert set(model.features.lines) == {
        line for line, at in zip(inputs.line_ids, inputs.line_effect, strict=True) if at >= 0
    }


@pytest.mark.parametrize("method", ["last_layer", "variational", "mc_dropout", "deep_ensemble", "deterministic"])
def test_every_method_with_a_network_reads_it(method: str, marked: Screen, tiny_split: Split, fit: Fit) -> None:
    few = {"members": 2} if method == "deep_ensemble" else {}
    model = fit(marked, tiny_split, method=method, options=BOTH | few, refit=False)
    names = [name for name in model.fitted.state() if "profiles.marks" in name or "spread" in name]
    assert names and torch.isfinite(torch.cat([value.flatten() for value in model.fitted.state().values()])).all()


def test_a_method_reads_expression_and_tissue_unless_it_is_told_otherwise(
    marked: Screen, tiny_screen: Screen, tiny_split: Split, fit: Fit
) -> None:
    with_marks, without = (fit(screen, tiny_split, refit=False) for screen in (marked, tiny_screen))
    assert list(with_marks.features.scalers) == ["expression", "tissue"]
    assert list(with_marks.manifest["options"]["modalities"]) == ["expression", "tissue"]
    for name, value in without.fitted.state().items():
        assert torch.equal(value, with_marks.fitted.state()[name]), name


def test_a_screen_without_the_modality_is_refused_by_its_name(tiny_screen: Screen, tiny_split: Split, fit: Fit) -> None:
    with pytest.raises(DataError, match="No training line has a profile of marks; the screen holds expression"):
        fit(tiny_screen, tiny_split, options=BOTH)


@pytest.mark.parametrize("named", ["marks", "marks,expression", "expression,a-b", "expression,expression", ""])
def test_modalities_that_cannot_be_read_are_refused(named: str, marked: Screen, tiny_split: Split, fit: Fit) -> None:
    with pytest.raises(FitError, match="it must be expression, and after it further profiles of the screen"):
        fit(marked, tiny_split, options={"modalities": named})


def test_a_scaler_sees_training_lines_alone(marked: Screen, tiny_split: Split, fit: Fit) -> None:
    model = fit(marked, tiny_split, options=BOTH, refit=False)
    table = marked.profiles["marks"]
    trained = table.loc[table.index.isin(model.features.lines)]
    np.testing.assert_allclose(model.features.scalers["marks"].arrays()["mean"], trained.to_numpy(np.float64).mean(0))


def test_each_modality_has_a_scaler_and_an_encoder() -> None:
    assert scalers.names() == encoders.names()
    assert {"expression", "marks"} <= set(scalers.names())
