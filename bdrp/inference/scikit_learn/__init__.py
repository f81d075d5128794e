"""Any regressor with scikit-learn's interface as a method: it predicts the mean, and its errors are the noise."""

from bdrp.inference.scikit_learn.wrap import from_sklearn

__all__ = ["from_sklearn"]
