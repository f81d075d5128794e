"""What bdrp says when it cannot go on.

Every message answers four questions in order: what is wrong, what was seen, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BdrpError(Exception):
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


class BdrpWarning(UserWarning):
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
