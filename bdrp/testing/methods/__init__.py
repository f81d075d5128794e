"""Whether a method is one: options that are refused by name, fits that can be repeated, honest predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bdrp.inference.method import Method
from bdrp.testing import checking
from bdrp.testing.methods import fits, options, posteriors, predictions
from bdrp.testing.methods.subject import Subject

CHECKS = (*options.CHECKS, *fits.CHECKS, *predictions.CHECKS, *posteriors.CHECKS)


def check_method(method: type[Method], small: Mapping[str, Any] | None = None) -> list[str]:
    """Check that a method does what `bdrp fit` and its users count on, on a tiny screen.

    What a method does not do it says by its attributes; see `bdrp.inference.method.Method`.

    Args:
        method: the class that a plug-in calls METHOD.
        small: options that make a fit quick, such as `{"epochs": 3}`.

    Returns:
        What holds, a sentence a check.

    Raises:
        AssertionError: something does not hold; all that does not is named.

    Example:
        >>> from bdrp.inference.mean_effects import METHOD
        >>> check_method(METHOD)[0]
        'it is a frozen subclass of method with a name'
    """
    return checking.run(f"The method {method.name}", CHECKS, Subject(method, small or {}))
