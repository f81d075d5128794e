"""Bayesian, uncertainty-first prediction of cancer drug response.

    from bdrp import answer, evaluate, fit, plot, predict, sources, splits

    model = fit("simulated", "cell_line", out="model")
    predictions = predict(model, screen="simulated", drugs={"ethanol": "CCO"})
    plot.interval(predictions)

Nothing is imported before it is asked for: `import bdrp` and `bdrp --help` load no torch and no pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bdrp import calibration, design, evaluation, explain, report, testing, triage
    from bdrp.data import sources, splits
    from bdrp.data.screen import Screen
    from bdrp.data.splits import Split
    from bdrp.errors import BdrpError, BdrpWarning
    from bdrp.evaluation import Scores, score
    from bdrp.fitted.fit import fit
    from bdrp.fitted.model import TrainedModel
    from bdrp.fitted.predict import predict
    from bdrp.fitted.regressor import BdrpRegressor
    from bdrp.fitted.update import update
    from bdrp.inference.scikit_learn import from_sklearn
    from bdrp.predictive import Predictions, PredictiveDistribution
    from bdrp.report import evaluate, plot
    from bdrp.report.answers import Answer
    from bdrp.report.answers import ask_model as answer

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BdrpError",
    "BdrpRegressor",
    "BdrpWarning",
    "Predictions",
    "PredictiveDistribution",
    "Scores",
    "Screen",
    "Split",
    "TrainedModel",
    "answer",
    "calibration",
    "design",
    "evaluate",
    "evaluation",
    "explain",
    "fit",
    "from_sklearn",
    "plot",
    "predict",
    "report",
    "score",
    "sources",
    "splits",
    "testing",
    "triage",
    "update",
]

_ROOMS = {
    "calibration": "bdrp.calibration",
    "design": "bdrp.design",
    "evaluation": "bdrp.evaluation",
    "explain": "bdrp.explain",
    "plot": "bdrp.report.plot",
    "report": "bdrp.report",
    "sources": "bdrp.data.sources",
    "splits": "bdrp.data.splits",
    "testing": "bdrp.testing",
    "triage": "bdrp.triage",
}
_HOMES = {
    "Answer": ("bdrp.report.answers", "Answer"),
    "BdrpError": ("bdrp.errors", "BdrpError"),
    "BdrpRegressor": ("bdrp.fitted.regressor", "BdrpRegressor"),
    "BdrpWarning": ("bdrp.errors", "BdrpWarning"),
    "Predictions": ("bdrp.predictive", "Predictions"),
    "PredictiveDistribution": ("bdrp.predictive", "PredictiveDistribution"),
    "Scores": ("bdrp.evaluation", "Scores"),
    "Screen": ("bdrp.data.screen", "Screen"),
    "Split": ("bdrp.data.splits", "Split"),
    "TrainedModel": ("bdrp.fitted.model", "TrainedModel"),
    "answer": ("bdrp.report.answers", "ask_model"),
    "evaluate": ("bdrp.report", "evaluate"),
    "fit": ("bdrp.fitted.fit", "fit"),
    "from_sklearn": ("bdrp.inference.scikit_learn", "from_sklearn"),
    "predict": ("bdrp.fitted.predict", "predict"),
    "score": ("bdrp.evaluation", "score"),
    "update": ("bdrp.fitted.update", "update"),
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = importlib.import_module(_ROOMS[name])
    elif name in _HOMES:
        room, called = _HOMES[name]
        value = getattr(importlib.import_module(room), called)
    else:
        from bdrp.errors import did_you_mean

        raise AttributeError(
            f"module 'bdrp' has no attribute {name!r}.{did_you_mean(name, __all__)} Its public names are "
            f"{', '.join(__all__)}."
        )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
