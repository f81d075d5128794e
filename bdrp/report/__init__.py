"""The calibration report: one self-contained HTML file and the same numbers as JSON."""

from bdrp.report.ablation.page import ablate
from bdrp.report.comparison.page import compare
from bdrp.report.evaluation.evaluate import evaluate
from bdrp.report.evaluation.files import write
from bdrp.report.transferability.page import transfer

__all__ = ["ablate", "compare", "evaluate", "transfer", "write"]
