"""The calibration report: one self-contained HTML file and the same figures as JSON."""

from bdrp.report.ablation import ablate
from bdrp.report.comparison import compare
from bdrp.report.held_out import evaluate
from bdrp.report.output import write
from bdrp.report.transferred import transfer

__all__ = ["ablate", "compare", "evaluate", "transfer", "write"]
