"""What JSON holds, entry by entry: kinds of values, against which a file is held that may say anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ANY: Final = "*"
"""As a shape: any value. As a name: every entry that has no shape of its own."""
NUMBER: Final = (float, int)

Shape = Any
"""A type, or a tuple of shapes of which one is needed, None among them; `[shape]` of a list's items; of an object
`{name: shape}`, where a name that ends in "?" may be missing, and one that is not named is refused without `ANY`."""


def check(value: Any, shape: Shape, what: str) -> None:
    """Refuse a value of another shape.

    Args:
        value: as JSON was read.
        shape: what is allowed.
        what: the value is, as an error begins: "its split".

    Raises:
        ValueError: naming the innermost entry that differs, and what it is.

    >>> check({"a": [1, "x"]}, {"a": [int], "b?": str}, "the record")
    Traceback (most recent call last):
    ValueError: the record's 'a', item 2 is 'x'
    """
    if isinstance(shape, dict) and isinstance(value, Mapping):
        _check_object(value, shape, what)
    elif isinstance(shape, list) and isinstance(value, list):
        for number, item in enumerate(value, 1):
            check(item, shape[0], f"{what}, item {number}")
    elif isinstance(shape, tuple):
        _check_one_of(value, shape, what)
    elif not _is_plain(value, shape):
        raise ValueError(f"{what} is {str(value)[:40]!r}")


def _check_object(value: Mapping[str, Any], shape: Mapping[str, Shape], what: str) -> None:
    shapes = {name.removesuffix("?"): one for name, one in shape.items()}
    missing = [name for name in shape if name not in value and name != ANY and not name.endswith("?")]
    if missing:
        raise ValueError(f"{what} lacks {missing[0]!r}")
    for name, inner in value.items():
        if name not in shapes and ANY not in shapes:
            raise ValueError(f"{what} has {name[:40]!r}, which is not known")
        check(inner, shapes.get(name, shapes.get(ANY)), f"{what}'s {name[:40]!r}")


def _check_one_of(value: Any, shapes: tuple[Shape, ...], what: str) -> None:
    nested = [one for one in shapes if isinstance(one, (dict, list)) and type(one) is type(value)]
    if nested:
        check(value, nested[0], what)
    elif not any(_is_plain(value, one) for one in shapes):
        raise ValueError(f"{what} is {str(value)[:40]!r}")


def _is_plain(value: Any, shape: Shape) -> bool:
    """Whether it is of a type, or what stands for no shape; True and False are no numbers."""
    return shape is ANY or (value is None if shape is None else type(value) is shape)
