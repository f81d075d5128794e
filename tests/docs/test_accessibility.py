"""Whether every page of the built site passes axe-core, light and dark; figures say in words what they show."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
DRIVER = ROOT / "tests/report/browser/conftest.py"
"""The tab of a headless Chromium that pages of reports are read in."""
AXE = os.environ.get("AXE")
"""The file axe.min.js of the npm package axe-core."""
RUN = (
    "axe.run(document, {resultTypes: ['violations']})"
    ".then(found => JSON.stringify(found.violations.map(one => [one.id, one.nodes[0].html])))"
)
PAGES = sorted(path for path in SITE.rglob("*.html") if not {"_modules", "_static"} & set(path.relative_to(SITE).parts))
MARKDOWN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not PAGES:
        pytest.skip("the site is not built: make docs")
    if AXE is None:
        pytest.skip("no axe-core: set AXE to its axe.min.js")
    spec = importlib.util.spec_from_file_location("driver", DRIVER)
    assert spec is not None and spec.loader is not None
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    if driver.CHROMIUM is None:
        pytest.skip("no Chromium")
    tab = driver.Page(tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_page(page: Any, dark: bool) -> None:
    assert AXE is not None
    found = {}
    for path in PAGES:
        page.open(path, dark=dark)
        page.run(Path(AXE).read_text(encoding="utf-8") + ";0")
        if violations := json.loads(page.run(RUN)):
            found[str(path.relative_to(SITE))] = violations
    assert found == {}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.stem)
def test_a_picture_of_a_page_says_in_words_what_it_shows(path: Path) -> None:
    words = re.findall(r"!\[([^\]]*)\]\(", path.read_text(encoding="utf-8"))
    assert [said for said in words if len(said.split()) < 5] == []


def test_a_figure_of_a_notebook_says_in_words_what_it_shows() -> None:
    if not PAGES:
        pytest.skip("the site is not built: make docs")
    texts = {path: path.read_text(encoding="utf-8") for path in PAGES if path.parent.name == "notebooks"}
    words = [(path.stem, said) for path, text in texts.items() for said in re.findall(r'<img alt="([^"]*)"', text)]
    assert words and [(page, said) for page, said in words if len(said.split()) < 5] == []
