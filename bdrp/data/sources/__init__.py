"""Where screens come from: one file a source, and the file's name is the source's name.

Sources also come from installed packages, as entry points of `bdrp.sources`, and from a file that is given by its path.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from bdrp import plugins
from bdrp.data.measures import PUBLISHED
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.user_tables.profiles import add_profiles, parse_profiles
from bdrp.errors import DataError, did_you_mean


def names() -> list[str]:
    """The names that `load` knows: the files of this folder, and what installed packages offer."""
    return SOURCES.names()


def describe(name: str) -> str:
    """One line about a source.

    Raises:
        DataError: there is no such source.
    """
    return str(SOURCES.load(name).DESCRIPTION)


def measures(name: str | os.PathLike[str]) -> tuple[str, ...]:
    """The measures that a source offers, its own default first.

    Raises:
        DataError: there is no such source.
    """
    return offered_measures(SOURCES.load(name))


def offered_measures(module: ModuleType) -> tuple[str, ...]:
    """The names in a source's `MEASURES`; those of the public screens where it has none.

    A source that imports the mapping of that name to look a measure up has none of its own.
    """
    offered = getattr(module, "MEASURES", PUBLISHED)
    return PUBLISHED if offered is MEASURES else tuple(offered)


def missing(name: str, root: Path) -> str | None:
    """Why a source cannot be loaded from below `root`, "" where it can; None where it looks for no files there.

    Raises:
        DataError: there is no such source.
    """
    look = getattr(SOURCES.load(name), "missing", None)
    return None if look is None else str(look(root))


def load(
    name: str | os.PathLike[str], root: str | Path | None = None, measure: str | None = None, **options: Any
) -> Screen:
    """The screen of a source.

    Args:
        name: one of `names()`, or the path of a Python file that holds a source.
        root: the folder below which the source finds its files; a source without files needs none.
        measure: one of `measures(name)`; where nothing is said, the first of them, or what the files of a source tell
            that `TELLS_MEASURE`.
        options: what the source's own `load` takes beside these; and of any source `profiles`, tables of further
            profiles of its lines by modality, such as {"copy_number": "cn.csv"}, or as text, "copy_number=cn.csv",
            with paths from `root`, or from the current folder.

    Raises:
        DataError: the name, the root, the measure or an option is not known, or the files do not hold a screen.
    """
    module = SOURCES.load(name)
    if measure is None and not getattr(module, "TELLS_MEASURE", False):
        measure = measures(name)[0]
    if measure is not None:
        _refuse_other_measures(name, measure)
    folder, further = None if root is None else Path(root), options.pop("profiles", None)
    if folder is not None and not folder.is_dir():
        raise DataError(
            f"The root folder {str(folder)!r} of {name} does not exist or is no folder. Give an existing folder."
        )
    _refuse_unknown_options(name, module, options)
    screen: Screen = module.load(folder, measure=measure, **options)
    _refuse_other_answers(name, measure, screen)
    if further is None:
        return screen
    return add_profiles(screen, {what: (folder or Path()) / path for what, path in parse_profiles(further).items()})


def _fault(name: str, module: ModuleType) -> str:
    if not (isinstance(module.DESCRIPTION, str) and module.DESCRIPTION):
        return f"has a DESCRIPTION that is {module.DESCRIPTION!r}, where a line of text is needed"
    if not callable(module.load):
        return f"has a load that is {module.load!r}, where a function of root and measure is needed"
    offered = offered_measures(module)
    unknown = [measure for measure in offered if measure not in MEASURES]
    return "" if offered and not unknown else f"has MEASURES {offered!r}, where some of {tuple(MEASURES)!r} are needed"


SOURCES = plugins.Kind("source", __name__, "bdrp.sources", ("DESCRIPTION", "load"), DataError, _fault)


def _refuse_other_measures(name: str | os.PathLike[str], measure: str) -> None:
    if measure not in MEASURES:
        raise DataError(
            f"There is no measure {measure!r}.{did_you_mean(measure, MEASURES)} Known are {', '.join(MEASURES)}; "
            "choose one of them."
        )
    if measure not in measures(name):
        raise DataError(
            f"{name} has no {measure}. It offers {', '.join(measures(name))}; ask for that, or choose another screen."
        )


def _refuse_other_answers(name: str | os.PathLike[str], measure: str | None, screen: Any) -> None:
    seen = f"a screen in {screen.measure.name}" if isinstance(screen, Screen) else f"a {type(screen).__name__}"
    if not isinstance(screen, Screen) or measure not in (None, screen.measure.name):
        wanted = "a screen" if measure is None else f"a screen in {measure}"
        raise DataError(f"The source {name} gave {seen}, where {wanted} was asked for. Mend the source.")


def _refuse_unknown_options(name: str | os.PathLike[str], module: Any, options: dict[str, Any]) -> None:
    taken = inspect.signature(module.load).parameters
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
    allowed = [option for option in taken if option not in ("root", "measure")]
    unknown = [option for option in options if option not in allowed]
    if unknown and not open_ended:
        if "responses" in unknown:
            raise DataError(
                f"A table of responses is given, and the screen is {name}, which reads none. Tables of your own are a "
                "screen by themselves. Say --screen tables, or leave them out."
            )
        raise DataError(
            f"{name} takes no option {unknown[0]!r}.{did_you_mean(unknown[0], allowed)} Allowed are "
            f"{', '.join(allowed) or 'none'}; drop or rename it."
        )
