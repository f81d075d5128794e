"""Answers that a scientist can act on: drugs ranked for a line, lines for a drug, as a page, a workbook and a table."""

from bdrp.report.answers.answer import Answer
from bdrp.report.answers.asking import Criteria, ask_model, ask_predictions
from bdrp.report.answers.files import places, write
from bdrp.report.answers.page import render_page

__all__ = ["Answer", "Criteria", "ask_model", "ask_predictions", "places", "render_page", "write"]
