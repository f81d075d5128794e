"""Bdrp's own sources pass the checks that are shipped, and each check finds its fault."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bdrp.data.screen import MEASURES, Screen
from bdrp.data.sources import SOURCES
from bdrp.errors import DataError
from bdrp.testing import check_source, tiny_screen


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SOURCES.own() if hasattr(SOURCES.load(name), "missing")])
def test_a_source_of_bdrps_own_passes_every_check_on_its_real_files(name: str, real_data: Path) -> None:
    if lack := SOURCES.load(name).missing(real_data):
        pytest.skip(lack)
    check_source(name, real_data)


def test_the_simulated_source_passes_every_check() -> None:
    assert check_source("simulated")[-1] == "its pairs can be split"


def test_tables_pass_every_check(tmp_path: Path) -> None:
    screen = tiny_screen()
    responses = screen.responses.rename(columns={"response": "ln_ic50_um"})
    responses["auc_fraction"] = 1 / (1 + np.exp(-responses["ln_ic50_um"]))
    tables = {"responses": responses.drop(columns=["lower_limit", "upper_limit"]), "drugs": screen.drugs.reset_index()}
    tables["expression"] = screen.expression.reset_index()
    paths = {what: tmp_path / f"{what}.csv" for what in tables}
    for what, table in tables.items():
        table.to_csv(paths[what], index=False)
    check_source("tables", **paths)


def source(**names: Any) -> ModuleType:
    """A module that holds an honest source, but for what is given."""
    made = ModuleType("moon")
    made.__dict__.update({"DESCRIPTION": "moon: from afar", "MEASURES": ("ln_ic50_um",), "load": honest} | names)
    return made


def honest(root: Path | None, *, measure: str = "ln_ic50_um") -> Screen:
    if measure != "ln_ic50_um":
        raise DataError("moon has ln_ic50_um alone. Ask for that.")
    return tiny_screen()


def scanty(root: Path | None, *, measure: str = "ln_ic50_um") -> Screen:
    screen = tiny_screen()
    few = screen.responses.head(3)
    return Screen("scanty", screen.measure, few, screen.drugs, screen.cell_lines, screen.expression)


def restless(root: Path | None, *, measure: str = "ln_ic50_um") -> Screen:
    screen, order = honest(root, measure=measure), np.random.default_rng().permutation(len(tiny_screen().responses))
    rows = screen.responses.iloc[order].reset_index(drop=True)
    return Screen("restless", screen.measure, rows, screen.drugs, screen.cell_lines, screen.expression)


def another(root: Path | None, *, measure: str = "ln_ic50_um") -> Any:
    return honest(root, measure=measure).responses


def demanding(root: Path | None, *, year: int, measure: str = "ln_ic50_um") -> Screen:
    return honest(root, measure=measure)


FAULTS: dict[str, tuple[ModuleType, str]] = {
    "no text": (source(DESCRIPTION=3), "its DESCRIPTION is 3"),
    "an option without a default": (source(load=demanding), "load cannot be called without year"),
    "a foreign measure": (source(MEASURES=("viability",)), r"MEASURES is \('viability',\)"),
    "another default": (
        source(MEASURES=("auc_fraction", "ln_ic50_um")),
        "load's own measure is 'ln_ic50_um', and MEASURES",
    ),
    "a measure that it has not": (source(MEASURES=tuple(MEASURES)), "DataError: moon has ln_ic50_um alone"),
    "no screen": (source(load=another), "it gives a DataFrame for ln_ic50_um"),
    "rows in another order": (source(load=restless), "its responses differ when it is loaded twice"),
    "a missing that says nothing": (source(missing=lambda root: ""), "missing says '' of an empty folder"),
    "too few pairs": (source(load=scanty), "its pairs can be split. .*3"),
}


def test_an_honest_source_passes_every_check() -> None:
    assert len(check_source(source())) == 8


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_finds_its_fault(fault: str) -> None:
    broken, said = FAULTS[fault]
    with pytest.raises(AssertionError, match=rf"The source moon fails \d+ of 8 checks:\n(.*\n)*.*{said}"):
        check_source(broken)


def test_a_source_with_files_keeps_their_checksums(tmp_path: Path, tiny_screen: Screen) -> None:
    with pytest.raises(AssertionError, match="it reads files, and its screen has no checksums"):
        check_source(source(), tmp_path)
