"""Examples are imported from the root of the clone, under which no other package of that name is looked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bdrp.cli.app import app  # noqa: E402 - the root comes first
from bdrp.data import sources  # noqa: E402
from bdrp.data.screen import Screen  # noqa: E402
from examples.over_files import asking  # noqa: E402
from examples.over_files.small_screen import draw  # noqa: E402


@pytest.fixture(scope="session")
def corner() -> Screen:
    """40 lines, 12 drugs and 30 genes of the simulated screen, a row a pair."""
    small = draw(sources.load("simulated"), 40, 12)
    rows = small.responses.drop_duplicates(["cell_line_id", "drug_id"], ignore_index=True)
    return replace(small, responses=rows, profiles={"expression": small.expression.iloc[:, :30]})


@pytest.fixture(scope="session")
def in_process() -> Iterator[None]:
    """The command bdrp runs in this process, which saves its start."""

    class Ran:
        def __init__(self, words: list[str]) -> None:
            ran = CliRunner().invoke(app, words)
            if ran.exception is not None and not isinstance(ran.exception, SystemExit):
                raise ran.exception
            self.returncode, self.stderr = ran.exit_code, ran.stderr

    def run(words: list[str], **_: Any) -> Ran:
        return Ran(words[1:])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "subprocess", SimpleNamespace(run=run))
        yield


@pytest.fixture(scope="session")
def rows(corner: Screen) -> pd.DataFrame:
    """Responses of the corner; those of its last eight lines are the part test."""
    rows = corner.responses[["cell_line_id", "drug_id", "response"]]
    held_out = rows["cell_line_id"].isin(corner.cell_lines.index[-8:])
    return rows.assign(part=np.where(held_out, "test", "train"))
