"""What a model folder keeps of where its plug-ins come from, and the way back from it to the plug-in."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bdrp.errors import BdrpWarning, ModelFolderError
from bdrp.plugins import source_file
from bdrp.plugins.kind import Kind
from bdrp.plugins.origin import OWN, PlugIn

Record = Mapping[str, str]
_RECORDS: Final = (set[str](), {"package", "version"}, {"file", "sha256"}, {"module"})
"""What a record may tell: nothing of bdrp's own."""


def record_of(kind: Kind, name: str, thing: Any) -> dict[str, str]:
    """Where the plug-in comes from whose module holds `thing`, such as a method's class; {} for bdrp's own.

    A thing that no plug-in holds, such as a class that a notebook defines, comes from its module.
    """
    if thing.__module__.startswith(f"{OWN}."):
        return {}
    for plug_in in [*source_file.run_before(), *kind.named(name)]:
        module = sys.modules.get(plug_in.module)
        if plug_in.name == name and module is not None and any(value is thing for value in vars(module).values()):
            return plug_in.origin.record()
    return {"module": str(thing.__module__)}


def load_recorded(kind: Kind, name: str, record: Record, file: str | os.PathLike[str] | None = None) -> ModuleType:
    """The module of the plug-in that a model was made with.

    Nothing that a model folder says makes a file run: one is run that the caller names, or was run by this process
    before, and only if it is the recorded one to the byte.

    Args:
        kind: what kind of plug-in.
        name: as it was saved.
        record: where it came from, as it was saved.
        file: the path of its file, for one that came from a file.

    Raises:
        BdrpError: bdrp has no such plug-in of its own; of the kind's own `error`.
        ModelFolderError: the plug-in is of a package or file that is not here, is another one, or cannot be used.

    Warns:
        BdrpWarning: its package is installed in another version.
    """
    made_with = f"The model was made with the {kind.what} {name}"
    _refuse_altered(record, made_with)
    if file is not None and "sha256" not in record:
        theirs = f"the package {record['package']}" if "package" in record else "bdrp itself"
        raise ModelFolderError(f"{made_with} of {theirs}; the file {file} is not needed. Leave it out.")
    if not record:
        if name not in kind.own():
            raise kind.error(f"There is no {kind.what} {name!r}. Choose one of: {', '.join(kind.own())}.")
        return kind.load(name)
    try:
        if "sha256" in record:
            return _of_file(kind, made_with, record, file)
        return kind.imported(_of_package(kind, name, made_with, record))
    except kind.error as refusal:
        raise ModelFolderError(f"{made_with}, which cannot be used here. {refusal}") from refusal


def _refuse_altered(record: Any, made_with: str) -> None:
    known = isinstance(record, Mapping) and set(record) in _RECORDS
    if not known or not all(isinstance(value, str) for value in record.values()):
        raise ModelFolderError(
            f"{made_with} of {str(record)[:80]!r}, where a package and its version, or a file and its SHA-256, is "
            "needed. The folder was altered. Restore it from a copy, or fit again."
        )
    if "module" in record:
        raise ModelFolderError(
            f"{made_with} of the module {record['module']}, where no model can find it again. It has to be a file that "
            "is given by its path, or an entry point of an installed package. Write it to one, and fit again."
        )


def _of_package(kind: Kind, name: str, made_with: str, record: Record) -> PlugIn:
    """What the recorded package offers, even under a name that bdrp took for itself later."""
    package, version = record["package"], record["version"]
    found = [plug_in for plug_in in kind.named(name) if _plain(plug_in.origin.package) == _plain(package)]
    if not found:
        raise ModelFolderError(
            f"{made_with} of the package {package} {version}, which is not installed here, or offers no such "
            f"{kind.what} any more. Install that package, and load the model again."
        )
    if found[0].origin.version != version:
        warnings.warn(
            f"{made_with} of {package} {version}; {found[0].origin.version} is installed, and may predict otherwise. "
            "Install the recorded version to be sure.",
            BdrpWarning,
            stacklevel=3,
        )
    return found[0]


def _of_file(kind: Kind, made_with: str, record: Record, file: str | os.PathLike[str] | None) -> ModuleType:
    made_with = f"{made_with} of the file {record['file']}, whose SHA-256 is {record['sha256'][:12]}…"
    if file is not None:
        given = kind.read(Path(file))
        if given.plug_in.origin.sha256 != record["sha256"]:
            raise ModelFolderError(
                f"{made_with}; that of {file} is {given.plug_in.origin.sha256[:12]}…. The very same file is needed, as "
                "another one may predict otherwise. Restore it, or fit again."
            )
        return kind.ran(given)
    for plug_in in source_file.run_before():
        if plug_in.origin.record() == record:
            return kind.imported(plug_in)
    raise ModelFolderError(
        f"{made_with}. A model folder holds no code, so that the file is needed too. Give it: "
        f"TrainedModel.load(folder, method={record['file']!r}), or --method {record['file']}."
    )


def _plain(package: str) -> str:
    """A package's name as installers compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()
