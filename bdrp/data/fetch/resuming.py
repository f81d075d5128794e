"""A downloader for pooch that goes on where it broke off, and hands over only what is whole and right."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from bdrp.data.fetch import asking
from bdrp.data.fetch.asking import TRANSIENT, BrokeOffError, Patience, UnavailableError
from bdrp.errors import DataError
from bdrp.files import atomic, inputs

if TYPE_CHECKING:
    import requests

_LONGEST_PAUSE: Final = 30.0
_NUMBER: Final = re.compile("[0-9]{1,18}")  # more digits than a file has bytes are none
_RANGE: Final = re.compile("bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_VALIDATOR: Final = re.compile("[ -~]{0,1000}")  # what may be sent back as it came


class Resuming:
    """Downloads to `part`, resuming by HTTP Range (RFC 9110, section 14), and moves it on when it is whole and right.

    The address, the file's validator (ETag or Last-Modified) and its length there are kept beside the part. The
    validator is sent as If-Range, so that a file that changed in between starts anew; without both, only a file of
    known checksum is resumed. A partial answer that does not fit what is kept, or itself, starts anew too.
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
            except BrokeOffError as broke:
                fruitless = 0 if self._size() > before else fruitless + 1
                seen = f"{broke}; tried {attempt + 1} times"
            if fruitless >= self.patience.attempts:
                break
            time.sleep(min(self.patience.pause * 2**fruitless, _LONGEST_PAUSE))
        raise UnavailableError(seen)

    def _ask(self, url: str) -> None:
        """One request for the rest of the file."""
        with asking.answer("GET", url, self.patience, headers=self._headers()) as response:
            self._take(response, url)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "bdrp"}
        size, (_, validator, total) = self._size(), self._origin()
        if size and (self.sha256 or (validator and total)):
            headers |= {"Range": f"bytes={size}-"} | ({"If-Range": validator} if validator else {})
        return headers

    def _take(self, response: requests.Response, url: str) -> None:
        """Appends what a server sends to the part, or starts anew where it sends the whole file."""
        status, size = response.status_code, self._size()
        if status == 416:
            self._past_the_end(response.headers.get("Content-Range", ""), size)
            return
        if status in TRANSIENT:
            raise BrokeOffError(f"the server answers {status} {response.reason}")
        if status not in (200, 206):
            raise UnavailableError(f"the server answers {status} {response.reason}")
        start, total = _span(response.headers) if status == 206 else (0, _length(response.headers))
        if start not in (0, size):
            self._forget()
            raise BrokeOffError(f"the server goes on at byte {start} instead of {size}")
        known = (_validator(response.headers), "" if total is None else str(total))
        if start and any(now != then for now, then in zip(known, self._origin()[1:], strict=True) if now and then):
            self._forget()
            raise BrokeOffError("the server goes on in another file than it began")
        self.mark.write_text("\n".join((url, *known)), encoding="utf-8")
        self._append(response, start, total)

    def _append(self, response: requests.Response, start: int, total: int | None) -> None:
        self._bound(total or 0)
        arriving = asking.pieces(response, self.patience)
        with self.part.open("ab" if start else "wb") as file, self._bar(start, total) as bar:
            for chunk in arriving:
                self._bound(file.tell() + len(chunk))
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and self._size() != total:
            raise BrokeOffError(f"{self._size()} of {total} bytes came")

    def _past_the_end(self, content_range: str, size: int) -> None:
        """Nothing is left to send: the part is whole, as its checksum can tell, or it is not a part of this file."""
        if not self.sha256 or content_range != f"bytes */{size}":
            self._forget()
            raise BrokeOffError("the server has no more bytes, and says that the file is of another length")

    def _bound(self, size: int) -> None:
        if size > self.most:
            self._forget()
            raise DataError(
                f"{self._name()} is larger than the {self.most:,} bytes that it may have. It is not the file that it "
                "is named after. Download it by hand and look at it."
            )

    def _check(self) -> None:
        self._refuse_page()
        actual = inputs.sha256(self.part)
        if self.sha256 and actual not in self.sha256:
            self._forget()
            raise UnavailableError(
                f"what came has sha256 {actual[:12]}… instead of {self.sha256[0][:12]}…, and was deleted"
            )

    def _refuse_page(self) -> None:
        """A site that moved answers with a web page, and says that all is well."""
        with self.part.open("rb") as file:
            start = file.read(64).removeprefix(codecs.BOM_UTF8).lstrip()
        if not start:
            self._forget()
            raise UnavailableError("what came is empty")
        packed = self._name().endswith((".zip", ".xlsx"))
        if start[:1] == b"<" or (packed and start[:2] != b"PK"):
            self._forget()
            raise UnavailableError(f"what came is no such file, it begins {start[:20]!r}; the address may have moved")

    def _origin(self) -> tuple[str, str, str]:
        """Where the part came from, its validator, and the whole file's length in digits; "" for what is not known."""
        try:
            url, validator, total, *_ = [*inputs.read_text(self.mark).split("\n"), "", ""]
        except (FileNotFoundError, UnicodeDecodeError):
            return "", "", ""
        return url, validator if _VALIDATOR.fullmatch(validator) else "", total

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


def _length(headers: Mapping[str, str]) -> int | None:
    """How many bytes come, None where the server does not say."""
    told = headers.get("Content-Length", "")
    if told and _NUMBER.fullmatch(told) is None:
        raise UnavailableError(f"the server says that it sends {told[:20]!r} bytes, which is no number of bytes")
    return int(told) if told else None


def _span(headers: Mapping[str, str]) -> tuple[int, int]:
    """Where a partial answer starts, and how long the file is; a start of -1 where it does not say, or lies."""
    found = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if found is None:
        return -1, 0
    first, last, total = (int(each) for each in found.groups())
    fits = _length(headers) in (None, last - first + 1) and last < total
    return (first if fits else -1), total


def _validator(headers: Mapping[str, str]) -> str:
    etag = headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    return validator if _VALIDATOR.fullmatch(validator) else ""
