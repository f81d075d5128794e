"""Whether a source is one: it describes itself, and loads the same screen each time, which can be fitted."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from bdrp.data import sources, splits
from bdrp.data.measures import PUBLISHED
from bdrp.data.screen import MEASURES, Screen
from bdrp.errors import BdrpError
from bdrp.testing import checking
from bdrp.testing.checking import require


@dataclass(frozen=True)
class Subject:
    """A source, and with what it can be loaded."""

    source: ModuleType
    root: Path | None
    options: Mapping[str, Any]

    @property
    def measures(self) -> tuple[str, ...]:
        """What it says that it offers; of a source that reads any measure from its files, those of public screens."""
        offered = sources.offered_measures(self.source)
        return tuple(one for one in offered if one in PUBLISHED) if self.tells_measure else offered

    @property
    def tells_measure(self) -> bool:
        """Whether its files tell the measure, so that `load` needs none."""
        return bool(getattr(self.source, "TELLS_MEASURE", False))

    def load(self, measure: str, **more: Any) -> Screen:
        """A screen of it."""
        screen: Screen = self.source.load(self.root, measure=measure, **self.options, **more)
        return screen

    @cached_property
    def screen(self) -> Screen:
        """Of the first measure, loaded once."""
        return self.load(self.measures[0])


def check_source(
    source: ModuleType | str | os.PathLike[str], root: Path | str | None = None, **options: Any
) -> list[str]:
    """Check that a source does what `bdrp fit` and its users count on.

    Args:
        source: its module, its name, or the path of its file.
        root: the folder below which it finds its files, for a source that needs any.
        options: what else it is to be loaded with.

    Returns:
        What holds, a sentence a check.

    Raises:
        AssertionError: something does not hold; all that does not is named.

    Example:
        >>> check_source("simulated")[0]
        'it says in a line what it is'
    """
    module = source if isinstance(source, ModuleType) else sources.SOURCES.load(source)
    subject = Subject(module, None if root is None else Path(root), options)
    return checking.run(f"The source {module.__name__.rpartition('.')[2]}", CHECKS, subject)


def it_says_in_a_line_what_it_is(subject: Subject) -> None:
    """As `bdrp screens` shows it."""
    text = getattr(subject.source, "DESCRIPTION", None)
    require(isinstance(text, str) and bool(text) and text.isprintable(), f"its DESCRIPTION is {text!r}")


def it_takes_a_root_and_a_measure(subject: Subject) -> None:
    """`load(root, *, measure)`, and more if it likes, each with a default."""
    taken = inspect.signature(subject.source.load).parameters
    require({"root", "measure"} <= set(taken), f"load takes {', '.join(taken)}")
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    needed = [
        each.name
        for each in taken.values()
        if each.default is inspect.Parameter.empty and each.kind not in kinds and each.name not in ("root", "measure")
    ]
    require(not needed, f"load cannot be called without {', '.join(needed)}; give each a default")


def it_offers_measures_that_there_are(subject: Subject) -> None:
    """Its default comes first. A measure that it does not offer is refused for it, and never asked of it."""
    offered, default = subject.measures, inspect.signature(subject.source.load).parameters["measure"].default
    require(bool(offered) and set(offered) <= set(MEASURES), f"MEASURES is {offered}, of {tuple(MEASURES)}")
    same = default in (offered[0], inspect.Parameter.empty) or (default is None and subject.tells_measure)
    require(same, f"load's own measure is {default!r}, and MEASURES begins with {offered[0]!r}")


def each_measure_gives_a_screen_in_it(subject: Subject) -> None:
    """A `Screen` checks its tables itself."""
    for measure in subject.measures:
        screen = subject.screen if measure == subject.measures[0] else subject.load(measure)
        require(isinstance(screen, Screen), f"it gives a {type(screen).__name__} for {measure}")
        require(screen.measure.name == measure, f"it gives {screen.measure.name} where {measure} is asked for")


def loading_twice_gives_the_same(subject: Subject) -> None:
    """Table by table; what is drawn is drawn from a seed."""
    again = subject.load(subject.measures[0])
    for name in ("responses", "drugs", "cell_lines"):
        same = getattr(again, name).equals(getattr(subject.screen, name))
        require(same, f"its {name} differ when it is loaded twice")
    for name, profile in subject.screen.profiles.items():
        require(profile.equals(again.profiles.get(name)), f"its {name} differs when it is loaded twice")


def every_file_that_was_read_has_its_checksum(subject: Subject) -> None:
    """SHA-256 by file name, which a model folder keeps."""
    checksums = subject.screen.checksums
    wrong = [name for name, value in checksums.items() if len(value) != 64 or set(value) - set("0123456789abcdef")]
    require(not wrong, f"the checksums of {', '.join(wrong)} are no SHA-256 in hexadecimal digits")
    files = subject.root is not None or any(Path(str(value)).is_file() for value in subject.options.values())
    require(bool(checksums) or not files, "it reads files, and its screen has no checksums")


def what_is_missing_is_said_and_not_raised(subject: Subject) -> None:
    """Of a source with files, which `missing(root)` looks for; of an empty folder it says what lacks."""
    look = getattr(subject.source, "missing", None)
    if look is None:
        return
    with tempfile.TemporaryDirectory() as empty:
        lack = look(Path(empty))
    require(isinstance(lack, str) and bool(lack), f"missing says {lack!r} of an empty folder; text is needed")
    here = look(subject.root) if subject.root is not None else ""
    require(here == "", f"missing says {here!r} of the root that it is loaded from")


def its_pairs_can_be_split(subject: Subject) -> None:
    """Into parts to train, validate, calibrate and test with."""
    try:
        parts = set(splits.make(subject.screen, by="pair").parts)
    except BdrpError as refusal:
        raise AssertionError(str(refusal)) from refusal
    require({"train", "validation", "calibration", "test"} <= parts, f"the parts are {', '.join(sorted(parts))} alone")


CHECKS = (
    it_says_in_a_line_what_it_is,
    it_takes_a_root_and_a_measure,
    it_offers_measures_that_there_are,
    each_measure_gives_a_screen_in_it,
    loading_twice_gives_the_same,
    every_file_that_was_read_has_its_checksum,
    what_is_missing_is_said_and_not_raised,
    its_pairs_can_be_split,
)
