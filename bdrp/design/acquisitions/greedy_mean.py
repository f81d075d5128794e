"""The lines that are predicted to be most sensitive among a drug's own, whatever is not known of them."""

from __future__ import annotations

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the most sensitive by the predicted mean, among the drug's own lines"
GOAL = "hits"
CONDITIONS = False
TARGETED = False


def score(unmeasured: Unmeasured) -> Floats:
    """How rare so low a response is among the drug's lines, (N,), in nats; see `Unmeasured.rarity`."""
    return unmeasured.rarity(unmeasured.mean)
