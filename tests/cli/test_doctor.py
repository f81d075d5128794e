"""`bdrp doctor`: what is installed is told from what is missing, not allowed, or other than the tests know."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from bdrp.cli import installation
from bdrp.cli.installation import GIVES, Package, inspect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def with_requirements(monkeypatch):
    """`with_requirements(*lines)`: what bdrp's own metadata are taken to state."""
    return lambda *lines: monkeypatch.setattr(installation.metadata, "requires", lambda name: list(lines))


def test_a_whole_environment_is_said_to_be_whole(bdrp):
    ran = bdrp("doctor")
    assert ran.exit_code == 0
    assert "All that bdrp needs is here." in ran.stdout and "torch" in ran.stdout and "device:  c" in ran.stdout


def test_what_is_missing_or_not_allowed_ends_in_one_with_what_to_install(bdrp, with_requirements):
    with_requirements("numpy>=2", "no-such-package>=1,<2", "pandas<1")
    ran = bdrp("doctor")
    assert ran.exit_code == 1
    assert "no-such-package is not installed. Allowed: >=1,<2. pip install 'no-such-package>=1,<2'." in ran.stderr
    assert "pandas is installed as" in ran.stderr and "numpy" not in ran.stderr


def test_an_extra_that_is_not_whole_is_no_fault_and_says_what_it_would_give(bdrp, with_requirements):
    with_requirements("numpy>=2", 'no-such-package>=1; extra == "boosting"')
    ran = bdrp("doctor")
    assert ran.exit_code == 0
    assert "Without no-such-package there is not: the method boosting" in ran.output + ran.stderr
    assert "pip install 'bdrp[boosting]'" in ran.output + ran.stderr


def test_a_requirement_of_another_system_is_left_out():
    assert inspect(['numpy>=2; sys_platform == "nowhere"']).packages == []


def test_json_has_the_state_of_each_package(bdrp):
    found = json.loads(bdrp("doctor", "--json").stdout)["results"]
    assert found["usable"] is True
    assert {each["name"]: each["state"] for each in found["packages"]}["numpy"] in ("ok", "other than pinned")


@pytest.mark.parametrize(
    ("installed", "pinned", "state"),
    [
        (None, "2.0", "missing"),
        ("1.9", "2.0", "not allowed"),
        ("2.1", "2.0", "other than pinned"),
        ("2.0+cpu", "2.0", "ok"),
        ("2.1", None, "ok"),
    ],
)
def test_the_state_of_a_package(installed, pinned, state):
    assert Package("torch", ">=2,<3", installed, pinned).state == state


def test_pins_are_read_by_any_spelling_of_a_name(tmp_path):
    (tmp_path / "pins.txt").write_text("# releases\nTyping_Extensions==1.0\n")
    (found,) = inspect(["typing-extensions>=0.1"], tmp_path / "pins.txt").packages
    assert found.pinned == "1.0"


def test_every_extra_is_described():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(GIVES) == set(extras)
