from __future__ import annotations

import re
from pathlib import Path

import pytest

from bdrp.report.definitions import DEFINITIONS, LABELS
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary
from bdrp.report.html.table import Column, Table
from bdrp.report.terms import TERMS, find_terms, terms_of_section

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CRPS and its NLL", ["CRPS", "NLL"]),
        ("Held-out pairs of two folds", ["fold", "held out"]),
        ("Which within-drug Pearson?", ["Pearson", "within drug"]),
        ("Coverages of recalibration", ["coverage", "recalibration"]),
        ("An SDK that foldert, unresampledly", []),
        ("", []),
    ],
)
def test_terms_are_found_as_words(text, words):
    assert [term.word for term in find_terms([text])] == words


def test_a_metric_means_what_its_definition_says():
    defined = {definition.key: definition.meaning for definition in DEFINITIONS}
    named = [term for term in TERMS if term.key]
    assert len(named) > 8 and all(term.key in LABELS for term in named)
    assert all(defined[term.key].startswith(term.meaning) for term in named if term.key in defined)


def test_words_are_in_order_and_each_once():
    words = [term.word.lower() for term in TERMS]
    assert words == sorted(words) and len(set(words)) == len(words)


def test_the_glossary_has_the_same_words():
    section = GLOSSARY.read_text(encoding="utf-8").partition("## Words of the reports")[2]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.M)[2:]
    assert rows == [(term.word, term.meaning.replace("|", r"\|")) for term in TERMS]


def test_a_section_says_the_terms_of_all_that_it_shows():
    table = Table("Split by scaffold", (Column("Method"), Column("NLL")), (("epistemic", 1.0),), "Folds are resampled.")
    found = [term.word for term in terms_of_section(Section("a", "Coverage?", ("An SD.",), (table,)))]
    assert found == ["coverage", "fold", "NLL", "resampled", "scaffold", "SD"]  # no name of a row is taken for a term


def test_a_page_says_what_its_words_mean_and_links_to_definitions_it_has():
    crps = next(definition for definition in DEFINITIONS if definition.key == "probabilistic.crps")
    sections = (
        Section("one", "CRPS and NLL", ("Lower is better.",)),
        Section("two", "Nothing", ("Plain words.",)),
        Section("definitions", "What they mean", definitions=(crps,)),
    )
    summary = Summary("fair", "Coverage is right.", ())
    html = render(kicker="k", title="t", subtitle="s", beside="b", summary=summary, tiles=(), sections=sections)
    opened = re.findall(r'<details class="terms"><summary>Words: (.*?)</summary>', html)
    assert opened == ["coverage", "CRPS · NLL"]
    assert '<dt><a href="#means-probabilistic.crps">CRPS</a></dt>' in html and "<dt>NLL</dt>" in html
    assert "Share of responses inside their central interval" in html
