"""What bdrp says when it cannot go on.

Every message answers four questions in order: what is wrong, what was seen, what is allowed, what to do.
"""


class BdrpError(Exception):
    """The root of every error that bdrp raises on purpose; the command line prints it without a traceback."""


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
    """A number stays usable but is weaker than it looks."""
