from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources, splits
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.splits import Split


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real screens: BDRP_DATA, or shared/data beside the project; skipped where neither exists."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BDRP_DATA") or beside)
    if not (folder / "gdsc").is_dir():
        pytest.skip(f"no real screens: {folder} has no folder gdsc (set BDRP_DATA)")
    return folder


def small_parts() -> dict[str, Any]:
    """What a Screen of 3 lines x 2 drugs is made of, to be spoiled by a test."""
    lines = pd.Index(["1", "2", "3"], dtype="str", name="cell_line_id")
    smiles = ["CCO", "c1ccccc1"]
    responses = pd.DataFrame(
        {
            "cell_line_id": ["1", "2", "3", "1", "2", "1"],
            "drug_id": ["a", "a", "a", "b", "b", "b"],
            "response": [-1.0, 0.5, 2.0, 3.0, 4.0, 3.5],
            "lower_limit": -4.0,
            "upper_limit": [1.0, 1.0, 1.0, np.nan, np.nan, np.nan],
            "laboratory": "here",
        }
    )
    drugs = pd.DataFrame(
        {
            "name": ["A", "B"],
            "smiles": smiles,
            "structure_key": [*map(structure_key, smiles)],
            "target": "",
            "pathway": "",
        },
        index=pd.Index(["a", "b"], dtype="str", name="drug_id"),
    )
    cell_lines = pd.DataFrame(
        {"name": ["L1", "L2", "L3"], "tissue": "Lung", "patient_id": ["p", "p", "q"]}, index=lines
    )
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    expression = pd.DataFrame(values, index=lines, columns=pd.Index(["G1", "G2", "G3", "G4"], dtype="str"))
    return {
        "name": "small",
        "measure": MEASURES["ln_ic50_um"],
        "responses": responses,
        "drugs": drugs,
        "cell_lines": cell_lines,
        "expression": expression,
    }


@pytest.fixture
def make_screen() -> Callable[..., Screen]:
    """Build the small screen with some parts replaced."""
    return lambda **parts: Screen(**{**small_parts(), **parts})


@pytest.fixture
def parts() -> dict[str, Any]:
    """What the small screen is made of."""
    return small_parts()


@pytest.fixture
def small_screen() -> Screen:
    """3 lines x 2 drugs, 6 responses of which one pair is measured twice."""
    return Screen(**small_parts())


@pytest.fixture(scope="session")
def tiny_screen() -> Screen:
    """36 lines x 12 drugs x 50 genes of the simulated screen: enough to fit a small network in a second."""
    whole = sources.load("simulated")
    lines, drugs = whole.expression.index[::4][:36], whole.drugs.index[:12]
    responses = whole.responses
    kept = responses["cell_line_id"].isin(lines) & responses["drug_id"].isin(drugs)
    return Screen(
        "tiny",
        whole.measure,
        responses[kept].reset_index(drop=True),
        whole.drugs.loc[drugs],
        whole.cell_lines.loc[lines],
        whole.expression.loc[lines].iloc[:, :50],
    )


@pytest.fixture(scope="session")
def tiny_split(tiny_screen: Screen) -> Split:
    """Pairs of the tiny screen in four parts."""
    return splits.make(tiny_screen, "pair")
