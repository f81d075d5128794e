from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bdrp.data.screen import Screen
from bdrp.plugins import kind, source_file
from bdrp.testing import screens

DOCS = Path(__file__).resolve().parents[2] / "docs"
METHOD = """
from bdrp.inference.mean_effects import MeanEffectsMethod
from dataclasses import dataclass

@dataclass(frozen=True)
class {kind}(MeanEffectsMethod):
    name = "{name}"

METHOD = {kind}
"""


def code_of(page: str, after: str, language: str = "python") -> str:
    """The first block of a page in a language after some words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"{re.escape(after)}.*?^```{language}\n(.*?)^```$", text, re.M | re.S)
    assert found is not None, f"{page} shows no {language} after {after}"
    return found.group(1)


@pytest.fixture(scope="session")
def shown() -> Callable[..., str]:
    """`shown(page, after, language)`: the code that a page of the docs shows after some words."""
    return code_of


@pytest.fixture
def method_text() -> Callable[[str], str]:
    """`method_text(name)`: a small method, mean effects under another name."""
    return lambda name: METHOD.format(name=name, kind=name.title().replace("_", ""))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`install(package, version, {module: text}, {group: {name: module}})`: a package, as an installer leaves it."""

    def installed(package: str, version: str, modules: dict[str, str], entries: dict[str, dict[str, str]]) -> None:
        site = tmp_path / f"site_{package}"
        shutil.rmtree(site, ignore_errors=True)
        about = site / f"{package.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        for module, text in modules.items():
            (site / f"{module}.py").write_text(text)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        groups = [
            [f"[{group}]", *(f"{name} = {value}" for name, value in each.items())] for group, each in entries.items()
        ]
        (about / "entry_points.txt").write_text("\n".join(line for group in groups for line in group))
        monkeypatch.syspath_prepend(str(site))

    return installed


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules, files and entry points that a test brings in are forgotten after it."""
    monkeypatch.setattr(source_file, "_RUN", {})
    yield
    brought = [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]
    for name in brought:
        del sys.modules[name]
    kind._entry_points.cache_clear()


@pytest.fixture
def tables(tiny_screen: Screen, tmp_path: Path) -> list[str]:
    """The flags of `bdrp fit` for the tiny screen, written as tables."""
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(tmp_path / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(tmp_path / "drugs.csv")
    tiny_screen.expression.to_csv(tmp_path / "expression.csv")
    files = [(f"--{what}", str(tmp_path / f"{what}.csv")) for what in ("responses", "drugs", "expression")]
    return ["--screen", "tables", *(word for flag in files for word in flag)]


@pytest.fixture
def some_rows() -> Any:
    """The tiny screen as tensors, and pairs of drugs and lines of which some were trained on and some were not."""
    batch = screens.some_unseen()
    return batch, batch.test.concatenate(batch.train)
