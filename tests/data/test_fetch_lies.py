"""Downloads from a server on 127.0.0.1 that lies: every answer is written byte by byte, and none is believed."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import bdrp.data.fetch as fetching
from bdrp.data.fetch import Patience, asking, fetch, write_structures
from bdrp.data.fetch.asking import UnavailableError
from bdrp.data.fetch.registry import Item, Source
from bdrp.errors import BdrpWarning, DataError

BODY = b"a,b\n" + bytes(range(256)) * 400
N, HALF = len(BODY), len(BODY) // 2
PATIENT = Patience(attempts=2, connect=2.0, read=2.0, pause=0.01)
HASTY = Patience(attempts=1, connect=0.2, read=0.2, least=10_000, window=0.2)
BIG = "9" * 5000
Answer = Callable[[socket.socket, dict[str, str]], None]


@dataclass
class Liar:
    """A server that gives its answers in turn, the last one again and again."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(1 << 16)
            lines = request.decode("latin-1").split("\r\n")
            headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
            self.asked.append(headers | {"path": lines[0].split()[1]})
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            with suppress(OSError):  # the other side has heard enough
                answer(connection, headers)


@pytest.fixture
def liar() -> Iterator[Liar]:
    listener = socket.create_server(("127.0.0.1", 0))
    held = Liar(listener.getsockname()[1])

    def listen() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:  # closed
                return
            threading.Thread(target=held.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    yield held
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture(params=["pinned", "trusted"])
def item(request: pytest.FixtureRequest, liar: Liar, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file, of a checksum that is known or is not."""
    put_in_registry(liar, monkeypatch, pinned=request.param == "pinned")
    return str(request.param)


@pytest.fixture
def pinned(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_registry(liar, monkeypatch, pinned=True)


def put_in_registry(liar: Liar, monkeypatch: pytest.MonkeyPatch, *, pinned: bool) -> None:
    source = Source(f"{liar.url}/a.csv", hashlib.sha256(BODY).hexdigest() if pinned else "")
    monkeypatch.setattr(fetching, "FILES", {"a.csv": Item("a.csv", "a test", (source,), ("gdsc2",), 1 << 20)})


def get(root: Path, patience: Patience = PATIENT) -> bytes:
    root.mkdir(exist_ok=True)
    (root / "gdsc_drug_smiles.csv").write_text("DRUG_ID,smiles\n1,CCO\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        return fetch("gdsc2", root, progress=False, patience=patience)[0].read_bytes()


def say(status: str, *headers: str, body: bytes = b"") -> Answer:
    head = "\r\n".join((f"HTTP/1.1 {status}", *headers, "Connection: close", "", "")).encode("latin-1")
    return lambda connection, _: connection.sendall(head + body)


def drip(begin: bytes, drop: bytes) -> Answer:
    """Sends the beginning and then a drop at a time, for longer than anybody waits."""

    def answer(connection: socket.socket, headers: dict[str, str]) -> None:
        connection.sendall(begin)
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.05)

    return answer


def honest(connection: socket.socket, headers: dict[str, str]) -> None:
    start = int(headers.get("range", "bytes=0-")[6:-1]) if headers.get("if-range") in (None, '"v1"') else 0
    span = (f"Content-Range: bytes {start}-{N - 1}/{N}",) if start else ()
    status = "206 Partial Content" if start else "200 OK"
    say(status, *span, f"Content-Length: {N - start}", 'ETag: "v1"', body=BODY[start:])(connection, headers)


broken = say("200 OK", f"Content-Length: {N}", 'ETag: "v1"', body=BODY[:HALF])


def goes_on(content_range: str, body: bytes = BODY[HALF:], etag: str = '"v1"') -> Answer:
    return say(
        "206 Partial Content",
        f"Content-Range: {content_range}",
        f"Content-Length: {len(body)}",
        f"ETag: {etag}",
        body=body,
    )


@pytest.mark.parametrize("length", [BIG, "-5", "1e6", "300_004", "0x10", "\xb2"])
def test_a_length_that_is_no_number_of_bytes_is_refused(liar: Liar, item: str, tmp_path: Path, length: str) -> None:
    liar.answers = [say("200 OK", f"Content-Length: {length}", body=BODY)]
    with pytest.raises(DataError, match="is no number of bytes"):
        get(tmp_path)
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    "answer",
    [
        goes_on(f"bytes {BIG}-{BIG}/{BIG}"),
        goes_on(f"bytes 0-{N - 1}/{N}"),  # and sends the other half
        goes_on(f"bytes {HALF}-{HALF + 99}/{N}", BODY[HALF : HALF + 100]),  # a piece of what is left
        goes_on(f"bytes {HALF}-{HALF + 99}/*", BODY[HALF : HALF + 100]),
        goes_on(f"bytes {HALF}-{HALF + 99}/{HALF + 100}", BODY[HALF : HALF + 100]),  # a file that was longer before
        goes_on(f"bytes {HALF}-{N - 1}/{N}", BODY[HALF : HALF + 100]),
        goes_on(f"bytes {HALF}-{N - 1}/{N}", b"z" * (N - HALF), etag='"v2"'),
    ],
)
def test_a_part_of_a_file_is_not_taken_for_the_file(liar: Liar, item: str, tmp_path: Path, answer: Answer) -> None:
    liar.answers = [broken, answer, honest]
    assert get(tmp_path) == BODY


def test_a_server_without_more_bytes_does_not_make_a_part_the_file(
    liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_registry(liar, monkeypatch, pinned=False)
    liar.answers = [
        broken,
        say("416 Range Not Satisfiable", f"Content-Range: bytes */{HALF}", "Content-Length: 0"),
        honest,
    ]
    assert get(tmp_path) == BODY


def test_a_range_that_nobody_asked_for_is_not_taken_for_the_file(liar: Liar, item: str, tmp_path: Path) -> None:
    liar.answers = [goes_on(f"bytes 0-99/{N}", BODY[:100]), honest]
    assert get(tmp_path) == BODY


@pytest.mark.parametrize("packed", ["Transfer-Encoding: chunked, chunked", "Transfer-Encoding: gzip, chunked"])
def test_bytes_that_are_packed_for_the_way_are_not_taken(liar: Liar, item: str, tmp_path: Path, packed: str) -> None:
    liar.answers = [say("200 OK", packed, body=b"5\r\nhello\r\n0\r\n\r\n")]
    with pytest.raises(DataError, match="an encoding that was not asked for"):
        get(tmp_path)


def test_what_came_in_broken_chunks_is_trusted_no_further(liar: Liar, item: str, tmp_path: Path) -> None:
    """Without a length nobody can say whether what came before the break is what the server meant."""
    liar.answers = [say("200 OK", 'ETag: "v1"', "Transfer-Encoding: chunked", body=b"100\r\n" + BODY[:256])]
    with pytest.raises(DataError):
        get(tmp_path)
    liar.answers, liar.asked = [honest], []
    assert get(tmp_path) == BODY
    assert ("range" in liar.asked[0]) == (item == "pinned")


@pytest.mark.parametrize("body", [b"", b"  \n", b"\xef\xbb\xbf<html>"])
def test_an_empty_file_and_a_page_with_a_byte_order_mark_are_refused(
    liar: Liar, item: str, tmp_path: Path, body: bytes
) -> None:
    liar.answers = [say("200 OK", f"Content-Length: {len(body)}", body=body)]
    with pytest.raises(DataError, match="what came is"):
        get(tmp_path)


@pytest.mark.parametrize("location", ["http://[::1", f"http://{'x' * 300}.org/", "http://a..b/", "http://\xff\xfe/x"])
@pytest.mark.usefixtures("pinned")
def test_a_redirect_to_no_address_is_told(liar: Liar, tmp_path: Path, location: str) -> None:
    liar.answers = [say("302 Found", f"Location: {location}", "Content-Length: 0")]
    with pytest.raises(DataError, match="cannot be downloaded"):
        get(tmp_path)


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(UnavailableError, match="from https to an unprotected address"):
        asking._onward("https://one.example/a.csv", "http://one.example/a.csv")
    assert asking._onward("https://one.example/a/b.csv", "../c.csv") == "https://one.example/c.csv"


@pytest.mark.usefixtures("pinned")
def test_redirects_end(liar: Liar, tmp_path: Path) -> None:
    liar.answers = [say("302 Found", "Location: /on", "Content-Length: 0")]
    with pytest.raises(DataError, match="the server leads on, from address to address, 10 times"):
        get(tmp_path)
    assert len(liar.asked) == 10


@pytest.mark.usefixtures("pinned")
def test_what_comes_with_a_redirect_is_not_read(liar: Liar, tmp_path: Path) -> None:
    liar.answers = [drip(b"HTTP/1.1 302 Found\r\nLocation: /moved.csv\r\n\r\n", b"x"), honest]
    began = time.monotonic()
    assert get(tmp_path) == BODY
    assert time.monotonic() - began < 5  # it drips for ten
    assert [each["path"] for each in liar.asked] == ["/a.csv", "/moved.csv"]


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b"H"),
        drip(OK, b"X: y\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(OK + b"Content-Length: 99999\r\n\r\n", b"x"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=", b"z"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"A: b\r\n"),
    ],
    ids=["status line", "headers", "interim answers", "body", "chunk extension", "trailers"],
)
def test_a_server_that_drips_is_not_waited_for(
    liar: Liar, tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_registry(liar, monkeypatch, pinned=True)
    liar.answers = [answer]
    with pytest.raises(DataError, match=r"within [\d.]+ seconds|bytes a second"):
        get(tmp_path / "screen", HASTY)
    (tmp_path / "drugs.csv").write_text("Drug Id,Name,PubCHEM\n1,Ethanol,702\n")
    with pytest.raises(DataError, match=r"PubChem .*(within [\d.]+ seconds|bytes a second)"):
        write_structures(tmp_path / "drugs.csv", tmp_path / "out.csv", liar.url, progress=False, patience=HASTY)


@pytest.mark.parametrize("etag", ['"\xff\xfe"', '"' + "x" * 60_000 + '"', '"a\tb"'])
def test_a_validator_that_cannot_be_sent_back_is_not_kept(liar: Liar, item: str, tmp_path: Path, etag: str) -> None:
    liar.answers = [say("200 OK", f"Content-Length: {N}", f"ETag: {etag}", body=BODY[:HALF]), honest]
    assert get(tmp_path) == BODY


@pytest.mark.parametrize(
    "altered", [b"\xff\xfe\x00", b"", b'{url}\n"v1"\rX: 1', b"{url}\n\xe2\x82\xac", b'{url}\n"v1"']
)
def test_an_altered_note_beside_a_part_costs_no_more_than_the_part(
    liar: Liar, item: str, tmp_path: Path, altered: bytes
) -> None:
    hidden = tmp_path / ".downloading"
    hidden.mkdir()
    (hidden / "a.csv.part").write_bytes(BODY[:HALF])
    (hidden / "a.csv.part.validator").write_bytes(altered.replace(b"{url}", f"{liar.url}/a.csv".encode()))
    liar.answers = [honest]
    assert get(tmp_path) == BODY


@pytest.mark.usefixtures("pinned")
def test_what_is_not_ours_in_the_hidden_folder_stays(liar: Liar, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "thesis.txt").write_text("mine")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ".downloading").symlink_to(tmp_path / "user")
    liar.answers = [honest]
    assert get(tmp_path / "root") == BODY
    assert [path.name for path in (tmp_path / "user").iterdir()] == ["thesis.txt"]
