"""The house rules that no other tool checks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import bdrp

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "bdrp").rglob("*.py"))
FORBIDDEN = {"utils", "util", "common", "core", "helpers", "misc"}
LONGEST = 400
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _plug_ins(room: str) -> list[Path]:
    return [path for path in sorted((ROOT / "bdrp" / room).glob("*.py")) if not path.name.startswith("_")]


def _names(path: Path) -> set[str]:
    """The names that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_the_version_is_the_same_everywhere():
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M).group(1) == bdrp.__version__
    assert re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1) == bdrp.__version__
    assert json.loads((ROOT / "codemeta.json").read_text())["version"] == bdrp.__version__
    assert f'set version = "{bdrp.__version__}"' in (ROOT / "packaging" / "conda" / "meta.yaml").read_text()


def test_every_public_name_can_be_had():
    assert [name for name in bdrp.__all__ if getattr(bdrp, name, None) is None] == []
    assert len(bdrp.__all__) <= 27


def test_a_name_that_bdrp_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(AttributeError, match="no attribute 'fitt'. Did you mean 'fit'. Its public names are .*fit"):
        bdrp.fitt  # noqa: B018


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_anyone_reads(path):
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_room_is_a_lumber_room():
    named = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert named & FORBIDDEN == set()


def test_the_readme_is_short_and_shows_code_early():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) < 150
    assert next(i for i, line in enumerate(lines, 1) if line.startswith("```")) <= 30
    assert "clinical" in "\n".join(lines)


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page, link in links
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_page_is_in_the_contents_of_the_site():
    contents = re.findall(r"^([\w/-]+)$", (ROOT / "docs" / "index.md").read_text(), re.M)
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages - set(contents) == set()


@pytest.mark.parametrize("path", _plug_ins("data/sources"), ids=lambda path: path.stem)
def test_every_source_describes_itself_and_loads(path):
    assert {"DESCRIPTION", "load"} <= _names(path)


@pytest.mark.parametrize("path", _plug_ins("calibration"), ids=lambda path: path.stem)
def test_every_recalibrator_can_be_fitted(path):
    assert "fit" in _names(path)


def test_every_package_that_is_imported_is_declared():
    known = {"jinja2": "jinja2", "pyro": "pyro-ppl", "sklearn": "scikit-learn", "torch_geometric": "torch-geometric"}
    extras = PROJECT["project"]["optional-dependencies"]
    entries = PROJECT["project"]["dependencies"] + extras["anndata"] + extras["boosting"] + extras["ray"]
    declared = {re.match(r"[\w.-]+", entry).group().lower() for entry in entries}
    imported = {top for path in MODULES for top in _imports(path)}
    assert {known.get(top, top).lower() for top in imported} - declared == set()


def test_every_declared_package_is_pinned():
    text = (ROOT / "constraints.txt").read_text()
    pinned = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", text, re.M)}
    extras = PROJECT["project"]["optional-dependencies"]
    entries = PROJECT["project"]["dependencies"] + [entry for extra in extras.values() for entry in extra]
    declared = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", entry).group()).lower() for entry in entries}
    assert declared - pinned == set()


def test_the_conda_recipe_asks_for_what_pyproject_asks_for():
    known = {"torch": "pytorch", "torch-geometric": "pytorch_geometric", "matplotlib": "matplotlib-base"}
    wanted = [re.match(r"([\w.-]+)(.*)", entry).groups() for entry in PROJECT["project"]["dependencies"]]
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text()
    run = re.search(r"  run:\n    - python >=3.11\n(.*?)\n\n", recipe, re.S).group(1)
    assert re.findall(r"- (.+)", run) == [f"{known.get(name, name)} {releases}" for name, releases in wanted]


def test_every_python_that_is_said_to_work_is_tried_by_nox_and_named_on_the_page():
    versions = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)]
    tried = re.search(r"PYTHONS = \[(.+)\]", (ROOT / "noxfile.py").read_text()).group(1)
    page = (ROOT / "docs" / "install.md").read_text()
    assert versions == re.findall(r"[\d.]+", tried) and [each for each in versions if each not in page] == []


def test_the_wheel_holds_every_module_and_every_data_file(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("bdrp/")}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "bdrp").rglob("*") if path.is_file()}
    assert packed == {name for name in there if "__pycache__" not in name}
    assert {Path(name).suffix for name in packed} >= {".py", ".csv", ".typed"}


def _imports(path: Path) -> set[str]:
    tops: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            tops.add(str(node.module).partition(".")[0])
    return tops - set(sys.stdlib_module_names) - {"bdrp", "__future__"}


def test_the_rooms_of_the_architecture_page_are_those_that_are_held():
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    page = (ROOT / "docs" / "architecture.md").read_text()
    shown = re.search(r"\n\n((?:    [^\n]+\n)+)\n- `data` knows no torch", page).group(1)
    assert [line.strip() for line in shown.splitlines()] == contract["layers"]


def test_the_code_map_names_files_that_are_there():
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page[page.index("## Where is") : page.index("## A file is a plug-in")]
    places = re.findall(r"`([a-z_/]+(?:\.py|/))`", table)
    assert len(places) > 25 and [place for place in places if not (ROOT / "bdrp" / place).exists()] == []
