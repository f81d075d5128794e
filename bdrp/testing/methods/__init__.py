"""Whether a method is one: options that are refused by name, fits that can be repeated, honest predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from bdrp.inference import METHODS
from bdrp.inference.method import Method
from bdrp.testing import checking
from bdrp.testing.methods import fits, options, posteriors, predictions
from bdrp.testing.methods.subject import Subject

CHECKS = (*options.CHECKS, *fits.CHECKS, *predictions.CHECKS, *posteriors.CHECKS)


def check_method(method: type[Method] | str | os.PathLike[str], small: Mapping[str, Any] | None = None) -> list[str]:
    """Check that a method does what `bdrp fit` and its users count on, on a tiny screen.

    What a method does not do it says by its attributes; see `bdrp.inference.method.Method`.

    Args:
        method: the class that a plug-in calls METHOD, its name, or the path of its file.
        small: options that make a fit quick, such as `{"epochs": 3}`.

    Returns:
        What holds, a sentence a check.

    Raises:
        AssertionError: something does not hold; all that does not is named.

    Example:
        >>> check_method("mean_effects")[0]
        'it is a frozen subclass of method with a name'
    """
    kind = method if isinstance(method, type) else METHODS.load(method).METHOD
    checks = (*CHECKS, *fits.ON_AN_ACCELERATOR) if torch.cuda.is_available() else CHECKS
    return checking.run(f"The method {kind.name}", checks, Subject(kind, small or {}))
