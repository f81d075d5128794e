"""Bayesian, uncertainty-first prediction of cancer drug response.

    from bdrp import TrainedModel, evaluate, fit, sources, splits, triage

Nothing is imported before it is asked for: `import bdrp` and `bdrp --help` load no torch and no pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bdrp import calibration, evaluation, explain, report, triage
    from bdrp.data import sources, splits
    from bdrp.data.screen import Screen
    from bdrp.data.splits import Split
    from bdrp.errors import BdrpError, BdrpWarning
    from bdrp.fitted.fit import fit
    from bdrp.fitted.model import TrainedModel
    from bdrp.fitted.predict import predict
    from bdrp.fitted.update import update
    from bdrp.predictive import PredictiveDistribution
    from bdrp.report import evaluate

__version__ = "0.1.0"

__all__ = [
    "BdrpError",
    "BdrpWarning",
    "PredictiveDistribution",
    "Screen",
    "Split",
    "TrainedModel",
    "calibration",
    "evaluate",
    "evaluation",
    "explain",
    "fit",
    "predict",
    "report",
    "sources",
    "splits",
    "triage",
    "update",
]

_ROOMS = {
    "calibration": "bdrp.calibration",
    "evaluation": "bdrp.evaluation",
    "explain": "bdrp.explain",
    "report": "bdrp.report",
    "sources": "bdrp.data.sources",
    "splits": "bdrp.data.splits",
    "triage": "bdrp.triage",
}
_HOMES = {
    "BdrpError": "bdrp.errors",
    "BdrpWarning": "bdrp.errors",
    "PredictiveDistribution": "bdrp.predictive",
    "Screen": "bdrp.data.screen",
    "Split": "bdrp.data.splits",
    "TrainedModel": "bdrp.fitted.model",
    "evaluate": "bdrp.report",
    "fit": "bdrp.fitted.fit",
    "predict": "bdrp.fitted.predict",
    "update": "bdrp.fitted.update",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = importlib.import_module(_ROOMS[name])
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'bdrp' has no attribute {name!r}; its public names are {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
