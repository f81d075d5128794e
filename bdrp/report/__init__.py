"""The calibration report: one self-contained HTML file and the same numbers as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bdrp.late_names import late_names

if TYPE_CHECKING:
    from bdrp.report.ablation.page import ablate
    from bdrp.report.comparison.page import compare
    from bdrp.report.evaluation.evaluate import evaluate
    from bdrp.report.evaluation.files import write
    from bdrp.report.transferability.page import transfer

__all__ = ["ablate", "compare", "evaluate", "transfer", "write"]

__getattr__ = late_names(
    __name__,
    {
        "ablate": "ablation.page",
        "compare": "comparison.page",
        "evaluate": "evaluation.evaluate",
        "transfer": "transferability.page",
        "write": "evaluation.files",
    },
)
