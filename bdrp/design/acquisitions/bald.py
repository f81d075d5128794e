"""What a measurement tells of the model as a whole: the information that response and expected responses share.

For a normal response with epistemic variance v and noise n it is log(1 + v / n) / 2 nats (Houlsby et al. 2011,
doi:10.48550/arXiv.1112.5745). With v given the batch so far, the scores of a batch add up to half the log-determinant
of I + K / n over the batch, which is what all of it tells (BatchBALD, Kirsch et al. 2019,
doi:10.48550/arXiv.1906.08158): taken one by one, a batch has at least 1 - 1/e of what the best has (Nemhauser et al.
1978, doi:10.1007/BF01588971).
"""

from __future__ import annotations

import numpy as np

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the most information on the whole model: greedy log-determinant"
GOAL = "knowledge"
CONDITIONS = True
TARGETED = False


def score(unmeasured: Unmeasured) -> Floats:
    """Information, (N,), in nats."""
    return np.asarray(0.5 * np.log1p(unmeasured.variance / unmeasured.noise))
