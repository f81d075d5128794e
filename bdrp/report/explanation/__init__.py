"""The page of an explanation: what marks a drug, why a prediction is what it is, and why its interval is wide."""

from bdrp.report.explanation.drug_gene_map import draw_drug_gene_map
from bdrp.report.explanation.interval_shares import draw_interval_shares
from bdrp.report.explanation.molecule import draw_molecule
from bdrp.report.explanation.page import explain
from bdrp.report.explanation.volcano import draw_volcano
from bdrp.report.explanation.waterfall import draw_waterfall

__all__ = ["draw_drug_gene_map", "draw_interval_shares", "draw_molecule", "draw_volcano", "draw_waterfall", "explain"]
