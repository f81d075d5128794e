"""Downloading a screen's official files: pinned, resumed where they broke off, checked before they take their name."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bdrp.data.fetch.asking import Patience, UnavailableError
from bdrp.data.fetch.ledger import NAME as LEDGER
from bdrp.data.fetch.ledger import Ledger
from bdrp.data.fetch.pubchem import PUBCHEM, write_named_structures, write_structures
from bdrp.data.fetch.registry import FILES, Item, Source
from bdrp.data.fetch.resuming import Resuming
from bdrp.data.sources import ccle, ctrp
from bdrp.data.unpacking import find
from bdrp.errors import BdrpWarning, DataError, OutputError
from bdrp.files import atomic

__all__ = ["FILES", "PUBCHEM", "Patience", "fetch", "write_structures"]

DRUG_LIST = "GDSC_drug_list.csv"
COMPOUNDS = "screened_compounds_rel_8.5.csv"
STRUCTURES = "gdsc_drug_smiles.csv"
DRUG_NAMES: Final[Mapping[str, Callable[[Path], dict[str, str]]]] = {"ccle": ccle.drug_names, "ctrp": ctrp.drug_names}
"""How the drugs are called in the responses, for the screens that have no drug list."""
_FOLDER, _LOCK = ".downloading", ".downloading.lock"


def fetch(
    name: str,
    root: Path | str,
    *,
    base_url: str | None = None,
    progress: bool = True,
    patience: Patience | None = None,
) -> list[Path]:
    """Downloads what the source `name` reads into the folder `root`; what is there already is checked and kept.

    A download that breaks off goes on where it stopped, at the next call too: its bytes lie in `root/.downloading`. Two
    calls into one folder wait for each other, and the second finds what the first brought. A
    file takes its name only when it is whole and its checksum is right. Where no checksum is known beforehand, the
    one of the first download is trusted, with a warning, and written to `checksums.json`; later calls hold the file
    to it. Structures come from PubChem by the ids of the drug list, else by name; a table of structures that `root`
    has already is kept. A file without a fixed address is asked for in words, when all others are there.

    Args:
        name: gdsc1, gdsc2, ccle or ctrp.
        root: the folder; made where it does not exist.
        base_url: a mirror that holds the files under their own names, the table of structures among them; the official
            servers where None. Known checksums hold for a mirror too.
        progress: whether a bar is drawn on a terminal.
        patience: how long to wait for a server, and how often to try again.

    Returns:
        The paths of all files of the source, in the order of the registry.

    Raises:
        DataError: the source has no downloads, a file cannot be had, or it is not the one that is known.
        OutputError: the folder cannot be written.
    """
    items, folder = _items(name, base_url), Path(root)
    try:
        atomic.make_folder(folder)
        with _alone_in(folder):
            getter = _Getter(folder, Ledger.read(folder), progress, patience or Patience())
            paths = [getter.get(item) for item in items]
            if base_url is None:
                paths += getter.named_structures(name, paths[-1]) if name in DRUG_NAMES else getter.structures()
            getter.finish()
    except OSError as error:
        raise _not_written(folder, error) from error
    return paths


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Waits, and says so, until no other call downloads into the folder; a call that was killed holds nothing."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        message = f"Another call is downloading into {folder}. This one waits until it is done."
        warnings.warn(message, BdrpWarning, stacklevel=4)
        lock.acquire()
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            (folder / _LOCK).unlink()  # before it is let go: who waits sees that it is gone, and makes a new one
        lock.release()


class _Getter:
    """One call of `fetch`: where files go and how they are asked for."""

    def __init__(self, folder: Path, ledger: Ledger, progress: bool, patience: Patience) -> None:
        self.folder, self.ledger, self.progress, self.patience = folder, ledger, progress, patience
        self.trusted: list[str] = []

    def get(self, item: Item) -> Path:
        """The path of one file, downloaded from the first source that gives it, unless it is there."""
        if item.by_hand and not item.sources:
            return self._put_there(item)
        path = self.folder / item.name
        if path.exists():
            self.ledger.check(path, item.checksums)
            return path
        refusals = []
        for source in item.sources:
            try:
                self._download(item, source, path)
                return path
            except UnavailableError as refusal:
                refusals.append(f"{source.url}: {refusal}")
        raise DataError(
            f"{item.name} cannot be downloaded ({'; '.join(refusals)}). It is {item.what}. Try again later, which goes "
            f"on where this stopped, or put the file into {self.folder} by hand and run the same command."
        )

    def structures(self) -> list[Path]:
        """The table of structures, made from the drug list and PubChem unless there is one; with the list it used."""
        found = sorted(path for path in self.folder.rglob("*.csv*") if _holds_structures(path.name))
        if found:
            return found[:1]
        lists = sorted(path for path in self.folder.rglob("*.csv") if path.name.lower().startswith("gdsc_drug_list"))
        drug_list = lists[0] if lists else self._drug_list()
        path = self.folder / STRUCTURES
        write_structures(drug_list, path, PUBCHEM, progress=self.progress, patience=self.patience)
        return [drug_list, path]

    def named_structures(self, name: str, responses: Path) -> list[Path]:
        """The table of structures, made from the names in the responses and PubChem unless there is one."""
        found = sorted(path for path in self.folder.rglob("*.csv*") if _holds_structures(path.name, name))
        path = found[0] if found else self.folder / _structures_of(name)
        if not found:
            names = DRUG_NAMES[name](responses)
            write_named_structures(names, path, PUBCHEM, progress=self.progress, patience=self.patience)
        return [path]

    def _put_there(self, item: Item) -> Path:
        """A file that has no fixed address, wherever it lies below the folder."""
        path = find(self.folder, (item.pattern,), item.what, "keep one")
        if path is None:
            self.finish()
            raise DataError(
                f"{item.name} has no fixed address to download it from. It is {item.what}: {item.by_hand}, put the "
                f"file into {self.folder} and run the same command again. The other files are there."
            )
        self.ledger.check(path, item.checksums)
        return path

    def _drug_list(self) -> Path:
        """GDSC's list with PubChem ids; the release's list with names alone where that one cannot be had."""
        try:
            return self.get(FILES[DRUG_LIST])
        except DataError as error:
            named = self.folder / COMPOUNDS
            if not named.exists():
                raise
            message = f"{error} Until then, structures are asked for by the names in {named.name} alone."
            warnings.warn(message, BdrpWarning, stacklevel=4)
            return named

    def finish(self) -> None:
        """Says what was taken on trust, and removes the folder of broken downloads where nothing is left in it."""
        if self.trusted:
            message = f"No checksum is known beforehand for {', '.join(self.trusted)}; what came is trusted"
            warnings.warn(f"{message}, and its checksum kept in {self.folder / LEDGER}.", BdrpWarning, stacklevel=3)
        hidden = self.folder / _FOLDER
        if not list(hidden.glob("*.part")):
            for stale in (*hidden.glob("tmp*"), *hidden.glob("*.part.validator")):  # pooch's of a killed call, ours
                stale.unlink()
            with suppress(OSError):  # there is none, or something that is not ours
                hidden.rmdir()

    def _download(self, item: Item, source: Source, path: Path) -> None:
        import pooch

        hidden = self.folder / _FOLDER
        expected = (source.sha256,) if source.sha256 else item.checksums
        downloader = Resuming(hidden / f"{path.name}.part", expected, item.most, self.progress, self.patience)
        pooch.get_logger().setLevel("WARNING")  # its notes on unknown hashes: the ledger takes care of these
        whole = hidden / path.name
        whole.unlink(missing_ok=True)
        pooch.retrieve(source.url, known_hash=None, fname=path.name, path=hidden, downloader=downloader)
        atomic.move(whole, path)
        self.ledger.record(path, source.url, pinned=bool(expected))
        if not expected:
            self.trusted.append(path.name)


def _items(name: str, base_url: str | None) -> list[Item]:
    items = [item for item in FILES.values() if name in item.screens]
    if not items:
        known = sorted({screen for item in FILES.values() for screen in item.screens})
        raise DataError(
            f"There is nothing to download for '{name}'. {', '.join(known)} are downloaded; simulated is made on "
            "the spot, and tables are your own files. Choose one of these."
        )
    if base_url is None:
        return items
    if not base_url.startswith(("https://", "http://")):
        raise DataError(f"base_url is '{base_url}'. It must start with https:// or http://. Give a web address.")
    structures = Item(_structures_of(name), "the drugs' structures", (), (name,))
    return [item.at(base_url) for item in (*items, structures)]


def _structures_of(name: str) -> str:
    return f"{name}_drug_smiles.csv" if name in DRUG_NAMES else STRUCTURES


def _holds_structures(name: str, screen: str = "gdsc") -> bool:
    return name.lower().startswith(screen) and "smiles" in name.lower() and not name.endswith(".part")


def _not_written(folder: Path, error: OSError) -> OutputError:
    remedy = (
        "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Choose a folder with write permission"
    )
    return OutputError(f"Nothing can be written to {folder}: {error}. {remedy} and run the same command again.")
