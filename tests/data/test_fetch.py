"""Downloads from a server on 127.0.0.1: resumed, checked, bounded, and honest about what went wrong."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

import bdrp.data.fetch as fetching
from bdrp.data.fetch import Patience, fetch, pubchem, write_structures
from bdrp.data.fetch.registry import FILES, Item, Source
from bdrp.errors import BdrpWarning, DataError, OutputError

BODY = bytes(range(256)) * 4096  # 1 MiB
QUICK = Patience(attempts=3, connect=2.0, read=1.0, pause=0.01)
PINNED, TRUSTED = "pinned.csv", "trusted.csv"


@dataclass
class Site:
    """What the server holds, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etag: str | None = '"one"'
    cut_after: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    statuses: list[int] = field(default_factory=list)  # what the next answers are instead
    extra: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)  # PubChem's structures
    named: dict[str, list[str]] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    site: Site

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        site = self.site
        site.asked.append((self.path, self.headers.get("Range")))
        if site.statuses:
            return self.answer(site.statuses.pop(0), b"", {})
        body = site.files.get(self.path.lstrip("/").partition("?")[0])
        if body is None:
            return self.answer(404, b"gone", {})
        headers = {"ETag": site.etag} if site.etag else {}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range") in (None, site.etag)
        if asked and site.ranges and unchanged:
            start = int(asked.group(1))
            if start >= len(body):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            span = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            return self.answer(206, body[start:], headers | span)
        return self.answer(200, body, headers)

    def do_POST(self) -> None:
        site = self.site
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        cids = form["cid"][0].split(",") if "cid" in form else site.named.get(form["name"][0], ["unknown"])
        site.batches.append(cids if "cid" in form else form["name"])
        if site.statuses:
            return self.answer(site.statuses.pop(0), b"busy", {})
        if any(cid not in site.known for cid in cids):
            return self.answer(404, b"Status: 404\nCode: PUGREST.NotFound\n", {})
        rows = io.StringIO()
        csv.writer(rows, quoting=csv.QUOTE_ALL).writerows([["CID", "SMILES"], *([c, site.known[c]] for c in cids)])
        return self.answer(200, rows.getvalue().encode(), {})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers | self.site.extra).items():
            self.send_header(name, value)
        self.end_headers()
        if self.site.cut_after and status in (200, 206):
            body = body[: self.site.cut_after.pop(0)]
        for at in range(0, len(body), 1 << 14):
            if self.site.pause:
                time.sleep(self.site.pause)
            try:
                self.wfile.write(body[at : at + (1 << 14)])
            except OSError:
                return


