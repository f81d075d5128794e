"""Bars of long work: in a terminal, in a notebook, behind a notebook's `!`, and where nobody asked for one."""

from __future__ import annotations

import pytest
from rich.console import Console

from bdrp.progress import NOTEBOOK, WIDTH, show_bar


def run(parts: int, **flags: bool) -> None:
    with show_bar("compare", **flags) as advance:
        for part in range(parts + 1):
            advance(part, parts, f"ridge, fold {part}\n")


@pytest.mark.parametrize("behind_a_shell", [False, True])
def test_a_notebook_keeps_one_short_line_of_text(
    behind_a_shell: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    if behind_a_shell:
        monkeypatch.setenv(NOTEBOOK, "1")
    else:
        monkeypatch.setattr(Console, "is_jupyter", True, raising=False)
        monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    run(400)
    said = capsys.readouterr()
    kept = said.err.rstrip("\n").rpartition("\r")[2]
    assert said.out == "" and "\n" not in said.err.rstrip("\n") and len(kept) <= WIDTH and len(said.err) < 10 * WIDTH
    assert kept.startswith("compare: 100%") and "400/400" in kept and "ridge, fold 400" in kept


def test_elsewhere_it_is_a_bar(capsys: pytest.CaptureFixture) -> None:
    run(3)
    assert "3/3 ridge, fold 3" in capsys.readouterr().err


@pytest.mark.parametrize(("parts", "flags"), [(1, {}), (3, {"shown": False})])
def test_one_part_and_what_is_not_to_be_shown_have_none(
    parts: int, flags: dict[str, bool], capsys: pytest.CaptureFixture
) -> None:
    run(parts, **flags)
    said = capsys.readouterr()
    assert said.out.strip() == said.err.strip() == ""
