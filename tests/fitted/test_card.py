"""A model's card is read off its folder: figures are those of its held-out predictions, and names are text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.evaluation import score
from bdrp.fitted.card import Card, CardSection, CardTable, describe
from bdrp.fitted.card_markdown import to_markdown
from bdrp.fitted.held_out import HeldOut
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import Normal

HOSTILE = "x | <img src=x onerror=alert(1)>\n# [a](javascript:b) `c` \x1b[2J\u202e http://evil.example"


def section(card: Card, title: str) -> CardSection:
    return next(each for each in card.sections if each.title == title)


def table(card: Card, title: str) -> CardTable:
    return next(each for part in card.sections for each in part.tables if each.title == title)


@pytest.fixture
def judged(trained: tuple[TrainedModel, Path]) -> TrainedModel:
    """A model whose held-out pairs cover by design: half of those of breast, all of lung, and a single one of skin."""
    model, _ = trained
    sizes = {"breast": 60, "lung": 60, "skin": 1}
    tissue = np.repeat(list(sizes), list(sizes.values()))
    n = len(tissue)
    keys = {"cell_line_id": [f"L{i}" for i in range(n)], "drug_id": ["D"] * n}
    pred = Normal(pd.DataFrame(keys), "ln_ic50_um", np.zeros(n), np.ones(n), np.zeros(n), unit="ln(µM)")
    response = np.where((tissue == "breast") & (np.arange(n) % 2 == 0), 5.0, 0.5)
    observed = pd.DataFrame(
        {**keys, "response": response, "tissue": tissue, "mean_effects": response, "laboratory": "a"}
    )
    observed["upper_limit"] = 4.0
    return replace(model, held_out_part=HeldOut(observed, pred, pred))


def test_coverage_is_that_of_the_held_out_predictions(judged: TrainedModel) -> None:
    card = describe(judged)
    found = {row[0]: row[1:3] for row in table(card, "By tissue").rows}
    assert found["breast"][0] == "60" and found["breast"][1].startswith("50.0% (")
    assert found["lung"][1].startswith("100.0% (")
    assert [row[0] for row in table(card, "By laboratory").rows] == ["a"]
    beyond = {row[0]: row[2] for row in table(card, "By response").rows}
    assert beyond["beyond what the assay could see"].startswith("0.0% (")


def test_it_has_the_figures_of_the_report(trained: tuple[TrainedModel, Path]) -> None:
    model, _ = trained
    scores = score(model.held_out_predictions(), model.held_out(), seed=0)
    card = describe(model)
    assert table(card, "All held-out pairs").rows[2][:2] == (
        "90%",
        f"{scores.to_dict()['coverage']['90']['coverage']:.1%}",
    )
    tissues = scores.tables["by_tissue"]
    assert [row[0] for row in table(card, "By tissue").rows] == tissues["group"].tolist()


def test_groups_that_are_not_covered_are_known_failures(judged: TrainedModel) -> None:
    said = section(describe(judged), "Known failures").sentences
    assert "90 % intervals are too narrow for the tissue breast: they hold 50.0% of 60 pairs." in said
    assert "90 % intervals are too wide for the tissue lung: they hold 100.0% of 60 pairs." in said
    assert "Groups by tissue: 1 of 3 have fewer than 20 held-out pairs, too few to judge." in said
    assert any(each.startswith("It errs no less than the mean effects") for each in said)
    covered = replace(judged.held_out_part, observed=judged.held_out_part.observed.assign(response=0.5))
    again = section(describe(replace(judged, held_out_part=covered)), "Known failures").sentences
    assert not any("too narrow for the tissue" in each for each in again)


def test_what_a_split_leaves_untested_is_said(trained: tuple[TrainedModel, Path]) -> None:
    model, _ = trained
    for by, said in (("pair", "new lines or new drugs"), ("drug", "new lines"), ("cell_line", "new drugs")):
        manifest = {**model.manifest, "split": {**model.manifest["split"], "by": by}}
        (sentence,) = [
            each
            for each in section(describe(replace(model, manifest=manifest)), "Split").sentences
            if "nothing" in each
        ]
        assert sentence.endswith(f"nothing here says how it does on {said}.")


def test_a_model_without_held_out_pairs_says_that_nothing_is_known(trained: tuple[TrainedModel, Path]) -> None:
    model, _ = trained
    card = describe(replace(model, held_out_part=None))
    assert section(card, "Coverage of its intervals").sentences == (
        "No pair was held out: nothing is known of how well its intervals cover.",
    )


def test_every_card_says_what_it_is_not_for(trained: tuple[TrainedModel, Path]) -> None:
    _, out = trained
    text = (out / "card.md").read_text(encoding="utf-8")
    assert text.startswith("# Model card: ")
    assert "Not for clinical decisions" in text
    assert text == to_markdown(describe(TrainedModel.load(out)))


def test_hostile_names_stay_text_in_markdown(judged: TrainedModel) -> None:
    part = judged.held_out_part
    tissues = part.observed["tissue"].replace({"breast": HOSTILE})
    hostile = replace(judged, held_out_part=replace(part, observed=part.observed.assign(tissue=tissues)))
    text = to_markdown(describe(hostile))
    rows = [line for line in text.splitlines() if "onerror" in line and line.startswith("|")]
    assert len(rows) == 1 and rows[0].replace(r"\|", "").count("|") == 6
    assert r"\<img src=x onerror=alert(1)\>" in rows[0] and r"\[a\](javascript:b)" in rows[0]
    assert r"http\://" in rows[0]
    assert "\x1b" not in text and "\u202e" not in text