@pytest.fixture
def site() -> Iterator[Site]:
    held = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": held}))
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(autouse=True)
def registry(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pinned file and the structures that each mirror holds."""
    monkeypatch.setattr(fetching, "FILES", {PINNED: pinned(site.url)})
    site.files = {PINNED: BODY, fetching.STRUCTURES: b"DRUG_ID,smiles\n1,CCO\n"}


def pinned(url: str, *, most: int = 1 << 22) -> Item:
    return Item(PINNED, "a test", (Source(f"{url}/{PINNED}", sha(BODY)),), ("gdsc2",), most)


def get(site: Site, root: Path, **options: Any) -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        return fetch("gdsc2", root, base_url=site.url, progress=False, patience=QUICK, **options)


def ranges(site: Site) -> list[str | None]:
    return [asked for path, asked in site.asked if path == f"/{PINNED}"]


def test_files_come_whole_with_their_checksums_and_leave_nothing_else(site: Site, tmp_path: Path) -> None:
    paths = get(site, tmp_path / "new")
    assert [path.name for path in paths] == [PINNED, fetching.STRUCTURES]
    assert paths[0].read_bytes() == BODY
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["checksums.json", fetching.STRUCTURES, PINNED]
    recorded = json.loads((tmp_path / "new" / "checksums.json").read_text())["files"]
    assert recorded[PINNED] == {"sha256": sha(BODY), "bytes": len(BODY), "url": f"{site.url}/{PINNED}", "pinned": True}
    assert recorded[fetching.STRUCTURES]["pinned"] is False


def test_what_is_there_is_checked_and_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    get(site, tmp_path)
    site.asked.clear()
    get(site, tmp_path)
    assert site.asked == []


def test_what_has_no_known_checksum_is_trusted_with_a_warning_and_held_to_it_later(site: Site, tmp_path: Path) -> None:
    with pytest.warns(BdrpWarning, match=r"No checksum is known beforehand for gdsc_drug_smiles.csv; .*checksums.json"):
        fetch("gdsc2", tmp_path, base_url=site.url, progress=False, patience=QUICK)
    (tmp_path / fetching.STRUCTURES).write_text("DRUG_ID,smiles\n1,CCCCCO\n")
    with pytest.raises(DataError, match=r"another file than expected.*was recorded when it came.*Move it away"):
        get(site, tmp_path)


def test_a_file_of_another_content_under_a_pinned_name_is_refused_and_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / PINNED).write_bytes(b"mine")
    with pytest.raises(DataError, match=r"pinned.csv is another file than expected: .* is known for it"):
        get(site, tmp_path)
    assert (tmp_path / PINNED).read_bytes() == b"mine"


def test_a_connection_that_breaks_is_resumed_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.cut_after = [262_144, 393_216]
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [None, "bytes=262144-", "bytes=655360-"]


def test_a_server_that_ignores_ranges_is_asked_for_the_whole_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cut_after = False, [262_144]
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [None, "bytes=262144-"]


CHILD = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
import bdrp.data.fetch as fetching
from bdrp.data.fetch.registry import Item, Source
fetching.FILES = {"pinned.csv": Item("pinned.csv", "a test", (Source("", sys.argv[3]),), ("gdsc2",))}
fetching.fetch("gdsc2", sys.argv[2], base_url=sys.argv[1], progress=False)
"""


@pytest.mark.parametrize("signalled", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_goes_on_at_the_next_call(site: Site, tmp_path: Path, signalled: signal.Signals) -> None:
    site.pause = 0.05
    arguments = [sys.executable, "-c", CHILD, site.url, str(tmp_path), sha(BODY)]
    paths = {"PYTHONPATH": str(Path(fetching.__file__).parents[3])}
    with subprocess.Popen(arguments, env=os.environ | paths, stderr=subprocess.DEVNULL) as child:
        part = tmp_path / ".downloading" / f"{PINNED}.part"
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signalled)
        assert child.wait(timeout=120) != 0
    kept = part.stat().st_size
    assert 100_000 < kept < len(BODY)
    assert not (tmp_path / PINNED).exists()
    site.pause = 0.0
    site.asked.clear()
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [f"bytes={kept}-"]
    assert not (tmp_path / ".downloading").exists()


def test_a_server_that_drips_is_not_waited_for_and_its_bytes_are_kept(site: Site, tmp_path: Path) -> None:
    site.pause = 0.05
    hasty = Patience(attempts=3, connect=2.0, read=0.5, pause=0.01, least=1e9, window=0.2)
    with pytest.raises(DataError, match=r"the server gives [\d,]+ bytes a second\)"):
        fetch("gdsc2", tmp_path, base_url=site.url, progress=False, patience=hasty)
    site.pause = 0.0
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site)[0] is None and re.fullmatch(r"bytes=\d{5,}-", str(ranges(site)[1]))


def test_two_calls_into_one_folder_wait_for_each_other_and_ask_once(site: Site, tmp_path: Path) -> None:
    site.pause = 0.03
    first = threading.Thread(target=get, args=(site, tmp_path))
    first.start()
    deadline = time.monotonic() + 60
    while not ranges(site) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.warns(BdrpWarning, match="Another call is downloading into"):
        second = fetch("gdsc2", tmp_path, base_url=site.url, progress=False, patience=QUICK)
    first.join()
    assert second[0].read_bytes() == BODY and ranges(site) == [None]
    assert not list(tmp_path.glob(".*"))


