"""Options that all forests share."""

from __future__ import annotations

from dataclasses import dataclass

from bdrp.errors import FitError
from bdrp.features.batch import Features
from bdrp.inference.method import Method, require_at_least
from bdrp.inference.trees.forest import Growth


@dataclass(frozen=True)
class ForestMethod(Method):
    """A method that grows a forest on expression components and structure.

    Attributes:
        trees: T. leaf: the fewest responses of a leaf.
        components: of expression, at most those of the batch.
        coordinates: of the fingerprint.
        share: of the features tried at a split.
    """

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

    def components_of(self, features: Features) -> int:
        """The components of expression that there are to split on."""
        return min(self.components, features.components)
