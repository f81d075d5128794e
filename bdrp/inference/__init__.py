"""Methods: ways to fit and to be uncertain; one file a method, the file's name is the method's name.

Methods also come from installed packages, as entry points of `bdrp.methods`, and from a file that is given by its path.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from bdrp import plugins
from bdrp.errors import FitError, did_you_mean

if TYPE_CHECKING:
    from bdrp.inference.method import Method


def names() -> list[str]:
    """The methods there are: the files at this door, and what installed packages offer."""
    return METHODS.names()


def make(name: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> Any:
    """A method with its options.

    Args:
        name: one of `names()`, or the path of a Python file that holds a method.
        options: those that differ from the method's own; see its class.

    Raises:
        FitError: there is no such method or option, a value is of the wrong kind, or the method cannot be used.
    """
    return with_options(METHODS.load(name).METHOD, options)


def with_options(kind: type[Method], options: Mapping[str, Any] | None) -> Method:
    """A method of a class, each option a value of its default's kind, or text of one.

    Raises:
        FitError: there is no such option, or a value is of the wrong kind.
    """
    allowed = {each.name: each for each in fields(cast(Any, kind))}
    unknown = sorted(set(options or {}) - set(allowed))
    if unknown:
        raise FitError(
            f"{kind.name} has no option {', '.join(unknown)}.{did_you_mean(unknown[0], allowed)} It has: "
            f"{', '.join(allowed) or 'none'}."
        )
    try:
        return kind(**{key: _cast(key, value, allowed[key].default) for key, value in (options or {}).items()})
    except (TypeError, ValueError) as error:
        raise FitError(
            f"An option of {kind.name} has the wrong kind: {error}. Give numbers where numbers are meant."
        ) from error


def origin(method: Method) -> dict[str, dict[str, str]]:
    """Where a method comes from, as records hold it under `method_from`: package and version, or file and SHA-256.

    Empty for bdrp's own.
    """
    record = plugins.record_of(METHODS, method.name, type(method))
    return {"method_from": record} if record else {}


def make_recorded(record: Mapping[str, Any], file: str | os.PathLike[str] | None = None) -> Any:
    """The method that a record describes.

    Args:
        record: `method`, `options` and, of one that is not bdrp's own, `method_from`.
        file: of the method, where it came from one.

    Raises:
        FitError: as in `make`.
        ModelFolderError: the method is of a package or a file that is not here, or is another one.
    """
    module = plugins.load_recorded(METHODS, record["method"], record.get("method_from", {}), file)
    changed = {
        option.name: option.metadata["unrecorded"]
        for option in fields(module.METHOD)
        if option.metadata.get("unrecorded") is not None
    }
    return with_options(module.METHOD, changed | (record["options"] or {}))


def name_of(method: str | os.PathLike[str]) -> str:
    """What records call the method of a name or path."""
    return Path(method).stem if plugins.is_path(method) else str(method)


def _fault(name: str, module: ModuleType) -> str:
    from bdrp.inference.method import Method

    kind = module.METHOD
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        return f"has a METHOD that is {kind!r}, where a subclass of bdrp.inference.method.Method is needed"
    if kind.__abstractmethods__:
        return f"has a METHOD without {' and '.join(sorted(kind.__abstractmethods__))}"
    if not is_dataclass(kind) or not kind.__dataclass_params__.frozen:
        return "has a METHOD that is no frozen dataclass, whose fields are the options"
    open_ = [each.name for each in fields(kind) if each.default is MISSING]
    if open_:
        return f"has options without a default: {', '.join(open_)}"
    own = inspect.getattr_static(kind, "name", None)
    return "" if own == name else f"has a METHOD whose `name` is {own!r}, where it is found as {name!r}"


METHODS = plugins.Kind("method", __name__, "bdrp.methods", ("METHOD",), FitError, _fault, besides=("method",))


def _cast(name: str, value: Any, default: Any) -> Any:
    """A value of the kind of the default: text from a command line, or a number from a manifest."""
    if default is None and value in (None, "None"):
        return None
    if isinstance(default, tuple):
        return _names(name, value)
    kind = int if default is None else type(default)  # what may be left open is a count
    if isinstance(value, str):
        value = _truth(value) if kind is bool else kind(value)
    whole_for_fraction = kind is float and type(value) is int
    if not (type(value) is kind or whole_for_fraction):
        raise TypeError(f"{name} is {value!r}, where {kind.__name__} is meant")
    if kind is float and not _is_finite(value):
        raise ValueError(f"{name} is {str(value)[:40]}, which is not finite")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _names(name: str, value: Any) -> tuple[str, ...]:
    """Several names: by commas on a command line, a list in a manifest."""
    names = tuple(value.split(",")) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise TypeError(f"{name} is {value!r}, where names by commas are meant")
    return tuple(names)