def broken(root: Path, body: bytes, url: str, validator: str = '"one"') -> None:
    """A part that an earlier call left behind."""
    (root / ".downloading").mkdir(parents=True)
    (root / ".downloading" / f"{PINNED}.part").write_bytes(body)
    (root / ".downloading" / f"{PINNED}.part.validator").write_text(f"{url}\n{validator}")


def test_a_file_that_changed_on_the_server_starts_anew(site: Site, tmp_path: Path) -> None:
    broken(tmp_path, b"x" * 1000, f"{site.url}/{PINNED}", validator='"another"')
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == ["bytes=1000-"]


@pytest.mark.parametrize(("pinned_one", "asked"), [(True, "bytes=1000-"), (False, None)])
def test_without_a_validator_only_a_file_of_known_checksum_is_resumed(
    site: Site, tmp_path: Path, pinned_one: bool, asked: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pinned_one:
        monkeypatch.setattr(fetching, "FILES", {PINNED: Item(PINNED, "a test", (), ("gdsc2",))})
    site.etag = None
    broken(tmp_path, BODY[:1000], f"{site.url}/{PINNED}", validator="")
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [asked]


def test_a_part_that_is_whole_already_needs_no_more_bytes(site: Site, tmp_path: Path) -> None:
    broken(tmp_path, BODY, f"{site.url}/{PINNED}")
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_starts_anew(site: Site, tmp_path: Path) -> None:
    broken(tmp_path, BODY + b"more", f"{site.url}/{PINNED}")
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [f"bytes={len(BODY) + 4}-", None]


def test_a_part_of_another_address_starts_anew(site: Site, tmp_path: Path) -> None:
    broken(tmp_path, BODY[:1000], "http://elsewhere.example/pinned.csv")
    assert get(site, tmp_path)[0].read_bytes() == BODY
    assert ranges(site) == [None]


def test_a_part_with_wrong_bytes_is_deleted_and_the_next_call_is_clean(site: Site, tmp_path: Path) -> None:
    broken(tmp_path, b"x" * 1000, f"{site.url}/{PINNED}")
    with pytest.raises(DataError, match=r"sha256 .* instead of .* and was deleted"):
        get(site, tmp_path)
    assert get(site, tmp_path)[0].read_bytes() == BODY


def test_a_server_that_is_busy_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.statuses = [503, 429]
    assert get(site, tmp_path)[0].read_bytes() == BODY


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"statuses": [404]}, "the server answers 404"),
        ({"statuses": [403]}, "the server answers 403"),
        ({"statuses": [500] * 3}, "the server answers 500 .*; tried 3 times"),
        ({"cut_after": [0] * 3}, "tried 3 times"),
        ({"pause": 3.0}, "tried 3 times"),
        ({"extra": {"Content-Encoding": "br"}}, "an encoding that was not asked for"),
        ({"files": {PINNED: b"other"}}, "sha256 .* instead of"),
        ({"files": {PINNED: b" <!doctype html>"}}, "it begins b'<!doctype html>'; the address may have moved"),
    ],
)
def test_each_trouble_is_told_with_the_address_and_what_to_do(
    site: Site, tmp_path: Path, trouble: dict[str, Any], said: str
) -> None:
    for name, value in trouble.items():
        setattr(site, name, value)
    with pytest.raises(DataError, match=said) as caught:
        get(site, tmp_path)
    assert f"{site.url}/{PINNED}" in str(caught.value) and "by hand" in str(caught.value)
    assert not (tmp_path / PINNED).exists()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ConnectionError.*tried 3 times"):
        fetch("gdsc2", tmp_path, base_url="http://127.0.0.1:9", progress=False, patience=QUICK)


@pytest.mark.parametrize("lying", [True, False])
def test_more_bytes_than_a_file_may_have_are_refused(
    site: Site, tmp_path: Path, lying: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "FILES", {PINNED: pinned(site.url, most=500_000)})
    if lying:  # no length is told: the bytes themselves are counted
        site.extra = {"Content-Length": ""}
    with pytest.raises(DataError, match="larger than the 500,000 bytes"):
        get(site, tmp_path)
    assert not list((tmp_path / ".downloading").glob("*.part"))


