"""Pairs of drugs on a line under independent action: a page and a table of their chances and gains."""

from bdrp.report.combinations.asking import Combinations, ask
from bdrp.report.combinations.files import places, write
from bdrp.report.combinations.page import render_page

__all__ = ["Combinations", "ask", "places", "render_page", "write"]
