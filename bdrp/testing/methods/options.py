"""Checks of a method's options: frozen, of one kind each, and refused by name where they cannot be."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from functools import partial
from typing import Any, cast

from bdrp import inference
from bdrp.errors import FitError
from bdrp.inference.method import Method
from bdrp.testing.checking import require, require_refusal
from bdrp.testing.methods.subject import Check, Subject


def it_is_a_frozen_subclass_of_method_with_a_name(subject: Subject) -> None:
    """As a plug-in it has to have the name of its file or entry point, which is compared when it is loaded."""
    method = subject.make()
    require(isinstance(method, Method), f"{subject.method.__name__} is no subclass of Method")
    require(isinstance(method.name, str) and method.name.isidentifier(), f"its name is {method.name!r}")
    try:
        setattr(method, fields(method)[0].name if fields(method) else "option", 1)
    except FrozenInstanceError:
        return
    raise AssertionError("an option can be set after the method is made; write @dataclass(frozen=True)")


def an_unknown_option_is_refused_with_those_there_are(subject: Subject) -> None:
    """So that a mistyped flag is seen."""
    known = ", ".join(each.name for each in fields(subject.make())) or "none"
    words = f"{subject.method.name} has no option colour. It has: {known}"
    require_refusal(FitError, words, lambda: subject.make(colour="red"), "the option colour")


def options_of_the_wrong_kind_are_refused_by_name(subject: Subject) -> None:
    """Whether they come from a manifest, from Python, or as the text of a flag."""
    for each in fields(subject.make()):
        for value in _of_the_wrong_kind(each.default):
            words = f"An option of {subject.method.name} has the wrong kind|{each.name} is"
            make = partial(subject.make, **{each.name: value})
            require_refusal(FitError, words, make, f"{each.name}={value!r}")


def negative_numbers_are_refused_by_name(subject: Subject) -> None:
    """Of an option that may be negative, `bdrp.inference.method.signed_option` says so."""
    for each in fields(subject.make()):
        if not isinstance(each.default, str) and not each.metadata.get("signed"):
            require_refusal(FitError, each.name, partial(subject.make, **{each.name: -1}), f"{each.name}=-1")


def options_given_as_text_are_read_as_their_kind(subject: Subject) -> None:
    """As the command line gives them, names by commas."""
    defaults = inference.with_options(subject.method, {})
    values = {each.name: getattr(defaults, each.name) for each in fields(cast(Any, defaults))}
    spoken = {name: ",".join(map(str, one)) if isinstance(one, tuple) else str(one) for name, one in values.items()}
    read = inference.with_options(subject.method, spoken)
    require(read == defaults, f"{spoken} is read as {read}")


def its_options_make_it_again(subject: Subject) -> None:
    """As a model folder keeps them."""
    method = subject.make()
    again = inference.with_options(subject.method, method.options())
    require(again == method, f"{method.options()} makes {again} of {method}")


def _of_the_wrong_kind(default: Any) -> list[Any]:
    whole = default is None or type(default) is int  # a count, which may be left open where it is None
    wrong: list[Any] = [[1], {}] + ([2.5] if whole else [])
    wrong += [] if isinstance(default, bool) else [True]
    wrong += [] if default is None else [None]
    return wrong + ([] if isinstance(default, str) else ["many", float("nan"), float("inf"), "nan"])


CHECKS: tuple[Check, ...] = (
    it_is_a_frozen_subclass_of_method_with_a_name,
    an_unknown_option_is_refused_with_those_there_are,
    options_of_the_wrong_kind_are_refused_by_name,
    negative_numbers_are_refused_by_name,
    options_given_as_text_are_read_as_their_kind,
    its_options_make_it_again,
)
