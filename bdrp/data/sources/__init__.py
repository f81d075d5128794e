"""Where screens come from: one file a source, and the file's name is the source's name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

from bdrp.data.screen import MEASURES, Screen
from bdrp.errors import DataError


def names() -> list[str]:
    """The names that `load` knows, found by listing this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def describe(name: str) -> str:
    """One line about a source.

    Raises:
        DataError: there is no such source.
    """
    return str(_module(name).DESCRIPTION)


def measures(name: str) -> tuple[str, ...]:
    """The measures that a source offers, its own default first.

    Raises:
        DataError: there is no such source.
    """
    return tuple(getattr(_module(name), "MEASURES", MEASURES))


def missing(name: str, root: Path) -> str | None:
    """Why a source cannot be loaded from below `root`, "" where it can; None where it looks for no files there.

    Raises:
        DataError: there is no such source.
    """
    look = getattr(_module(name), "missing", None)
    return None if look is None else str(look(root))


def load(name: str, root: str | Path | None = None, measure: str | None = None, **options: Any) -> Screen:
    """The screen of a source.

    Args:
        name: one of `names()`.
        root: the folder below which the source finds its files; a source without files needs none.
        measure: one of `measures(name)`; the first of them where nothing is said.
        options: what the source's own `load` takes beside these.

    Raises:
        DataError: the name, the root, the measure or an option is not known, or the files do not hold a screen.
    """
    module = _module(name)
    measure = measures(name)[0] if measure is None else measure
    _refuse_other_measures(name, measure)
    folder = None if root is None else Path(root)
    if folder is not None and not folder.is_dir():
        raise DataError(
            f"The root folder {str(folder)!r} of {name} does not exist or is no folder. Give an existing folder."
        )
    _refuse_unknown_options(name, module, options)
    screen: Screen = module.load(folder, measure=measure, **options)
    return screen


def _refuse_other_measures(name: str, measure: str) -> None:
    if measure not in MEASURES:
        raise DataError(f"There is no measure {measure!r}. Known are {', '.join(MEASURES)}; choose one of them.")
    if measure not in measures(name):
        raise DataError(
            f"{name} has no {measure}. It offers {', '.join(measures(name))}; ask for that, or choose another screen."
        )


def _refuse_unknown_options(name: str, module: Any, options: dict[str, Any]) -> None:
    taken = inspect.signature(module.load).parameters
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
    allowed = [option for option in taken if option not in ("root", "measure")]
    unknown = [option for option in options if option not in allowed]
    if unknown and not open_ended:
        raise DataError(
            f"{name} takes no option {unknown[0]!r}. Allowed are {', '.join(allowed) or 'none'}; drop or rename it."
        )


def _module(name: str) -> Any:
    if name not in names():
        raise DataError(f"There is no source {name!r}. Known are {', '.join(names())}; choose one of them.")
    return importlib.import_module(f"{__name__}.{name}")
