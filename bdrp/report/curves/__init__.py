"""The page of dose-response curves: what the plates are worth, and the curves that are doubtful, with their bands."""

from bdrp.report.curves.bands import draw_curve
from bdrp.report.curves.page import guard, render_page, write

__all__ = ["draw_curve", "guard", "render_page", "write"]
