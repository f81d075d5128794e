"""The lines that may be most sensitive among a drug's own: the mean less one epistemic SD.

Low responses are sensitive, so that the optimist's bound is the lower one (GP-UCB, Srinivas et al. 2010,
doi:10.48550/arXiv.0912.3995). Within a batch means stay and SDs shrink with what is already in it (GP-BUCB, Desautels
et al. 2014, doi:10.5555/2627435.2750368).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the most sensitive that is well possible: mean less one epistemic SD"
GOAL = "hits"
CONDITIONS = True
TARGETED = False
DEVIATIONS: Final = 1.0  # chosen: more is more exploration


def score(unmeasured: Unmeasured) -> Floats:
    """How rare so low a response is among the drug's lines, (N,), in nats; see `Unmeasured.rarity`."""
    return unmeasured.rarity(unmeasured.mean - DEVIATIONS * np.sqrt(unmeasured.variance))
