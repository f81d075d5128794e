"""Each bad input of docs/bad_input.py: what the page says is what is printed now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _bad_input():
    import sys

    spec = importlib.util.spec_from_file_location("bad_input", DOCS / "bad_input.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bad_input"] = module
    spec.loader.exec_module(module)
    return module


bad_input = _bad_input()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return bad_input.good_model(tmp_path_factory.mktemp("bad_input") / "model")


@pytest.fixture(scope="module")
def told():
    """What the page says, by the title of the case."""
    page = (DOCS / "bad-input.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## ([^\n]+)\n\n(?:[^`$][^\n]*\n\n)?```text\n\$ [^\n]+\n(.*?)\n```", page, re.M | re.S))


@pytest.mark.parametrize("case", bad_input.CASES, ids=lambda case: case.title)
def test_what_is_printed_is_what_the_page_says(case, told, request):
    code, words = bad_input.said(case, request.getfixturevalue("model") if case.model else None)
    assert code in (0, 2)
    assert bad_input.printed(code, words) == told[case.title], "run python docs/bad_input.py"


def test_the_page_has_every_case(told):
    assert list(told)[:-1] == [case.title for case in bad_input.CASES]
