"""What the page says and draws of each topic of `bdrp.evaluation.topics`, in a file of the topic's name.

A topic has `DEFINITIONS`, one of each of its metrics, and `section(metrics, tables, unit)`, which takes what
`bdrp.evaluation.topics.Topic` holds, with None where a metric is not defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bdrp.evaluation import topics
from bdrp.report.html.parts import Definition, Section

if TYPE_CHECKING:
    from bdrp.evaluation import Scores


def sections(scores: Scores, metrics: Mapping[str, Any], unit: str) -> tuple[Section, ...]:
    """The section of each topic; `metrics` are those of `Scores.to_dict`."""
    return tuple(
        import_module(f"{__name__}.{name}").section(metrics[name], topic.tables, unit)
        for name, topic in scores.topics.items()
    )


def definitions() -> tuple[Definition, ...]:
    """What the metrics of all topics mean."""
    return tuple(each for name in topics.names() for each in import_module(f"{__name__}.{name}").DEFINITIONS)
