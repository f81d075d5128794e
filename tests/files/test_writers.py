"""Nothing is written past `bdrp.files`, and the room is light enough for all that stand above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bdrp

ROOM = Path(bdrp.__file__).parent
BESIDE = {"replacing", "replacing_folder"}
WRITERS = {
    *("write_text", "write_bytes", "to_parquet", "to_csv", "to_excel", "to_netcdf", "to_pickle", "to_feather"),
    *("tofile", "save_file", "savetxt", "mkstemp", "mkdtemp", "NamedTemporaryFile"),
    *("copyfile", "copytree", "copy2", "renames"),
}
MODULES = {
    "os": {"replace", "rename", "link", "symlink"},
    "shutil": {"move", "copy"},
    "torch": {"save"},
    "np": {"save", "savez"},
}
AWARE = {
    "data/fetch/pubchem.py": {"open"},  # answers are appended to a part, and the next call goes on with it
    "data/fetch/resuming.py": {"open", "write_text"},  # so are the bytes of a download, beside their address
    "studies/execution/worker.py": {"write_text"},  # to /proc, which is no disk
}
"""Writers that keep a part on purpose; what they hand over goes through `atomic`."""


def writes(source: str) -> list[str]:
    """The calls in a source that write, rename or copy a file, other than into a file of `atomic.replacing`."""
    return [name for name, inside in _calls(ast.parse(source), False) if not inside]


def _calls(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.With):
        opened = {call.func.attr for item in node.items for call in ast.walk(item) if _is_method(call)}  # type: ignore[attr-defined]
        inside = inside or bool(opened & BESIDE)
    if isinstance(node, ast.Call) and (name := _written_by(node)):
        yield name, inside
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, inside)


def _is_method(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def _written_by(call: ast.Call) -> str:
    """The name of a call that writes; "" of any other."""
    if isinstance(call.func, ast.Name):
        name, owner = call.func.id, ""
    elif isinstance(call.func, ast.Attribute):
        name, owner = call.func.attr, ast.unparse(call.func.value)
    else:
        return ""
    if name == "open":
        modes = [each.value for each in [*call.args, *(word.value for word in call.keywords)] if _is_text(each)]
        return name if any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes) else ""
    if name in WRITERS or name in MODULES.get(owner, ()):
        return name
    return name if name in ("replace", "rename") and owner and _is_one_path(call) else ""


def _is_one_path(call: ast.Call) -> bool:
    """Whether a path may be meant: text is replaced by text, and a column renamed to a constant or by a keyword."""
    if len(call.args) != 1 or call.keywords:
        return False
    given = call.args[0].value if isinstance(call.args[0], ast.Subscript) else call.args[0]
    return not isinstance(given, ast.Constant | ast.Dict) and not (isinstance(given, ast.Name) and given.id.isupper())


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("os.replace(a, b)", ["replace"]),
        ("beside.replace(path)", ["replace"]),
        ("open(path, 'w')", ["open"]),
        ("path.open(mode='ab')", ["open"]),
        ("table.to_parquet(path)", ["to_parquet"]),
        ("with path.open('xb') as file: pass", ["open"]),
        ("with atomic.replacing(path) as beside: table.to_csv(beside)", []),
        ("with atomic.refusing('it', path), atomic.replacing(path) as beside: beside.write_text(text)", []),
        ("path.open('rb'); open(path); open(path, encoding='utf-8')", []),
        ("text.replace('a', 'b'); dataclasses.replace(screen, name=name); table.rename(columns=names)", []),
        ("series.rename(NAMES[each])", []),
    ],
)
def test_a_writer_is_known_when_it_is_seen(source: str, found: list[str]) -> None:
    assert writes(source) == found


def test_every_file_is_written_through_one_room() -> None:
    found = {}
    for path in sorted(ROOM.rglob("*.py")):
        name = path.relative_to(ROOM).as_posix()
        if not name.startswith("files/") and (past := set(writes(path.read_text())) - AWARE.get(name, set())):
            found[name] = sorted(past)
    assert found == {}


def test_in_the_room_itself_one_file_renames() -> None:
    renaming = {path.name for path in (ROOM / "files").glob("*.py") if "replace" in writes(path.read_text())}
    assert renaming == {"atomic.py"}


def test_the_room_loads_no_torch() -> None:
    modules = sorted(f"bdrp.files.{path.stem}" for path in (ROOM / "files").glob("*.py") if path.stem != "__init__")
    code = f"import sys, {', '.join(modules)}; sys.exit(sum(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
