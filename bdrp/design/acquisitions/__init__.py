"""What makes an experiment worth doing: one file an acquisition function, and the file's name is its name.

A file holds `DESCRIPTION`; `GOAL`, whether it looks for knowledge or for hits; `CONDITIONS`, whether its scores change
with what the batch already holds; `TARGETED`, whether it asks what an experiment tells of the target pairs; and
`score(unmeasured)`, (N,), positive, high for what should be measured next.
"""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module
from typing import Literal, Protocol, cast

from bdrp.design.unmeasured import Unmeasured
from bdrp.errors import DataError
from bdrp.predictive.distribution import Floats


class Acquisition(Protocol):
    """What a file of this folder holds."""

    DESCRIPTION: str
    GOAL: Literal["knowledge", "hits", "none"]
    CONDITIONS: bool
    TARGETED: bool

    def score(self, unmeasured: Unmeasured) -> Floats:
        """(N,) positive numbers; what is highest is measured next."""
        ...


def names() -> list[str]:
    """The acquisition functions there are: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Acquisition:
    """The acquisition function of that name.

    Raises:
        DataError: there is none, with what is like it.
    """
    if name not in names():
        near = difflib.get_close_matches(name.casefold(), names(), 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise DataError(f"There is no acquisition function {name!r}.{meant} Allowed: {', '.join(names())}. Name one.")
    return cast(Acquisition, import_module(f"{__name__}.{name}"))
