"""A downloader for pooch that goes on where it broke off, and hands over only what is whole and right."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bdrp.errors import DataError
from bdrp.files import atomic

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 30.0


class UnavailableError(Exception):
    """This address does not give the file; another may."""


class _BrokeOffError(Exception):
    """The connection broke; the bytes so far are kept, and asking again may help."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        attempts: how often in a row a connection may break without a byte of progress.
        connect: seconds to be let in.
        read: seconds between two pieces.
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


class Resuming:
    """Downloads to `part`, resuming by HTTP Range (RFC 9110, section 14), and moves it on when it is whole and right.

    The address and its validator (ETag or Last-Modified) are kept beside the part. The validator is sent as If-Range,
    so that a file that changed in between starts anew; without one, only a file of known checksum is resumed.
    """

    def __init__(self, part: Path, sha256: tuple[str, ...], most: int, progress: bool, patience: Patience) -> None:
        self.part, self.sha256, self.most, self.progress, self.patience = part, sha256, most, progress, patience
        self.mark = part.with_name(f"{part.name}.validator")

    def __call__(self, url: str, output_file: str | IO[bytes], pooch: Any) -> None:
        """What pooch calls: leaves the checked file at `output_file`.

        Raises:
            UnavailableError: the server refuses, or breaks off too often; the bytes so far are kept.
            DataError: what came is not the file.
        """
        atomic.make_folder(self.part.parent)
        if self._origin()[0] != url:
            self._forget()
        self._persist(url)
        self._check()
        self.mark.unlink(missing_ok=True)
        atomic.move(self.part, Path(str(output_file)))

    def _persist(self, url: str) -> None:
        """Asks until the file is whole; gives up after `attempts` without a new byte, and ten times that in all."""
        fruitless = 0
        for attempt in range(10 * self.patience.attempts):
            before = self._size()
            try:
                return self._ask(url)
            except _BrokeOffError as broke:
                fruitless = 0 if self._size() > before else fruitless + 1
                seen = f"{broke}; tried {attempt + 1} times"
            if fruitless >= self.patience.attempts:
                break
            time.sleep(min(self.patience.pause * 2**fruitless, _LONGEST_PAUSE))
        raise UnavailableError(seen)

    def _ask(self, url: str) -> None:
        """One request for the rest of the file."""
        import requests

        try:
            with requests.get(
                url,
                headers=self._headers(),
                stream=True,
                timeout=(self.patience.connect, self.patience.read),
            ) as response:
                _refuse_insecure(url, response)
                self._take(response, url)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _BrokeOffError(_short(error)) from error
        except requests.RequestException as error:
            raise UnavailableError(_short(error)) from error

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "bdrp"}
        size, validator = self._size(), self._origin()[1]
        if size and (validator or self.sha256):
            headers |= {"Range": f"bytes={size}-"} | ({"If-Range": validator} if validator else {})
        return headers

    def _take(self, response: requests.Response, url: str) -> None:
        """Appends what a server sends to the part, or starts anew where it sends the whole file."""
        status, size = response.status_code, self._size()
        if status == 416:
            self._past_the_end(response.headers.get("Content-Range", ""), size)
            return
        if status in TRANSIENT:
            raise _BrokeOffError(f"the server answers {status} {response.reason}")
        if status not in (200, 206):
            raise UnavailableError(f"the server answers {status} {response.reason}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UnavailableError("the server sends the file in an encoding that was not asked for")
        start = _start(response.headers) if status == 206 else 0
        if start not in (0, size):
            self._forget()
            raise _BrokeOffError(f"the server goes on at byte {start} instead of {size}")
        self.mark.write_text(f"{url}\n{_validator(response.headers)}")
        self._append(response, start)

    def _append(self, response: requests.Response, start: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        self._bound(total or 0)
        with self.part.open("ab" if start else "wb") as file, self._bar(start, total) as bar:
            for chunk in self._arriving(response):
                self._bound(file.tell() + len(chunk))
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and self._size() != total:
            raise _BrokeOffError(f"{self._size()} of {total} bytes came")

    def _arriving(self, response: requests.Response) -> Iterator[bytes]:
        """What has come, as it comes; a server that gives a byte now and then is not waited for."""
        import urllib3

        since, came, patience = time.monotonic(), 0, self.patience
        try:
            while chunk := response.raw.read1(_CHUNK):
                yield chunk
                came += len(chunk)
                passed = time.monotonic() - since
                if passed >= patience.window:
                    if came < patience.least * passed:
                        raise UnavailableError(f"the server gives {came / passed:,.0f} bytes a second")
                    since, came = time.monotonic(), 0
        except urllib3.exceptions.HTTPError as error:
            raise _BrokeOffError(_short(error)) from error

    def _past_the_end(self, content_range: str, size: int) -> None:
        """Nothing is left to send: either the part is whole, or it is not a part of this file."""
        if content_range != f"bytes */{size}":
            self._forget()
            raise _BrokeOffError("the server has no more bytes, and says that the file is of another length")

    def _bound(self, size: int) -> None:
        if size > self.most:
            self._forget()
            raise DataError(
                f"{self._name()} is larger than the {self.most:,} bytes that it may have. It is not the file that it "
                "is named after. Download it by hand and look at it."
            )

    def _check(self) -> None:
        self._refuse_page()
        with self.part.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if self.sha256 and actual not in self.sha256:
            self._forget()
            raise UnavailableError(
                f"what came has sha256 {actual[:12]}… instead of {self.sha256[0][:12]}…, and was deleted"
            )

    def _refuse_page(self) -> None:
        """A site that moved answers with a web page, and says that all is well."""
        with self.part.open("rb") as file:
            start = file.read(64).lstrip()
        packed = self._name().endswith((".zip", ".xlsx"))
        if start[:1] == b"<" or (packed and start[:2] != b"PK"):
            self._forget()
            raise UnavailableError(f"what came is no such file, it begins {start[:20]!r}; the address may have moved")

    def _origin(self) -> tuple[str, str]:
        """Where the part came from, and its validator there."""
        url, _, validator = self.mark.read_text().partition("\n") if self.mark.exists() else ("", "", "")
        return url, validator

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _name(self) -> str:
        return self.part.name.removesuffix(".part")

    def _bar(self, start: int, total: int | None) -> Any:
        from tqdm import tqdm

        hidden = None if self.progress else True  # None: drawn on a terminal only
        return tqdm(
            total=total, initial=start, unit="B", unit_scale=True, desc=self._name(), disable=hidden, leave=False
        )


def _refuse_insecure(url: str, response: requests.Response) -> None:
    hops = [urlsplit(each.url).scheme for each in (*response.history, response)]
    if urlsplit(url).scheme == "https" and set(hops) != {"https"}:
        raise UnavailableError("the server leads from https to an unprotected address")


def _start(headers: Mapping[str, str]) -> int:
    """Where a partial answer starts; -1 where it does not say."""
    first = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


def _validator(headers: Mapping[str, str]) -> str:
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _short(error: Exception) -> str:
    message = f"{type(error).__name__}: {error}"
    return message if len(message) < 200 else message[:200] + "…"
