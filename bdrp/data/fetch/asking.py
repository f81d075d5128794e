"""A question to a server on the web: answered in time, led on to web addresses alone, and read piece by piece."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import requests

Told = TypeVar("Told")

TRANSIENT: Final = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which asking again may help."""
_PIECE: Final = 1 << 20
_HOPS: Final = 10


class UnavailableError(Exception):
    """This address does not give the file; another may."""


class BrokeOffError(Exception):
    """The connection broke; the bytes so far are kept, and asking again may help."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        attempts: how often in a row a connection may break without a byte of progress.
        connect: seconds to be let in.
        read: seconds between two pieces; for an answer to begin, after `connect`.
        pause: seconds before the second attempt; doubled after each, up to 30.
        least: bytes a second; of a server that gives fewer over `window` seconds no more is asked.
        window: see `least`.
    """

    attempts: int = 5
    connect: float = 15.0
    read: float = 60.0
    pause: float = 1.0
    least: float = 1024.0
    window: float = 60.0


@contextmanager
def answer(method: str, url: str, patience: Patience, **request: Any) -> Iterator[requests.Response]:
    """What a server answers, with a body that `pieces` reads; led on from address to address where it is asked by GET.

    What a server sends along with the address that it leads on to is not read: it may never end.

    Raises:
        UnavailableError: what the server leads to is no address, none on the web, or a less protected one.
        BrokeOffError: no answer began in time, or the connection broke.
    """
    import requests

    with requests.Session() as session:
        response = _ask_on(session, method, url, patience, request)
        try:
            yield response
        finally:
            response.close()


def pieces(response: requests.Response, patience: Patience) -> Iterator[bytes]:
    """What has come, as it comes; a server that gives a byte now and then is not waited for.

    Raises:
        UnavailableError: the server is too slow, or packs what should come as it is.
        BrokeOffError: nothing came in time, or the connection broke before the end.
    """
    packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
    if packed or response.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise UnavailableError("the server sends the file in an encoding that was not asked for")
    return _pieces(response, patience)


def _ask_on(
    session: requests.Session, method: str, url: str, patience: Patience, request: dict[str, Any]
) -> requests.Response:
    for _ in range(_HOPS):
        asked = partial(_send, session, method, url, (patience.connect, patience.read), request)
        response = _hear(asked, patience.connect + patience.read)
        if not response.is_redirect or method != "GET":
            return response
        response.close()
        url = _onward(url, response.headers["Location"])
    raise UnavailableError(f"the server leads on, from address to address, {_HOPS} times")


def _send(
    session: requests.Session, method: str, url: str, timeout: tuple[float, float], request: dict[str, Any]
) -> requests.Response:
    """One request as `session.request` makes it, but for redirects, whose bodies that one reads whole."""
    import requests

    prepared = session.prepare_request(requests.Request(method, url, **request))
    settings = session.merge_environment_settings(url, {}, True, None, None)
    return session.get_adapter(url).send(prepared, timeout=timeout, **settings)


def _onward(url: str, location: str) -> str:
    try:
        onward = urljoin(url, location.encode("latin-1").decode("utf-8"))
        protected = urlsplit(onward).scheme == "https"
    except ValueError as error:
        raise UnavailableError(f"the server leads to what is no address ({_short(error)})") from error
    if urlsplit(url).scheme == "https" and not protected:
        raise UnavailableError("the server leads from https to an unprotected address")
    return onward


def _pieces(response: requests.Response, patience: Patience) -> Iterator[bytes]:
    read, stop = partial(response.raw.read1, _PIECE), response.raw.shutdown
    since, came = time.monotonic(), 0
    while piece := _hear(read, patience.read, stop):
        yield piece
        came += len(piece)
        passed = time.monotonic() - since
        if passed >= patience.window:
            if came < patience.least * passed:
                raise UnavailableError(f"the server gives {came / passed:,.0f} bytes a second")
            since, came = time.monotonic(), 0


def _hear(work: Callable[[], Told], seconds: float, stop: Callable[[], None] | None = None) -> Told:
    """What `work` brings within so many seconds, whatever a server does meanwhile to keep it from ending.

    The timeouts of sockets start anew with each byte. So the work has a thread, which is left behind where it is late:
    `stop` ends its waiting, and it ends with the process.
    """
    import requests
    import urllib3

    told: Future[Told] = Future()
    threading.Thread(target=_tell, args=(told, work), daemon=True).start()
    try:
        return told.result(timeout=seconds)
    except TimeoutError as error:
        if stop is not None:
            with suppress(OSError, RuntimeError, ValueError):  # the connection has ended meanwhile
                stop()
        raise BrokeOffError(f"nothing came that could be used within {seconds:g} seconds") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise BrokeOffError(_short(error)) from error
    except (requests.RequestException, ValueError) as error:  # also of urllib3, for addresses
        raise UnavailableError(_short(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise BrokeOffError(_short(error)) from error


def _tell(told: Future[Told], work: Callable[[], Told]) -> None:
    try:
        told.set_result(work())
    except Exception as error:
        told.set_exception(error)


def _short(error: Exception) -> str:
    message = f"{type(error).__name__}: {error}"
    return message if len(message) < 200 else message[:200] + "…"
