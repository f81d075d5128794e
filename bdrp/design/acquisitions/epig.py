"""What a measurement tells of the target pairs: expected predictive information gain.

The mean over target pairs of the information that their response and the measured one share, which for normals of
correlation r is -log(1 - r^2) / 2 nats (Bickford Smith et al. 2023, doi:10.48550/arXiv.2304.08151, equation 10). Both
responses carry noise: a target that no measurement can pin down asks for none. A target pair that is measured itself is
no longer to be predicted, and does not count.
"""

from __future__ import annotations

import numpy as np

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the most information on the target pairs"
GOAL = "knowledge"
CONDITIONS = True
TARGETED = True


def score(unmeasured: Unmeasured) -> Floats:
    """Information, (N,), in nats a target pair."""
    targets = unmeasured.targets
    own, of_target = unmeasured.variance + unmeasured.noise, targets.variance + targets.noise
    explained = np.square(targets.covariance) / (own[:, None] * of_target)
    return targets.mean_over_others(-0.5 * np.log1p(-explained))
