"""Extremely randomised trees, for `--method extra_trees.py`."""

from sklearn.ensemble import ExtraTreesRegressor

from bdrp import from_sklearn

METHOD = from_sklearn(ExtraTreesRegressor(100, min_samples_leaf=3), name="extra_trees")
