"""Further profiles of lines, by tables at every door: what carries signal lowers the error, and noise does no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources, splits
from bdrp.data.screen import Screen
from bdrp.data.user_tables.profiles import add_profiles, parse_profiles, read_profile
from bdrp.errors import BdrpWarning, DataError
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import predict
from bdrp.fitted.update import update
from bdrp.report.answers import ask_model
from bdrp.testing.screens import cut_simulated

Fit = Callable[..., TrainedModel]
SMALL = {"epochs": 3, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2, "lines": "new"}
READ = SMALL | {"modalities": "expression,tissue,copy_number"}


def _profile(screen: Screen, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """30 features of two latent numbers a line, and these; drawn apart from expression."""
    rng = np.random.default_rng(seed)
    lines = screen.cell_lines.index
    latent = rng.normal(size=(len(lines), 2))
    values = latent @ rng.normal(size=(2, 30)) + rng.normal(0, 0.3, (len(lines), 30))
    table = pd.DataFrame(values.astype(np.float32), lines, [f"SEG{at}" for at in range(30)])
    return table, latent


@pytest.fixture(scope="module")
def driven() -> Screen:
    """160 lines x 12 drugs; slopes of every drug on two latent numbers, of which copy_number tells; 6 lines lack it."""
    screen = cut_simulated("some", 160, 12, 80, step=1)
    table, latent = _profile(screen, 1)
    slopes = pd.DataFrame(np.random.default_rng(2).normal(0, 1.0, (12, 2)), screen.drugs.index)
    of_line = pd.DataFrame(latent, screen.cell_lines.index)
    rows = screen.responses
    added = (of_line.loc[rows["cell_line_id"]].to_numpy() * slopes.loc[rows["drug_id"]].to_numpy()).sum(axis=1)
    profiles = {**screen.profiles, "copy_number": table.iloc[:-6]}
    return replace(screen, responses=rows.assign(response=rows["response"] + added), profiles=profiles)


@pytest.fixture(scope="module")
def reading(driven: Screen, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    out = tmp_path_factory.mktemp("models") / "reading"
    fit(driven, splits.make(driven, "cell_line"), options=READ, out=out)
    return TrainedModel.load(out)


def error(model: TrainedModel, of: pd.Index | None = None) -> float:
    held = model.held_out()
    kept = np.ones(len(held), bool) if of is None else held["cell_line_id"].isin(of).to_numpy()
    away = model.held_out_predictions().mean - held["response"].to_numpy()
    return float(np.sqrt(np.mean(away[kept] ** 2)))


def test_a_profile_that_carries_signal_lowers_the_error_of_lines_that_have_it(
    driven: Screen, reading: TrainedModel, fit: Fit
) -> None:
    alone = fit(driven, splits.make(driven, "cell_line"), options=SMALL)
    having = driven.profiles["copy_number"].index
    assert error(reading, having) < 0.8 * error(alone, having)


def test_a_profile_of_noise_does_no_harm(driven: Screen, fit: Fit) -> None:
    noise, _ = _profile(driven, 9)
    other = replace(driven, profiles={**driven.profiles, "copy_number": noise})
    split = splits.make(driven, "cell_line")
    assert error(fit(other, split, options=READ)) < 1.02 * error(fit(driven, split, options=SMALL))


def test_lines_without_the_profile_are_predicted_wider_for_every_drug(driven: Screen, reading: TrainedModel) -> None:
    having = driven.profiles["copy_number"].index[:5]
    known = {name: table.loc[table.index.isin(having)] for name, table in driven.profiles.items()}
    with_it = reading.predict(driven.drugs, known).distribution
    with pytest.warns(BdrpWarning, match="None of the 5 lines has a profile of copy_number"):
        without = reading.predict(
            driven.drugs, {name: table for name, table in known.items() if name != "copy_number"}
        ).distribution
    assert (without.epistemic > with_it.epistemic).mean() > 0.99


def test_new_samples_bring_their_profile_and_tissue_at_every_door(
    driven: Screen, reading: TrainedModel, tmp_path: Path
) -> None:
    new = pd.Index(["NEW0", "NEW1"], name="cell_line_id")
    genes = driven.expression.iloc[:2].set_axis(new, axis=0)
    cn = driven.profiles["copy_number"].iloc[:2].set_axis(new, axis=0)
    cn.to_csv(tmp_path / "cn.csv")
    tissue = str(driven.cell_lines["tissue"].iloc[0])
    same = {name: table.iloc[:2].set_axis(new, axis=0) for name, table in driven.profiles.items()}
    wanted = reading.predict(driven.drugs, same | {"tissue": same["tissue"].assign(**{tissue: 1.0}).iloc[:1]})
    made = predict(
        reading,
        drugs=driven.drugs,
        expression=genes,
        profiles={"copy_number": tmp_path / "cn.csv"},
        tissue=pd.Series({"NEW0": tissue}),
    )
    np.testing.assert_allclose(made.distribution.mean, wanted.distribution.mean, atol=1e-5)
    told = ask_model(
        reading, driven, line="NEW0", new_samples=genes, profiles={"copy_number": cn}, tissue={"NEW0": tissue}
    )
    by_drug = told.pairs.set_index("drug_id")["median"] if "median" in told.pairs else None
    assert told.pairs["tissue"].eq(tissue).all() and (by_drug is None or len(by_drug) == len(driven.drugs))
    rows = pd.DataFrame({"cell_line_id": ["NEW0"], "drug_id": [driven.drugs.index[0]], "response": [0.3]})
    made_again = update(
        reading, rows, screen=driven, expression=genes, profiles={"copy_number": tmp_path / "cn.csv"}, tissue=tissue
    )
    kept = made_again.measurements
    assert kept is not None
    np.testing.assert_allclose(kept.profiles["copy_number"].loc["NEW0", cn.columns], cn.loc["NEW0"], atol=1e-5)


def test_a_tissue_that_no_training_line_has_is_said_to_say_nothing(driven: Screen, reading: TrainedModel) -> None:
    genes = driven.expression.iloc[:1].set_axis(pd.Index(["NEW0"], name="cell_line_id"), axis=0)
    with pytest.warns(BdrpWarning, match="No training line is of the tissue Gizzard, so that it says nothing"):
        predict(
            reading,
            drugs=driven.drugs,
            expression=genes,
            profiles={"copy_number": driven.profiles["copy_number"].iloc[:1].set_axis(genes.index, axis=0)},
            tissue="Gizzard",
        )


def test_profiles_join_any_screen_by_tables_in_either_layout(driven: Screen, tmp_path: Path) -> None:
    bare = replace(driven, profiles={"expression": driven.expression})
    table = driven.profiles["copy_number"]
    table.to_csv(tmp_path / "cn.csv")
    table.T.rename_axis("segment").to_csv(tmp_path / "turned.csv")
    for name in ("cn.csv", "turned.csv"):
        read = add_profiles(bare, {"copy_number": tmp_path / name})
        np.testing.assert_allclose(read.profiles["copy_number"], table, atol=1e-5)
        assert any("6 cell lines have no copy_number" in notice for notice in read.notices)
        assert name in " ".join(read.checksums)
    others = table.set_axis([f"other{at}" for at in range(len(table))]).rename_axis("cell_line_id")
    others.to_csv(tmp_path / "other.csv")
    with pytest.raises(DataError, match="None of the 160 cell lines has copy_number"):
        add_profiles(bare, {"copy_number": tmp_path / "other.csv"})


def test_a_source_takes_profiles_whatever_it_is(tmp_path: Path) -> None:
    lines = sources.load("simulated").cell_lines.index
    table = pd.DataFrame({"SEG1": np.arange(len(lines), dtype=float)}, lines)
    table.to_csv(tmp_path / "cn.csv")
    screen = sources.load("simulated", tmp_path, profiles="copy_number=cn.csv")
    assert screen.profiles["copy_number"].shape == (len(lines), 1)


@pytest.mark.parametrize("given", ["expression=e.csv", "tissue=t.csv", "a=", "a=1.csv,a=2.csv", "copy number=c.csv"])
def test_names_of_profiles_that_cannot_be_are_refused(given: str) -> None:
    with pytest.raises(DataError, match="NAME=PATH is needed"):
        parse_profiles(given)


def test_a_profile_whose_first_column_names_no_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("score,SEG1\n1.5,2\n2.5,3\n")
    with pytest.raises(DataError, match="The first column must be cell_line_id"):
        read_profile(tmp_path / "p.csv", "copy_number", ["L1"])
