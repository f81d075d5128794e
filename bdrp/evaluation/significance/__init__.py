"""Is one method better than another? Intervals and tests on the same held-out pairs; nothing is fitted here."""

from bdrp.evaluation.significance.bootstrap import Bootstrap, differences, intervals
from bdrp.evaluation.significance.metrics import METRICS, tabulate
from bdrp.evaluation.significance.over_folds import corrected_t, practical_equivalence
from bdrp.evaluation.significance.ranked import CriticalDifference, critical_difference, friedman, wilcoxon
from bdrp.evaluation.significance.rows import pair_rows

__all__ = [
    "METRICS",
    "Bootstrap",
    "CriticalDifference",
    "corrected_t",
    "critical_difference",
    "differences",
    "friedman",
    "intervals",
    "pair_rows",
    "practical_equivalence",
    "tabulate",
    "wilcoxon",
]
