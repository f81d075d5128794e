"""The page of a replay: learning curves, and labels that random would have needed."""

from bdrp.report.replay.page import PAGE, write

__all__ = ["PAGE", "write"]
