"""JSON as its standard has it (RFC 8259): one writer, and one reader that takes nothing else.

What is written holds no NaN and no Infinity: `plain` puts null in their place where a number may be undefined, and the
writer refuses the rest. What is read names no key twice, is of bounded size and depth, and every number is finite.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from bdrp.files import atomic, inputs

LARGEST: Final = 1 << 27
"""Bytes; chosen: a hundred times what is kept of 20,000 genes and 1,000 lines."""
DEEPEST: Final = 64
"""Objects and lists within each other; chosen: five times what bdrp writes."""
BITS: Final = 64
"""Of a whole number, in which counts and seeds are kept; one of hundreds of digits fails wherever it meets a float."""


class NotStrictError(ValueError):
    """What is read is not strict JSON; the message says why, and names the file."""


def write(path: Path, content: Any, *, indent: int = 1, sort_keys: bool = False) -> None:
    """Write JSON, whole or not at all, with a line's end at the end.

    Raises:
        OSError: the place cannot be written to.
        ValueError, TypeError: the content has no strict JSON; see `plain`.
    """
    whole = text(content, indent=indent, sort_keys=sort_keys).encode()
    with atomic.replacing(path) as beside:
        beside.write_bytes(whole + b"\n")


def write_lines(path: Path, records: Iterable[Any]) -> None:
    """Write JSON lines in ASCII, a record each, whole or not at all.

    Raises:
        OSError: the place cannot be written to.
        ValueError, TypeError: a record has no strict JSON; see `plain`.
    """
    lines = [f"{text(record, indent=None, ascii_only=True)}\n" for record in records]
    with atomic.replacing(path) as beside:
        beside.write_text("".join(lines), encoding="ascii", newline="\n")


def text(content: Any, *, indent: int | None = 1, sort_keys: bool = False, ascii_only: bool = False) -> str:
    r"""Strict JSON: one key a line, or all on one line without an indent; "?" for what UTF-8 cannot hold.

    Raises:
        ValueError, TypeError: the content holds NaN, Infinity, a whole number of more than 64 bits, itself, or what
            JSON has no word for.

    >>> text({"beta": 1, "alpha": [2.5]}, indent=None, sort_keys=True)
    '{"alpha": [2.5], "beta": 1}'
    """
    said = json.dumps(content, indent=indent, sort_keys=sort_keys, allow_nan=False, ensure_ascii=ascii_only)
    _check_whole(content)
    return _encodable(said)


def plain(
    value: Any, *, key: Callable[[object], str] = str, other: Callable[[Any], Any] = lambda unknown: unknown
) -> Any:
    """A value in JSON's types: None where a number is not finite, "?" for what UTF-8 cannot hold.

    Args:
        value: any nesting of mappings, lists, sets, arrays, numbers and text; NumPy's become Python's.
        key: makes the text that names an entry.
        other: makes of anything else what it is written as; left as it is, the writer refuses it.

    >>> plain({1: (2.0, float("nan"))})
    {'1': [2.0, None]}
    """
    if isinstance(value, Mapping):
        return {_encodable(key(name)): plain(inner, key=key, other=other) for name, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [plain(inner, key=key, other=other) for inner in value]
    if isinstance(value, str):
        return _encodable(value)
    if hasattr(value, "tolist"):  # an array, or a number of NumPy's
        return plain(value.tolist(), key=key, other=other)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int)) else other(value)


def read(path: Path, *, largest: int = LARGEST) -> Any:
    """What a file of strict JSON holds.

    Raises:
        OSError: it cannot be read.
        NotStrictError: it is something else; see `parse`.
    """
    return parse(inputs.read_start(path, largest + 1), str(path), largest=largest)


def parse(content: bytes, what: str, *, largest: int = LARGEST) -> Any:
    """What strict JSON in UTF-8 says.

    Args:
        content: the JSON.
        what: it is, as an error begins.
        largest: bytes that it may have.

    Raises:
        NotStrictError: it is larger or nested deeper than anything that bdrp writes, no UTF-8 or no JSON, names a key
            twice, or holds a number that is not finite, or a whole one of more than 64 bits.
    """
    try:
        if len(content) > largest:
            raise ValueError(f"it has more than {largest:,} bytes")
        value = json.loads(
            content.decode(),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        _check_depth(value)
    except RecursionError as error:
        raise NotStrictError(f"{what} is not readable JSON: it nests deeper than {DEEPEST}.") from error
    except ValueError as error:
        raise NotStrictError(f"{what} is not readable JSON: {error}.") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it says {twice[:40]!r} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"it holds {digits[:40]}, which is too large a number")
    return value


def _whole(digits: str) -> int:
    value = int(digits)
    _check_whole(value)
    return value


def _check_whole(content: Any) -> None:
    """Refuse a whole number that is too large, in what JSON has been made of or is made of now."""
    left = [content]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            left.extend(one.values())
        elif isinstance(one, (list, tuple)):
            left.extend(one)
        elif isinstance(one, int) and one.bit_length() > BITS:
            raise ValueError(f"it holds {str(one)[:40]}, which is too large a number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inside(outer)]
        if not level:
            return
    raise ValueError(f"it nests deeper than {DEEPEST}")


def _inside(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer


def _encodable(words: str) -> str:
    return words.encode("utf-8", "replace").decode()
