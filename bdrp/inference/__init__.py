"""Ways to fit and to be uncertain: one file a method, the file's name is the method's name."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from bdrp.errors import FitError

_NOT_METHODS = {"method", "training", "hierarchy", "hierarchical_ridge"}


def names() -> list[str]:
    """The methods there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_METHODS)


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
        return method(**{key: _cast(value, allowed[key].default) for key, value in (options or {}).items()})
    except (TypeError, ValueError) as error:
        raise FitError(
            f"An option of {name} has the wrong kind: {error}. Give numbers where numbers are meant."
        ) from error


def _cast(value: Any, default: Any) -> Any:
    """Text from a command line as the kind of the default."""
    return type(default)(value) if isinstance(value, str) and default is not None else value
