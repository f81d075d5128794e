"""Why a prediction is what it is: genes that mark a drug, terms that sum to a prediction, slopes, and attention."""

from bdrp.explain.association import Associations, associate
from bdrp.explain.attention import Attention, read_attention
from bdrp.explain.contributions import PairContributions, explain_pairs
from bdrp.explain.enrichment import enrich
from bdrp.explain.explanation import Explanation, explain
from bdrp.explain.gene_sets import read_gmt
from bdrp.explain.slopes import Slopes, read_slopes

__all__ = [
    "Associations",
    "Attention",
    "Explanation",
    "PairContributions",
    "Slopes",
    "associate",
    "enrich",
    "explain",
    "explain_pairs",
    "read_attention",
    "read_gmt",
    "read_slopes",
]
