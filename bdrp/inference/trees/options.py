"""What all forests share: their options, and what rows count for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bdrp.errors import FitError
from bdrp.features.batch import Features
from bdrp.inference.method import Method, require_at_least
from bdrp.inference.row_weights.known_variance import weigh
from bdrp.inference.trees.forest import Growth, forest_noise


@dataclass(frozen=True)
class ForestMethod(Method):
    """A method that grows a forest on expression components and structure.

    Attributes:
        trees: T. leaf: the fewest responses of a leaf.
        components: of expression, at most those of the batch.
        coordinates: of the fingerprint.
        share: of the features tried at a split.
    """

    reads_response_sd: ClassVar[bool] = True

    trees: int = 50
    leaf: int = 5
    components: int = 50
    coordinates: int = 24
    share: float = 0.33

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, trees=2, leaf=1, components=1, coordinates=1)
        if not 0 < self.share <= 1:
            raise FitError(f"share is {self.share}; it must be above 0 and at most 1. Choose another value.")

    @property
    def growth(self) -> Growth:
        """How the trees are grown."""
        return Growth(self.trees, self.leaf, self.share)

    def weigh(self, table: np.ndarray, response: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray | None:
        """What rows (N,) count for whose variances of measurement are known; None where none is."""
        if not known.any():
            return None
        return weigh(forest_noise(table, response, known, self.growth, seed), known)

    def components_of(self, features: Features) -> int:
        """The components of expression that there are to split on."""
        return min(self.components, features.components)
