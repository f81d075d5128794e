"""Flags of engines: what no engine does is refused before anything is read."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--workers", 2), "the engine is local, which answers one part after another"),
        (("--engine", "spark"), "no engine 'spark'"),
        (("--address", "auto"), "Add --engine ray"),
        (("--engine", "ray", "--layout", "dreval", "--screen", "simulated"), "--layout is written at once"),
    ],
)
def test_flags_that_no_engine_does_are_refused(bdrp, tmp_path, flags, said):
    tables = () if "--layout" in flags else ("--drugs", tmp_path / "d.csv", "--expression", tmp_path / "e.csv")
    ran = bdrp("predict", tmp_path / "model", *tables, "--out", tmp_path / "p.parquet", *flags)
    assert ran.exit_code == 2 and said in ran.stderr


@pytest.mark.parametrize("command", [("compare", "--methods", "ridge"), ("ablate",)])
def test_studies_refuse_an_unknown_engine_before_they_read_anything(bdrp, tmp_path, command):
    ran = bdrp(*command, "--screen", "nowhere", "--out", tmp_path / "out", "--engine", "spark")
    assert ran.exit_code == 2 and "no engine 'spark'" in ran.stderr and not list(tmp_path.iterdir())
