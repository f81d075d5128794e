"""The most sensitive in one draw of the posterior for each place of the batch (Thompson 1933, doi:10.2307/2332286).

Draws are joint, so that a batch follows what may be true as a whole; each place has a draw of its own, which keeps
batches mixed (Hernandez-Lobato et al. 2017, doi:10.48550/arXiv.1706.01825).
"""

from __future__ import annotations

from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

DESCRIPTION = "the most sensitive in one joint draw of the posterior a place of the batch"
GOAL = "hits"
CONDITIONS = False
TARGETED = False


def score(unmeasured: Unmeasured) -> Floats:
    """How rare so low a response is among the drug's lines, (N,), in nats; see `Unmeasured.rarity`."""
    return unmeasured.rarity(unmeasured.next_draw())
