"""Names of a package that are imported when they are first asked for, so that to import the package costs little."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def late_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: each name by the module below it that holds it.

    >>> late_names("bdrp.testing", {"check_method": "methods"})("check_method").__name__
    'check_method'
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"{package} has no attribute {name!r}; its names are {', '.join(sorted(homes))}.")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return find
