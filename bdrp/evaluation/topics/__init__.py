"""Metrics that answer a question of their own: one file a topic, the file's name is its key in scores.json.

A topic is `score(pred, observed, seed)`, which gives a `Topic`. What the calibration report says and draws of it stands
under the same name in `bdrp.report.evaluation.topics`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from bdrp.display import Displayed
from bdrp.evaluation.observed import Observed
from bdrp.predictive import PredictiveDistribution


@dataclass(frozen=True, repr=False)
class Topic(Displayed):
    """The answer to one question.

    Attributes:
        metrics: all numbers, which may be nested; nan where one is not defined.
        tables: what is drawn, by the name that it has in scores.json.
        notes: what the reader of the metrics should know, such as why one is not defined; sentences.
    """

    metrics: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...] = ()


def names() -> list[str]:
    """The topics there are: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def score(pred: PredictiveDistribution, observed: Observed, seed: int) -> dict[str, Topic]:
    """Every topic of one set of predictions.

    Args:
        pred: the predictions of N pairs.
        observed: their responses.
        seed: simulations and resampling; the same seed gives the same scores.
    """
    return {name: import_module(f"{__name__}.{name}").score(pred, observed, seed) for name in names()}
