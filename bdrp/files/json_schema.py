"""JSON held to a JSON Schema, entry by entry: a file that others made may say anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

Schema = Mapping[str, Any]

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
YES_OR_NO: Final[Schema] = {"type": "boolean"}


def or_none(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def items(schema: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": schema}


def entries(schema: Schema | bool = True) -> Schema:
    """An object of any names, with these values; True is any value."""
    return {"type": "object", "additionalProperties": schema}


def record(needed: Mapping[str, Schema], more: Mapping[str, Schema] | None = None, *, others: bool = False) -> Schema:
    """An object with these entries, those of `more` where there are any, and whatever `others` there are."""
    properties = {**needed, **(more or {})}
    return {"type": "object", "properties": properties, "required": [*needed], "additionalProperties": others}


def check(value: Any, schema: Schema, what: str) -> None:
    """Refuse a value that a schema does not allow.

    Args:
        value: as JSON was read.
        schema: of draft 7.
        what: the value is, as an error begins: "its manifest".

    Raises:
        ValueError: naming the entry that differs, what it is and what it must be.

    >>> check({"a": [1, "x"]}, record({"a": items(WHOLE)}), "the record")
    Traceback (most recent call last):
    ValueError: the record.a[1] is 'x'; it must be integer
    """
    import fastjsonschema  # here, for what reads no folder needs none

    try:
        _validator(json.dumps(schema))(value)
    except fastjsonschema.JsonSchemaValueException as error:
        where, _, rule = error.message.partition(" ")
        seen = "" if rule.startswith(("must contain", "must not contain")) else f"is {str(error.value)[:40]!r}; it "
        raise ValueError(f"{what}{where.removeprefix('data')[:80]} {seen}{rule[:120]}") from error


@cache
def _validator(schema: str) -> Callable[[Any], Any]:
    """The check of a schema, compiled once: it takes as long as a hundred checks."""
    import fastjsonschema

    return fastjsonschema.compile(json.loads(schema))
