"""The page on which a reviewer decides: the queue with a card a pair, in one file that opens from the disk."""

from bdrp.report.review.evidence import Evidence, gather_evidence
from bdrp.report.review.page import guard, render_page, write

__all__ = ["Evidence", "gather_evidence", "guard", "render_page", "write"]
