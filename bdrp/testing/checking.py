"""How checks speak: each is a function whose name says what holds, and fails in a sentence of what was seen instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Subject = TypeVar("Subject")


def require(holds: bool, seen: str) -> None:
    """Fail with what was seen where something does not hold; unlike an `assert`, under `python -O` too.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(seen)


def require_refusal(error: type[Exception], words: str, call: Callable[[], Any], what: str) -> None:
    """Fail where a call does not raise this error, or its message lacks the words.

    Args:
        error: what is to be raised.
        words: a regular expression that is to be found in the message.
        call: what is to be refused.
        what: the same in words, as in "an unknown option".

    Raises:
        AssertionError: it was not refused so.
    """
    try:
        call()
    except error as refusal:
        require(re.search(words, str(refusal)) is not None, f"{what} is refused without saying {words!r}: {refusal}")
    else:
        raise AssertionError(f"{what} is taken; {error.__name__} is to be raised")


def run(what: str, checks: Sequence[Callable[[Subject], None]], subject: Subject) -> list[str]:
    """Run every check, and fail once with all that failed.

    Returns:
        What holds, a sentence a check.

    Raises:
        AssertionError: a check failed, or raised an error of its own.
    """
    failures, cause = [], None
    for check in checks:
        try:
            check(subject)
        except Exception as error:  # a plug-in may raise whatever it likes
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            failures.append(f"- not so: {sentence(check)}. {kind}{error}")
            cause = cause or error
    if failures:
        raise AssertionError(
            f"{what} fails {len(failures)} of {len(checks)} checks:\n" + "\n".join(failures)
        ) from cause
    return [sentence(check) for check in checks]


def sentence(check: Callable[..., None]) -> str:
    """The name of a check, read aloud.

    >>> sentence(require_refusal)
    'require refusal'
    """
    return check.__name__.replace("_", " ")
