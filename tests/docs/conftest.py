"""Where the blocks of a page run: a folder with the files that they name, and small stand-ins for the real screens."""

from __future__ import annotations

import importlib
import shutil
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bdrp
import bdrp.studies.transfer
from bdrp.data import sources
from bdrp.data.dose_response.simulation import HALF_DECADES
from bdrp.data.screen import Screen
from bdrp.data.sources import ccle, ctrp, gdsc1, gdsc2, simulated

NETWORK = {"epochs": 1, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
fitting = importlib.import_module("bdrp.fitted.fit")
SIMULATED, FIT = simulated.load, fitting.fit
LINES = {gdsc2: slice(0, 60), gdsc1: slice(20, 80), ccle: slice(40, 100), ctrp: slice(10, 70), simulated: slice(0, 60)}
DRUGS = {"D001": "1909", "D011": "1007"}
NAMES = {"1909": "Venetoclax"}


@cache
def stand_in(source: Any, measure: str = "ln_ic50_um") -> Screen:
    """60 lines x 24 drugs x 60 genes of the simulated screen, under ids and names that pages use."""
    whole = SIMULATED(measure=measure)
    lines, drugs = whole.expression.index[::2][LINES[source]], whole.drugs.index[:24]
    rows = whole.responses
    rows = rows[rows["cell_line_id"].isin(lines) & rows["drug_id"].isin(drugs)].reset_index(drop=True)
    about = whole.drugs.loc[drugs].rename(index=DRUGS)
    cell_lines = whole.cell_lines.loc[lines].copy()
    cell_lines.iloc[0, cell_lines.columns.get_loc("name")] = "MCF-7"
    return replace(
        whole,
        name=source.__name__.rpartition(".")[2],
        responses=rows.assign(drug_id=rows["drug_id"].replace(DRUGS), laboratory=""),
        drugs=about.assign(name=pd.Series(NAMES).reindex(about.index).fillna(about["name"])),
        cell_lines=cell_lines,
        profiles={"expression": whole.expression.loc[lines].iloc[:, :60]},
    )


def quick_fit(screen: Screen, split: Any, **arguments: Any) -> Any:
    """`bdrp.fit` of a small network, over whatever stood there."""
    method = arguments.get("method", "last_layer")
    network = NETWORK if method == "last_layer" else {}
    options = {**dict(arguments.pop("options", None) or {}), **network}
    return FIT(screen, split, **{**arguments, "options": options, "overwrite": True, "progress": False})


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real screens are their stand-ins, and every fit is small."""
    for source in LINES:
        monkeypatch.setattr(source, "load", lambda root=None, *, measure, _of=source: stand_in(_of, measure))
    for module in (fitting, bdrp.studies.transfer, bdrp):
        monkeypatch.setattr(module, "fit", quick_fit, raising=False)
    # Pages fit into the same folder one after the other, which a quick fit replaces.
    monkeypatch.setattr("bdrp.files.sealed_folder.check_free", lambda *_, **__: None)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, its predictions, and every table that a page takes for given."""
    place, screen = tmp_path_factory.mktemp("furnished"), stand_in(gdsc2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bdrp.BdrpWarning)
        split = bdrp.splits.make(screen, "cell_line", seed=0)
        model = quick_fit(screen, split, out=place / "model")
        bdrp.predict(model, screen=screen).save(place / "predictions.parquet")
    (place / "data").mkdir()
    (place / "examples").mkdir()
    shutil.copy(Path(__file__).parents[2] / "examples" / "extra_trees.py", place / "examples")
    _write_own_tables(place, screen)
    _write_new(place, screen, model)
    _write_wells(place / "plates.csv")
    for name in ("h.all.gmt", "h.all.v7.0.symbols.gmt"):
        (place / name).write_text("FIRST\tlink\t" + "\t".join(screen.expression.columns[:12]) + "\n")
    return place


@pytest.fixture
def folder(furnished: Path, small_world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    place = Path(shutil.copytree(furnished, tmp_path / "place"))
    monkeypatch.chdir(place)
    return place


def _write_own_tables(place: Path, screen: Screen) -> None:
    rows = screen.responses.rename(columns={"response": "ln_ic50_um"}).drop(columns="laboratory")
    rows.to_csv(place / "responses.csv", index=False)
    screen.drugs.drop(columns="structure_key").to_csv(place / "drugs.csv")
    screen.expression.to_csv(place / "expression.csv")
    screen.cell_lines.to_csv(place / "lines.csv")
    rows[["cell_line_id", "drug_id"]].head(3).to_csv(place / "pairs.csv", index=False)


def _write_new(place: Path, screen: Screen, model: Any) -> None:
    """New drugs and samples, and what was measured on them."""
    new = SIMULATED(measure="ln_ic50_um").expression.iloc[[-1, -2]][screen.expression.columns]
    new.index = pd.Index(["NEW-A", "NEW-B"], name="cell_line_id")
    for name, lines in {"new_samples": 2, "samples": 2, "biopsy": 1, "new": 1}.items():
        new.head(lines).to_csv(place / f"{name}.csv")
    aspirin = pd.DataFrame({"drug_id": ["NEW-1"], "smiles": ["CC(=O)Oc1ccccc1C(=O)O"]})
    for name in ("new_drugs", "library"):
        aspirin.to_csv(place / f"{name}.csv", index=False)
    pd.DataFrame({"drug_id": screen.drugs.index, "cmax_um": 1.0}).to_csv(place / "cmax.csv", index=False)
    typical = screen.responses.groupby("drug_id")["response"].median().rename("ln_ic50_um").reset_index()
    ids = {"NEW-A": "NEW-A", "HELD-OUT": model.held_out()["cell_line_id"].min()}
    measured = [typical.assign(cell_line_id=line, measured_on=name) for name, line in ids.items()]
    pd.concat(measured).to_csv(place / "to_measure.csv", index=False)


def _write_wells(path: Path) -> None:
    rng, rows = np.random.default_rng(0), []
    for line in [f"SIM{at:04d}" for at in range(1, 40, 2)]:
        signals = [("dmso", "", 0.0, 1.0)] * 20 + [("blank", "", 0.0, 0.0)] * 10
        doses = 10 * np.exp(HALF_DECADES)
        signals += [("sample", drug, dose, 1 / (1 + dose)) for drug in ("1909", "1007") for dose in doses]
        for well, (role, drug, dose, viability) in enumerate(signals):
            place = f"{chr(65 + well // 24)}{well % 24 + 1:02d}"
            signal = 500 + 30_000 * viability * rng.normal(1, 0.05) + rng.normal(0, 20)
            rows.append([f"P-{line}", place, line, role, drug, dose, signal])
    columns = ["plate", "well", "cell_line_id", "role", "drug_id", "dose_um", "intensity"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


@pytest.fixture
def given(folder: Path) -> dict[str, Any]:
    """Names that a page's Python takes for given."""
    screen = sources.load("gdsc2", "data")
    model = bdrp.TrainedModel.load("model")
    predictions = bdrp.predict(model, screen=screen)
    pairs = screen.responses[["cell_line_id", "drug_id"]].drop_duplicates()
    return {
        "__name__": "__main__",
        "screen": screen,
        "model": model,
        "predictions": predictions,
        "drugs": model.drugs_of(screen),
        "expression": screen.expression,
        "measured": screen.responses[screen.responses["cell_line_id"].isin(model.held_out()["cell_line_id"])].head(5),
        "pairs": pairs,
        "queue": bdrp.triage.rank(predictions, budget=10),
        "results": {
            (name, fold, seed): (model.held_out_predictions().scale(factor), model.held_out())
            for name, factor in (("one", 1.0), ("two", 1.1), ("three", 1.3))
            for fold in range(2)
            for seed in range(2)
        },
    }
