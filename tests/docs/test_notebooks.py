"""The notebooks of docs/notebooks run from the first cell to the last, as `make docs` runs them in a kernel."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.errors import BdrpWarning

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.md"))
LONGEST_LINE = 104  # what a page shows without scrolling, and somewhat more


def cells(notebook: Path) -> list[str]:
    """The code of each cell, without the options above it."""
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", notebook.read_text(encoding="utf-8"), re.M | re.S)
    options = re.compile(r"\A(?:---\n.*?^---\n|(?::[^\n]*\n)+)\n?", re.M | re.S)  # as YAML, or a line an option
    return [options.sub("", cell) for cell in found]


def run(cell: str, names: dict[str, object]) -> None:
    """Run a cell: Python, or a command behind an exclamation mark; magic has no meaning outside of a kernel."""
    if cell.startswith("!"):
        ran = CliRunner().invoke(app, shlex.split(cell)[1:])
        assert ran.exit_code == 0, ran.output
    else:
        exec("\n".join(line for line in cell.splitlines() if not line.startswith("%")), names)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_the_first_cell_to_the_last(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        for cell in cells(notebook):
            run(cell, names)
    plt.close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_cells_that_fit_a_page_and_is_listed_on_the_first_one(notebook):
    listed = (notebook.parents[1] / "index.md").read_text(encoding="utf-8")
    long = [line for cell in cells(notebook) for line in cell.splitlines() if len(line) > LONGEST_LINE]
    assert len(cells(notebook)) >= 4 and long == []
    assert f"(notebooks/{notebook.stem}.md)" in listed and f"\nnotebooks/{notebook.stem}\n" in listed
