"""What bdrp says when it cannot go on.

Every message answers four questions in order: what is wrong, what was seen, what is allowed, what to do. What to do is
written with the flags of the command line, and read in Python with Python's arguments: `--overwrite` is overwrite=True.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_SPEAKS_FLAGS: ContextVar[bool] = ContextVar("speaks_flags", default=False)
_WORD: Final = r"(?!and\b|or\b|if\b)[a-z][a-z0-9_]*(?:,[a-z0-9_]+)*(?![\w=])"
_FLAG: Final = re.compile(rf"`bdrp [^`]*`|--([a-z][a-z-]+)( {_WORD})?")
_CALLED: Final = {"match_expression": "match"}
_SWITCHES: Final = ("overwrite", "resume")
_WORDS: Final = ("match", "expression_scale", "unit", "dose_unit", "measure", "screen")


@contextmanager
def speak_flags() -> Iterator[None]:
    """Messages keep their flags, as the command line reads them."""
    token = _SPEAKS_FLAGS.set(True)
    try:
        yield
    finally:
        _SPEAKS_FLAGS.reset(token)


def speak_python(message: str) -> str:
    """A message with arguments in the place of flags; commands in backticks stay.

    >>> speak_python("Choose another --out, or say --overwrite.")
    'Choose another out, or say overwrite=True.'
    >>> speak_python("say --match-expression quantile or rank; state it with --unit and --dose-unit.")
    'say match="quantile" or rank; state it with unit and dose_unit.'
    """
    return _FLAG.sub(_argument, message).replace("screen_option ", "")


def _argument(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    name = found[1].replace("-", "_")
    name, value = _CALLED.get(name, name), (found[2] or "").strip()
    if name in _SWITCHES:
        return f"{name}=True{found[2] or ''}"
    return f'{name}="{value}"' if value and name in _WORDS else f"{name}{found[2] or ''}"


class _Speaking:
    """A message that is read in the words of where it is read."""

    def __str__(self) -> str:
        text = super().__str__()
        return text if _SPEAKS_FLAGS.get() else speak_python(text)


class BdrpError(_Speaking, Exception):
    """The root of every error that bdrp raises on purpose; the command line prints it without a traceback.

    >>> from bdrp import BdrpError, splits
    >>> try:
    ...     splits.make("no screen", "cell_lin")
    ... except BdrpError as refusal:
    ...     print(str(refusal)[:66])
    There is no split by 'cell_lin'. Did you mean 'cell_line'? Allowed
    """


class DataError(BdrpError):
    """A table, a file or a structure does not say what a screen needs."""


class SplitError(BdrpError):
    """A split would leave a part empty, or would let one compound or one patient straddle two parts."""


class FitError(BdrpError):
    """A method cannot be fitted on these data, or the fit collapsed."""


class ModelFolderError(BdrpError):
    """A saved model is incomplete, altered, foreign, or does not fit the data it is asked to predict."""


class OutputError(BdrpError):
    """A result could not be written: no permission, no space, or something else stands in its place."""


class BdrpWarning(_Speaking, UserWarning):
    """A number stays usable but is weaker than it looks.

    >>> import warnings
    >>> from bdrp import BdrpWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", BdrpWarning)  # where a script must stop instead
    """


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """A question that offers the known name most like one that is not known; "" where none is like it.

    >>> did_you_mean("last_layr", ["ridge", "last_layer"]), did_you_mean("x", ["ridge"])
    (" Did you mean 'last_layer'?", '')
    """
    by_case = {str(one).casefold(): str(one) for one in known}
    like = difflib.get_close_matches(str(name).casefold(), by_case, 1)
    return f" Did you mean {by_case[like[0]]!r}?" if like else ""
