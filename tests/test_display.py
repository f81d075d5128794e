"""What a prompt and a notebook show of every public object: a few lines, names as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bdrp
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.design import probe
from bdrp.display import LONGEST, MOST, abbreviate
from bdrp.evaluation import score
from bdrp.explain import explain
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import ask
from bdrp.fitted.prepared import prepare
from bdrp.report.answers import ask_model

HOSTILE = "<script>alert(1)</script>\x1b[2J"


@pytest.fixture(scope="module")
def objects(trained: tuple[TrainedModel, Path], tiny_screen: Screen, tiny_split: Split) -> dict[str, Any]:
    model = trained[0]
    prepared = prepare(tiny_screen, tiny_split, ("expression",))
    predictions = bdrp.predict(model, screen=tiny_screen)
    explanation = explain(model, tiny_screen, drugs=["D001"])
    return {
        "screen": tiny_screen,
        "split": tiny_split,
        "model": model,
        "features": model.features,
        "recalibration": model.recalibration,
        "domain": model.applicability_domain,
        "held out": model.held_out_part,
        "posterior check": model.posterior_check,
        "prepared": prepared,
        "batch": prepared.batch,
        "inputs": prepared.batch.inputs,
        "pairs": prepared.batch.test,
        "question": ask(model, screen=tiny_screen),
        "predictions": predictions,
        "distribution": predictions.distribution,
        "scores": score(model.held_out_predictions(), model.held_out()),
        "explanation": explanation,
        "associations": explanation.associations,
        "contributions": explanation.contributions,
        "answer": ask_model(model, tiny_screen, line="SIM0001"),
        "panel": probe(model, tiny_screen.drugs, tiny_screen.expression, size=2),
    }


def test_every_public_object_is_a_few_lines_in_text_and_html(objects: dict[str, Any]) -> None:
    for name, one in objects.items():
        lines = repr(one).splitlines()
        assert len(lines) <= MOST + 2 < 15, name
        assert max(map(len, lines)) <= LONGEST + 60, name
        html = one._repr_html_()
        assert html.startswith("<div>") and len(html) < 8_000, name


def test_what_is_shown_is_of_the_object(objects: dict[str, Any], tiny_split: Split) -> None:
    shown = repr(objects["model"])
    assert "last_layer" in shown and "tiny" in shown and "50 genes" in shown
    assert f"test         {len(tiny_split.rows('test'))} responses" in repr(tiny_split)
    first = objects["predictions"].table(top=1).iloc[0]
    assert first["drug"] in repr(objects["predictions"])
    assert f"{objects['scores'].metrics['point']['rmse']:.4g}" in repr(objects["scores"])


def test_hostile_names_are_text(make_screen: Callable[..., Screen], parts: dict[str, Any]) -> None:
    drugs = parts["drugs"].assign(name=HOSTILE)
    screen = make_screen(name=HOSTILE, drugs=drugs, notices=(HOSTILE,))
    html = screen._repr_html_()
    assert "<script" not in html and "&lt;script" in html and "\x1b" not in html


def test_values_are_abbreviated() -> None:
    assert abbreviate(pd.DataFrame({"a": range(3)})) == "DataFrame of 3 x 1"
    assert abbreviate(["a", "b", "c", "d"]) == "list of 4: a, b, c, …"
    assert abbreviate("line\x1b\nbreak") == "line\N{REPLACEMENT CHARACTER} break"
    assert abbreviate(12345) == "12,345" and abbreviate(()) == "none" and abbreviate(None) == "None"
