"""`bdrp fetch` from a server on 127.0.0.1: what it prints, what it leaves, and how it refuses."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bdrp.data.fetch as fetching
from bdrp.cli.app import app
from bdrp.data.fetch.registry import Item, Source

CURVES, EXPRESSION, MODELS = "GDSC2_fitted_dose_response.csv", "Cell_line_RMA_proc_basalExp.txt", "model_list.csv"
BODIES = {CURVES: b"curves\n", EXPRESSION: b"genes\n", MODELS: b"models\n"}
STRUCTURES = "gdsc_drug_smiles.csv"


@dataclass
class Site:
    """A folder that is served, and the paths that were asked for."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)


class Handler(SimpleHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server with the files of gdsc2, the curves of known checksum, in place of the providers."""
    held = Site(tmp_path / "served")
    held.folder.mkdir()
    for name, body in BODIES.items():
        (held.folder / name).write_bytes(body)
    handler = type("Bound", (Handler,), {"site": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(held.folder)))
    held.url = f"http://127.0.0.1:{server.server_port}"
    known = {CURVES: hashlib.sha256(BODIES[CURVES]).hexdigest()}
    items = [
        Item(name, f"the {name}", (Source(f"{held.url}/{name}", known.get(name, "")),), ("gdsc2",)) for name in BODIES
    ]
    items.append(Item(fetching.DRUG_LIST, "the drug list", (Source(f"{held.url}/{fetching.DRUG_LIST}"),), ()))
    monkeypatch.setattr(fetching, "FILES", {item.name: item for item in items})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that holds structures, for which PubChem is then not asked."""
    made = tmp_path / "data"
    made.mkdir()
    (made / STRUCTURES).write_text("DRUG_ID,smiles\n1,CCO\n")
    return made


def fetch(*words: object) -> Any:
    ran = CliRunner().invoke(app, ["fetch", *map(str, words)])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def test_it_prints_the_path_of_each_file_that_is_there_now(site: Site, root: Path) -> None:
    said = fetch("gdsc2", "--root", root)
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [str(root / name) for name in (*BODIES, STRUCTURES)]
    assert {name: (root / name).read_bytes() for name in BODIES} == BODIES
    assert site.asked == [f"/{name}" for name in BODIES]


def test_what_came_without_a_known_checksum_is_warned_of_and_what_has_one_is_not(site: Site, root: Path) -> None:
    said = fetch("gdsc2", "--root", root)
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"warning: No checksum is known beforehand for {EXPRESSION}, {MODELS}; what came is trusted")
    assert CURVES not in line and "checksums.json" in line


def test_the_same_command_again_asks_for_nothing_and_prints_the_same(site: Site, root: Path) -> None:
    first = fetch("gdsc2", "--root", root)
    site.asked.clear()
    again = fetch("gdsc2", "--root", root)
    assert (again.exit_code, again.stdout, again.stderr, site.asked) == (0, first.stdout, "", [])


def test_screens_finds_what_was_fetched(site: Site, tmp_path: Path, root: Path) -> None:
    def files() -> str:
        said = CliRunner().invoke(app, ["screens", "--root", str(root)], env={"COLUMNS": "200"})
        return next(line for line in said.stdout.splitlines() if line.strip().startswith("gdsc2")).split()[-1]

    assert files() == "missing"
    fetch("gdsc2", "--root", root)
    assert files() == "found"


def test_a_file_that_the_server_lacks_is_one_line_and_what_came_before_is_kept(site: Site, root: Path) -> None:
    (site.folder / EXPRESSION).unlink()
    said = fetch("gdsc2", "--root", root)
    assert (said.exit_code, said.stdout) == (2, "")
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"error: {EXPRESSION} cannot be downloaded ({site.url}/{EXPRESSION}: the server answers 404")
    assert f"put the file into {root} by hand and run the same command" in line
    assert (root / CURVES).exists() and not (root / EXPRESSION).exists()

    (site.folder / EXPRESSION).write_bytes(BODIES[EXPRESSION])
    site.asked.clear()
    assert fetch("gdsc2", "--root", root).exit_code == 0
    assert site.asked == [f"/{EXPRESSION}", f"/{MODELS}"]


def test_a_file_that_is_not_the_known_one_is_refused_and_does_not_take_its_name(site: Site, root: Path) -> None:
    (site.folder / CURVES).write_bytes(b"others\n")
    said = fetch("gdsc2", "--root", root)
    assert said.exit_code == 2
    assert "sha256" in said.stderr and f"{site.url}/{CURVES}" in said.stderr
    assert not (root / CURVES).exists()


def test_a_file_of_the_users_own_under_that_name_is_refused_and_kept(site: Site, root: Path) -> None:
    (root / CURVES).write_bytes(b"mine\n")
    said = fetch("gdsc2", "--root", root)
    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: {root / CURVES} is another file than expected")
    assert (root / CURVES).read_bytes() == b"mine\n" and site.asked == []


@pytest.mark.parametrize("name", ["simulated", "tables", "moon", ""])
def test_a_screen_without_downloads_is_refused_with_those_that_have_some(site: Site, root: Path, name: str) -> None:
    said = fetch(name, "--root", root)
    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: There is nothing to download for '{name}'. gdsc2 are downloaded")
    assert site.asked == []


def test_a_root_is_asked_for(site: Site) -> None:
    said = fetch("gdsc2")
    assert said.exit_code == 2 and "--root" in said.stderr and site.asked == []


def test_a_root_that_is_a_file_is_refused_in_one_line(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    said = fetch("gdsc2", "--root", tmp_path / "file")
    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: Nothing can be written to {tmp_path / 'file'}")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_root_that_is_not_there_is_made_and_keeps_what_came(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "new" / "data"
    said = fetch("gdsc2", "--root", root)  # without structures, which need a drug list that this server has not
    assert said.exit_code == 2
    assert f"error: {fetching.DRUG_LIST} cannot be downloaded" in said.stderr
    assert {path.name for path in root.iterdir()} >= {*BODIES, "checksums.json"}
