"""What to measure next: probing panels for new lines and new drugs, and batches of pairs."""

from bdrp.design import acquisitions, plates
from bdrp.design.costs import Costs
from bdrp.design.probe import NEW_DRUGS, NEW_LINES, Panel, probe
from bdrp.design.propose import Expected, Proposal, propose
from bdrp.design.target import Target

__all__ = [
    "NEW_DRUGS",
    "NEW_LINES",
    "Costs",
    "Expected",
    "Panel",
    "Proposal",
    "Target",
    "acquisitions",
    "plates",
    "probe",
    "propose",
]
