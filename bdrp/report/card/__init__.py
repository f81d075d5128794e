"""The card of a model as a page."""

from bdrp.report.card.page import check_place, render_page, write

__all__ = ["check_place", "render_page", "write"]
