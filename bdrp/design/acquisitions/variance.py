"""Where the expected response is least known, whatever that tells of other pairs (uncertainty sampling).

The score is the epistemic variance that is left once the batch so far is measured. Noise has no say: pairs that can
never be measured well are asked for as soon as others (`bald` weighs them).
"""

from __future__ import annotations

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the largest epistemic variance, given the batch so far"
GOAL = "knowledge"
CONDITIONS = True
TARGETED = False


def score(unmeasured: Unmeasured) -> Floats:
    """Epistemic variances, (N,), in the measure's unit squared."""
    return unmeasured.variance
