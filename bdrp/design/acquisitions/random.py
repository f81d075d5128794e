"""Any pair: what all others have to beat."""

from __future__ import annotations

import numpy as np

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "any pair; what the others have to beat"
GOAL = "none"
CONDITIONS = False
TARGETED = False


def score(unmeasured: Unmeasured) -> Floats:
    """Numbers drawn anew for each place of the batch, (N,)."""
    return np.asarray(1.0 - unmeasured.rng.random(len(unmeasured)))
