"""The calibration report: one self-contained HTML file and the same numbers as JSON."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bdrp.report.ablation.page import ablate
    from bdrp.report.comparison.page import compare
    from bdrp.report.evaluation.evaluate import evaluate
    from bdrp.report.evaluation.files import write
    from bdrp.report.transferability.page import transfer

__all__ = ["ablate", "compare", "evaluate", "transfer", "write"]

_HOMES: Final = {
    "ablate": "ablation.page",
    "compare": "comparison.page",
    "evaluate": "evaluation.evaluate",
    "transfer": "transferability.page",
    "write": "evaluation.files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"bdrp.report has no attribute {name!r}; its names are {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"bdrp.report.{_HOMES[name]}"), name)
