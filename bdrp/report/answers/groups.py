"""Three honest groups: what is sure either way, and what is not known and should be measured."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from bdrp.errors import DataError
from bdrp.predictive.distribution import Floats

SENSITIVE: Final = "sure and sensitive"
UNKNOWN: Final = "unknown: measure it"
NOT: Final = "sure and not"
GROUPS: Final = (SENSITIVE, UNKNOWN, NOT)
"""In the order of an answer."""
SURE: Final = 0.9  # chosen: as often as a 90 % interval is right


def assign(chance: Floats, sure: float = SURE) -> npt.NDArray[np.str_]:
    """The group of each pair by its probability of being active, (N,); where that is not known (NaN), so is the pair.

    Raises:
        DataError: `sure` is not between one half and one.

    >>> assign(np.array([0.95, 0.5, 0.02, float("nan")])).tolist()
    ['sure and sensitive', 'unknown: measure it', 'sure and not', 'unknown: measure it']
    """
    if not 0.5 < sure < 1:
        raise DataError(f"An answer is sure from {sure!r}. Allowed: more than 0.5 and less than 1. Write 90 % as 0.9.")
    return np.select([chance >= sure, chance <= 1 - sure], [SENSITIVE, NOT], UNKNOWN)
