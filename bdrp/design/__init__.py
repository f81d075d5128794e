"""What to measure next: probing panels for new lines and new drugs."""

from bdrp.design.probe import NEW_DRUGS, NEW_LINES, Panel, probe

__all__ = ["NEW_DRUGS", "NEW_LINES", "Panel", "probe"]
