"""The page of a batch of experiments: what is measured, on which plates, and what it is expected to bring."""

from bdrp.report.design.files import places, write

__all__ = ["places", "write"]
