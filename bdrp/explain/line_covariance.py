"""How alike lines are by expression, and the inverse of the covariance that follows, for any part of the lines.

The responses of one drug on lines with standardised expression Z (L, G) are taken as

    y ~ Normal(0, s^2 A),   A = K + c 11' + lambda I,

K = Z Z' over its mean diagonal, which is about G, and c so large that the level is free. One eigendecomposition of
K + c 11' serves every lambda. A drug was measured on the lines O and not on the lines M; with B the inverse over all
lines,

    (A_OO)^-1 = B_OO - B_OM (B_MM)^-1 B_MO,   log|A_OO| = log|A| + log|B_MM|,

so that each drug costs a factor of B_MM alone. (Linear mixed models of genetics: Kang et al. 2008,
doi:10.1534/genetics.107.080101; Lippert et al. 2011, doi:10.1038/nmeth.1681. The inverse of a part is the Schur
complement.)
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

FREE_LEVEL = 1e3  # chosen: c, prior variance of the level in units of K's mean diagonal; a level costs next to nothing
RATIOS = np.geomspace(0.01, 100, 17)  # chosen: values of lambda; neighbours differ by a factor of 1.8


class Products(NamedTuple):
    """What the inverse of A over all lines does to some columns X (L, X): B X, and the diagonal of X' B X."""

    inverse: Floats
    square: Floats


class LineCovariance:
    """A of L lines.

    Args:
        expression: (L, G) standardised.
    """

    def __init__(self, expression: Floats) -> None:
        self.expression = np.asarray(expression, np.float64)
        kernel = self.expression @ self.expression.T
        kernel /= max(float(np.diag(kernel).mean()), 1e-12)
        values, self.vectors = eigh(kernel + FREE_LEVEL, check_finite=False)
        self.values = values.clip(min=0)

    @cached_property
    def rotated(self) -> Floats:
        """(L, G) expression along the eigenvectors."""
        return np.asarray(self.vectors.T @ self.expression)

    def of_expression(self, ratio: float) -> Products:
        """Products with the expression, for one lambda."""
        scaled = self.rotated / (self.values + ratio)[:, None]
        return Products(np.asarray(self.vectors @ scaled), np.asarray((self.rotated * scaled).sum(0)))

    def inverse(self, ratio: float) -> Floats:
        """(L, L) B."""
        return np.asarray((self.vectors / (self.values + ratio)) @ self.vectors.T)

    def log_determinant(self, ratio: float) -> float:
        """log|A|."""
        return float(np.log(self.values + ratio).sum())


class ObservedPart:
    """The inverse of A_OO, written over all lines with zeros for those that were not measured.

    Args:
        inverse: (L, L) B.
        missing: positions of the lines that were not measured.
    """

    def __init__(self, inverse: Floats, missing: Positions) -> None:
        self.inverse, self.missing = inverse, missing
        self._factor = cho_factor(inverse[np.ix_(missing, missing)], lower=True, check_finite=False)

    @property
    def log_determinant(self) -> float:
        """log|B_MM|."""
        return 2 * float(np.log(np.diag(self._factor[0])).sum())

    def solve(self, columns: Floats) -> Floats:
        """(L,) or (L, X) inverse of A_OO times columns, 0 where not measured; what they hold there counts for nothing.

        The rows that were not measured take part with what makes their solution 0.
        """
        product = self.inverse @ columns
        if len(self.missing):
            product -= self.inverse[:, self.missing] @ cho_solve(self._factor, product[self.missing])
        return np.asarray(product)

    def squares(self, products: Products) -> Floats:
        """(X,) x' (A_OO)^-1 x for columns of which the products over all lines are known."""
        if not len(self.missing):
            return products.square
        half = solve_triangular(self._factor[0], products.inverse[self.missing], lower=True, check_finite=False)
        return np.asarray(products.square - np.square(half).sum(0))
