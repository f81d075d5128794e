"""What holds for the section of every topic."""

from __future__ import annotations

import pkgutil

import pytest

from bdrp.evaluation import topics as scored
from bdrp.report.definitions import LABELS
from bdrp.report.evaluation import topics
from bdrp.report.evaluation.censored_definitions import CENSORED_LABELS


def leaves(metrics):
    """The names of all numbers, however they are nested."""
    inner = (leaves(value) if isinstance(value, dict) else [key] for key, value in metrics.items())
    return {name for names in inner for name in names}


def sections(case):
    return {each.id: each for each in topics.sections(case.scores, case.scores.to_dict(), "ln(µM)")}


def test_every_topic_that_is_scored_is_on_the_page_and_no_other():
    assert sorted(module.name for module in pkgutil.iter_modules(topics.__path__)) == scored.names()


@pytest.mark.parametrize("name", scored.names())
def test_every_metric_of_a_topic_is_defined_and_nothing_else(case, name):
    named = {f"{name}.{key}" for key in leaves(case.scores.to_dict()[name]) if not key.endswith(("_lower", "_upper"))}
    assert named == {each.key for each in topics.definitions() if each.key.startswith(f"{name}.")}


@pytest.mark.parametrize("definition", topics.definitions(), ids=lambda definition: definition.key)
def test_definitions_of_topics_are_whole_sentences(definition):
    assert definition.meaning.endswith((".", "?")) and definition.label
    assert definition.key not in LABELS and definition.key not in CENSORED_LABELS


@pytest.mark.parametrize("name", scored.names())
def test_every_metric_of_a_topic_stands_in_a_table_under_its_name(case, name):
    section = sections(case)[name.replace("_", "-")]
    shown = {row[0] for table in section.tables for row in table.rows}
    assert {each.label for each in topics.definitions() if each.key.startswith(f"{name}.")} <= shown


def test_each_asks_a_question_and_answers_it_with_a_figure(case):
    for section in sections(case).values():
        assert section.title.endswith("?") and section.tables and section.figures


def test_the_tables_of_topics_are_among_those_of_the_scores(case):
    of_topics = {name for topic in case.scores.topics.values() for name in topic.tables}
    assert of_topics <= set(case.scores.tables)
