"""Ways to fit and to be uncertain: one file a method, the file's name is the method's name."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from bdrp.errors import FitError


def names() -> list[str]:
    """The methods there are: every file at this door but `method`; inner rooms hold what methods are made of."""
    files = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return sorted(name for name in files if name != "method")


def make(name: str, options: Mapping[str, Any] | None = None) -> Any:
    """A method with its options.

    Raises:
        FitError: there is no such method or option, or a value is of the wrong kind.
    """
    if name not in names():
        raise FitError(f"There is no method {name!r}. Choose one of: {', '.join(names())}.")
    method = import_module(f"{__name__}.{name}").METHOD
    allowed = {field.name: field for field in fields(method)}
    unknown = sorted(set(options or {}) - set(allowed))
    if unknown:
        raise FitError(f"{name} has no option {', '.join(unknown)}. It has: {', '.join(allowed) or 'none'}.")
    try:
        return method(**{key: _cast(key, value, allowed[key].default) for key, value in (options or {}).items()})
    except (TypeError, ValueError) as error:
        raise FitError(
            f"An option of {name} has the wrong kind: {error}. Give numbers where numbers are meant."
        ) from error


def _cast(name: str, value: Any, default: Any) -> Any:
    """A value of the kind of the default: text from a command line, or a number from a manifest."""
    if default is None and value in (None, "None"):
        return None
    if isinstance(default, tuple):  # names, by commas on a command line and as a list in a manifest
        return tuple(value.split(",") if isinstance(value, str) else map(str, value))
    kind = int if default is None else type(default)  # what may be left open is a count
    if isinstance(value, str):
        value = kind(value)
    whole_for_fraction = kind is float and type(value) is int
    if not (type(value) is kind or whole_for_fraction):
        raise TypeError(f"{name} is {value!r}, where {kind.__name__} is meant")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, which is not finite")
    return value
