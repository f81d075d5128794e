"""Pairs of drugs on a line under independent action: a table of their chances and gains."""

from bdrp.report.combinations.asking import Combinations, ask
from bdrp.report.combinations.files import places, write

__all__ = ["Combinations", "ask", "places", "write"]