def test_a_redirect_to_a_file_on_this_machine_is_refused(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not copy")
    site.statuses, site.extra = [302], {"Location": secret.as_uri()}
    with pytest.raises(DataError, match="InvalidSchema"):
        get(site, tmp_path / "root")


def test_a_redirect_on_the_web_is_followed(site: Site, tmp_path: Path) -> None:
    site.files["moved.csv"] = BODY
    site.statuses, site.extra = [302], {"Location": "/moved.csv"}
    assert get(site, tmp_path)[0].read_bytes() == BODY


def test_the_second_address_is_tried_where_the_first_is_gone(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = (Source(f"{site.url}/gone.csv", "0" * 64), Source(f"{site.url}/{PINNED}", sha(BODY)))
    monkeypatch.setattr(fetching, "FILES", {PINNED: Item(PINNED, "a test", addresses, ("gdsc2",))})
    (tmp_path / "gdsc_drug_smiles.csv").write_text("DRUG_ID,smiles\n1,CCO\n")
    paths = fetch("gdsc2", tmp_path, progress=False, patience=QUICK)
    assert [path.name for path in paths] == [PINNED, "gdsc_drug_smiles.csv"]
    assert [path for path, _ in site.asked] == ["/gone.csv", f"/{PINNED}"]


@pytest.mark.parametrize("name", ["simulated", "tables", "gdsc3", "../gdsc2"])
def test_a_source_without_downloads_is_told_which_have_some(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"nothing to download for '{re.escape(name)}'. .*gdsc2"):
        fetch(name, tmp_path)


def test_a_mirror_must_be_a_web_address(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must start with https:// or http://"):
        fetch("gdsc2", tmp_path, base_url="file:///etc")


def test_a_folder_that_cannot_be_written_is_an_output_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Nothing can be written to .*Choose a folder with write permission"):
        get(site, tmp_path / "file" / "root")


def test_a_full_disk_is_an_output_error(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left on device.*Free some space"):
        get(site, tmp_path)


@pytest.mark.parametrize("content", ["not json", "[]", '{"files": {"a": {}}}', '{"files": 3}'])
def test_a_broken_list_of_checksums_is_told(site: Site, tmp_path: Path, content: str) -> None:
    (tmp_path / "checksums.json").write_text(content)
    with pytest.raises(DataError, match="is no list of checksums"):
        get(site, tmp_path)


def test_the_registry_names_https_addresses_real_checksums_and_every_official_screen() -> None:
    assert {screen for item in FILES.values() for screen in item.screens} == {"ccle", "ctrp", "gdsc1", "gdsc2"}
    for name, item in FILES.items():
        assert item.name == name and item.what and bool(item.sources) != bool(item.by_hand and item.pattern)
        assert all(source.url.startswith("https://") for source in item.sources)
        assert all(re.fullmatch("[0-9a-f]{64}", known) for known in item.checksums)


@pytest.fixture
def drug_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drugs in the official layout: one listed twice, one of two ids, a mixture, a lost id, and three without ids."""
    monkeypatch.setattr(pubchem, "INTERVAL", 0.0)
    path = tmp_path / "GDSC_drug_list.csv"
    rows = [("1", "Ethanol", ""), ("2", "Two", "11, 12"), ("3", "Mixture", "several"), ("4", "Lost", "99")]
    rows += [("1", "Ethanol", "702"), ("5", "Acid, Vinegar", ""), ("6", "Vague", ""), ("7", "Unheard", "")]
    text = "".join(f'"{drug}","{name}","{cid}"\n' for drug, name, cid in rows)
    path.write_text("Drug Id, Name, PubCHEM\n" + text)
    return path


def knowing(site: Site) -> None:
    site.known = {"702": "CCO", "11": "CCCl", "176": "CC(=O)O", "5": "C", "6": "CC"}
    site.named = {"Acid": ["176"], "Vague": ["5", "6"]}


def rows_of(path: Path) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)]


def structures(site: Site, drug_list: Path) -> list[tuple[str, ...]]:
    path = drug_list.parent / "out.csv"
    with pytest.warns(BdrpWarning, match="drugs have no structure at PubChem"):
        write_structures(drug_list, path, site.url, progress=False, patience=QUICK)
    return rows_of(path)


FOUND = [
    ("DRUG_ID", "name", "cid", "smiles", "matched"),
    ("1", "Ethanol", "702", "CCO", "id"),
    ("2", "Two", "11", "CCCl", "id"),
    ("5", "Acid, Vinegar", "176", "CC(=O)O", "name"),
]


def test_structures_come_by_id_else_by_an_unambiguous_name(site: Site, drug_list: Path) -> None:
    knowing(site)
    assert structures(site, drug_list) == FOUND
    assert site.batches[0] == ["11", "702", "99"] and site.batches[-3:] == [["Acid"], ["Unheard"], ["Vague"]]
    assert sorted(path.name for path in drug_list.parent.iterdir()) == [drug_list.name, "out.csv"]


def test_structures_found_by_name_and_drugs_that_are_lost_are_told(site: Site, drug_list: Path) -> None:
    knowing(site)
    said = r"1 structures in out.csv were found by name.* check them. 4 drugs have no .*: Mixture, Lost, Vague, Unheard"
    with pytest.warns(BdrpWarning, match=said):
        write_structures(drug_list, drug_list.parent / "out.csv", site.url, progress=False, patience=QUICK)


def test_a_second_call_asks_only_for_the_rest(site: Site, drug_list: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubchem, "BATCH", 1)
    knowing(site)
    begun = ",,,\r\nid:11,11,CCCl,.\r\nname:Vague,,,.\r\nid:99,99,C"  # the last row was cut short
    (drug_list.parent / "out.csv.part").write_text(begun, newline="")
    assert structures(site, drug_list) == FOUND
    assert site.batches == [["702"], ["99"], ["Acid"], ["Unheard"]]


def test_a_busy_pubchem_is_asked_again_and_keeps_what_it_told(site: Site, drug_list: Path) -> None:
    knowing(site)
    site.statuses = [503]
    assert structures(site, drug_list) == FOUND
    assert site.batches[0] == site.batches[1]


@pytest.mark.parametrize(
    ("statuses", "said"), [([400], "answers 400 .* of 1 att"), ([503] * 3, "answers 503 .* of 3 att")]
)
def test_a_pubchem_that_refuses_is_told(site: Site, drug_list: Path, statuses: list[int], said: str) -> None:
    knowing(site)
    site.statuses = statuses
    with pytest.raises(DataError, match=said):
        write_structures(drug_list, drug_list.parent / "out.csv", site.url, progress=False, patience=QUICK)


def test_an_answer_that_is_no_table_and_a_list_without_names_are_told(site: Site, drug_list: Path) -> None:
    with pytest.raises(DataError, match="is no table of structures: it begins '<html>"):
        pubchem._parsed("<html>login</html>")
    drug_list.write_text("Drug Id,Target\n1,a\n")
    with pytest.raises(DataError, match="lacks the columns 'Drug Id' and 'Name'"):
        write_structures(drug_list, drug_list.parent / "out.csv", site.url, progress=False, patience=QUICK)


def test_an_own_drug_list_and_pubchem_complete_an_official_fetch(
    site: Site, drug_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(site)
    monkeypatch.setattr(fetching, "PUBCHEM", site.url)
    with pytest.warns(BdrpWarning, match="no structure at PubChem"):
        paths = fetch("gdsc2", drug_list.parent, progress=False, patience=QUICK)
    assert [path.name for path in paths] == [PINNED, "GDSC_drug_list.csv", "gdsc_drug_smiles.csv"]
    assert rows_of(paths[-1]) == FOUND


def test_without_a_drug_list_the_names_of_the_release_are_asked_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(site)
    monkeypatch.setattr(pubchem, "INTERVAL", 0.0)
    monkeypatch.setattr(fetching, "PUBCHEM", site.url)
    gone = Item(fetching.DRUG_LIST, "a list", (Source(f"{site.url}/gone"),), ())
    monkeypatch.setattr(fetching, "FILES", {PINNED: pinned(site.url), fetching.DRUG_LIST: gone})
    (tmp_path / fetching.COMPOUNDS).write_text("DRUG_ID,DRUG_NAME,TARGET\n5,Acid,a\n")
    with pytest.warns(BdrpWarning) as told:
        paths = fetch("gdsc2", tmp_path, progress=False, patience=QUICK)
    assert any("by the names in screened_compounds_rel_8.5.csv alone" in str(each.message) for each in told)
    assert rows_of(paths[-1])[1:] == [("5", "Acid", "176", "CC(=O)O", "name")]


CCLE = "CCLE Cell Line Name,Compound\nA_LUNG,Acid\nB_LUNG,Acid\nA_LUNG,Unheard\n"
AREAS = ",Acid (CTRP:7),Acid:Vague (1:1 MOL/MOL) (CTRP:8)\nACH-000001,14,13\n"


def test_screens_without_a_drug_list_ask_for_structures_by_the_names_in_their_responses(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(site)
    monkeypatch.setattr(pubchem, "INTERVAL", 0.0)
    monkeypatch.setattr(fetching, "PUBCHEM", site.url)
    site.files["drugs.csv"] = CCLE.encode()
    item = Item("drugs.csv", "drug data", (Source(f"{site.url}/drugs.csv", sha(CCLE.encode())),), ("ccle",))
    monkeypatch.setattr(fetching, "FILES", {"drugs.csv": item})
    with pytest.warns(BdrpWarning, match="1 structures in ccle_drug_smiles.csv were found by name.*Unheard"):
        paths = fetch("ccle", tmp_path, progress=False, patience=QUICK)
    assert [path.name for path in paths] == ["drugs.csv", "ccle_drug_smiles.csv"]
    assert rows_of(paths[-1])[1:] == [("Acid", "Acid", "176", "CC(=O)O", "name")]


def test_a_file_without_a_fixed_address_is_asked_for_in_words_and_then_found_under_any_of_its_names(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(site)
    monkeypatch.setattr(pubchem, "INTERVAL", 0.0)
    monkeypatch.setattr(fetching, "PUBCHEM", site.url)
    hand = FILES["Drug_sensitivity_AUC_(CTD^2).csv"]
    first = Item(PINNED, "a test", (Source(f"{site.url}/{PINNED}", sha(BODY)),), ("ctrp",), 1 << 22)
    monkeypatch.setattr(fetching, "FILES", {PINNED: first, hand.name: hand})
    with pytest.raises(DataError, match="no fixed address.*customDownloads, put the file into .* again. The other"):
        fetch("ctrp", tmp_path, progress=False, patience=QUICK)
    assert (tmp_path / PINNED).exists()
    (tmp_path / "Drug_sensitivity_AUC_(CTD^2)_subsetted.csv").write_text(AREAS)
    with pytest.warns(BdrpWarning, match="found by name.*1 drugs have no structure at PubChem"):
        paths = fetch("ctrp", tmp_path, progress=False, patience=QUICK)
    assert [path.name for path in paths[1:]] == ["Drug_sensitivity_AUC_(CTD^2)_subsetted.csv", "ctrp_drug_smiles.csv"]
    assert rows_of(paths[-1])[1:] == [("Acid (CTRP:7)", "Acid", "176", "CC(=O)O", "name")]


def test_the_real_drug_list_yields_an_id_or_a_name_for_nearly_every_drug(real_data: Path) -> None:
    table = pubchem._listed(real_data / "gdsc" / "GDSC_drug_list_2022-08-12.csv")
    kinds = table["query"].str.partition(":")[0].value_counts()
    assert table["DRUG_ID"].is_unique and kinds["id"] > 300 and kinds["id"] + kinds["name"] > 0.9 * len(table)
