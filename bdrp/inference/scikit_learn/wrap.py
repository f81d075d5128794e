"""A scikit-learn regressor becomes a method's class, as a plug-in holds it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, Final

from bdrp.errors import FitError
from bdrp.inference.method import Method
from bdrp.inference.scikit_learn.estimators import NOISES, quantile_parameter
from bdrp.inference.scikit_learn.method import SklearnMethod

ALLOWED: Final = f"Allowed: {', '.join(NOISES)}, or a regressor whose parameter quantile (or alpha, of a quantile loss)"


def from_sklearn(estimator: Any, *, noise: Any = "drug", name: str | None = None) -> type[Method]:
    """A method that predicts by a scikit-learn regressor; see `bdrp.inference.scikit_learn.method` for what it does.

    What comes back is the class that `fit` takes, and that a file of a plug-in calls METHOD. The estimator is cloned
    for each fit, its `random_state` being the seed; a pipeline is an estimator too.

    Args:
        estimator: what is fitted to a row a pair: components of the line's expression, coordinates of the drug's
            fingerprint, its descriptors. Anything with `fit`, `predict`, `get_params` and `set_params`.
        noise: the variance of a response about the mean, learned out of fold: "drug", of each drug; "constant", one of
            all; or a regressor of quantiles, fitted to the out-of-fold errors, so that each pair has its own.
        name: of the method, that of its file where it is one; None writes the estimator's class in small letters.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_screen
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> method = bdrp.from_sklearn(KNeighborsRegressor(7), noise="constant")
        >>> method.name, method().estimator
        ('k_neighbors_regressor', 'KNeighborsRegressor(n_neighbors=7)')
        >>> model = bdrp.fit(tiny_screen(), "pair", method=method, recalibration="identity")
        >>> model.held_out_predictions()
        Normal(68 pairs, ln_ic50_um in ln(µM))

    Raises:
        FitError: it is no regressor that can be cloned, or the noise is none of those.
    """
    _check(estimator, "estimator", "A regressor with fit, predict, get_params and set_params is needed")
    if not (isinstance(noise, str) and noise in NOISES):
        _check(noise, "noise", f"{ALLOWED} is the level")
        quantile_parameter(noise)
    called = name or _snake(type(estimator).__name__)
    if not called.isidentifier():
        raise FitError(f"name is {called!r}; letters, digits and underscores are allowed. Choose another.")
    options = {"estimator": described(estimator), "noise": noise if isinstance(noise, str) else described(noise)}
    return _class(called, sys._getframe(1).f_globals.get("__name__", "__main__"), estimator, noise, options)


def described(estimator: Any) -> str:
    """An estimator on one line, with the parameters that were set, however many."""
    from sklearn.base import BaseEstimator

    whole = estimator.__repr__(N_CHAR_MAX=10**6) if isinstance(estimator, BaseEstimator) else repr(estimator)
    return " ".join(whole.split())


def _class(name: str, module: str, estimator: Any, noise: Any, options: dict[str, str]) -> type[Method]:
    """A subclass in the caller's module, so that records say where it comes from."""
    parts = {
        "__module__": module,
        "__doc__": f"{options['estimator']} of scikit-learn's kind as a method; noise: {options['noise']}.",
        "__annotations__": {"estimator": "str", "noise": "str"},
        "name": name,
        "template": estimator,
        "noise_template": noise,
        **options,
    }
    made: type[Method] = dataclass(frozen=True)(type(name, (SklearnMethod,), parts))
    return made


def _check(given: Any, what: str, needed: str) -> None:
    lacking = [part for part in ("fit", "predict", "get_params", "set_params") if not hasattr(given, part)]
    if lacking or isinstance(given, type):
        seen = "a class" if isinstance(given, type) else f"without {' and '.join(lacking)}"
        raise FitError(f"{what} is {given!r}, {seen}. {needed}. Give such a one, as in RandomForestRegressor(100).")


def _snake(name: str) -> str:
    """As files are called.

    >>> _snake("ExtraTreesRegressor"), _snake("SVR")
    ('extra_trees_regressor', 'svr')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
