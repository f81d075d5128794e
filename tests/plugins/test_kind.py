"""Finding plug-ins, and what becomes of a bad one: it is named and refused, and the others go on."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bdrp.inference
from bdrp import inference
from bdrp.calibration import RECALIBRATORS
from bdrp.cli.app import app
from bdrp.data import sources
from bdrp.data.sources import SOURCES
from bdrp.errors import BdrpWarning, DataError, FitError
from bdrp.inference import METHODS
from bdrp.plugins import Origin, PlugIn, is_path

Install = Callable[..., None]
MethodText = Callable[[str], str]
SOURCE = """
from bdrp.data.sources import simulated
DESCRIPTION = "moon: simulated, from afar"
def load(root, *, measure="ln_ic50_um"):
    return simulated.load(measure=measure)
"""


@pytest.fixture
def offer(install: Install) -> Callable[..., None]:
    """`offer(text, name="nearest")`: the package nearest-drugs 1.2 with one method, whose module has this text."""
    return lambda text, name="nearest": install(
        "nearest-drugs", "1.2", {"nearest_module": text}, {"bdrp.methods": {name: "nearest_module"}}
    )


def test_bdrps_own_are_the_files_that_define_one() -> None:
    for kind, mark in ((METHODS, "METHOD"), (SOURCES, "DESCRIPTION"), (RECALIBRATORS, "DESCRIPTION")):
        folder = Path(str(sys.modules[kind.room].__file__)).parent
        assert kind.own() == sorted(file.stem for file in folder.glob("*.py") if mark in _assigned(file))


def _assigned(file: Path) -> set[str]:
    nodes = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    targets = [each for node in nodes for each in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_a_method_of_an_installed_package_is_found_and_made(
    offer: Callable[..., None], method_text: MethodText
) -> None:
    assert "nearest" not in inference.names()
    offer(method_text("nearest"))
    assert inference.names() == sorted([*METHODS.own(), "nearest"])
    assert METHODS.found()[-1] == PlugIn("nearest", "nearest_module", Origin("nearest-drugs", "1.2"))
    method = inference.make("nearest", {"sweeps": "3"})
    assert (method.name, method.sweeps) == ("nearest", 3)
    assert inference.origin(method) == {"method_from": {"package": "nearest-drugs", "version": "1.2"}}


def test_an_entry_point_may_name_the_method_itself(install: Install, method_text: MethodText) -> None:
    entries = {"bdrp.methods": {"nearest": "nearest_module:METHOD"}}
    install("nearest-drugs", "1.2", {"nearest_module": method_text("nearest")}, entries)
    assert inference.make("nearest").name == "nearest"


def test_a_source_of_an_installed_package_is_found_and_loaded(install: Install) -> None:
    install("moon-screen", "0.3", {"moon_module": SOURCE}, {"bdrp.sources": {"moon": "moon_module"}})
    assert "moon" in sources.names()
    assert sources.describe("moon") == "moon: simulated, from afar"
    assert len(sources.load("moon", measure="auc_fraction").responses) > 1000
    said = CliRunner().invoke(app, ["screens"])
    assert "simulated, from afar" in said.stdout


def test_what_is_installed_while_a_notebook_runs_is_found(offer: Callable[..., None], method_text: MethodText) -> None:
    path = list(sys.path)
    with pytest.raises(FitError, match="no method 'nearest'"):
        inference.make("nearest")
    offer(method_text("nearest"))
    site = sys.path[0]
    sys.path[:] = [path[0], site, *path[1:]]
    assert inference.make("nearest").name == "nearest"


@pytest.mark.parametrize(
    ("name", "path"), [("a.py", True), (Path("a"), True), ("ridge", False), (None, False), ("../a", False)]
)
def test_a_path_is_a_path_object_or_ends_in_py(name: str, path: bool) -> None:
    assert is_path(name) is path


def test_a_method_in_a_file_is_made_from_its_path(tmp_path: Path, method_text: MethodText) -> None:
    file = tmp_path / "nearest.py"
    file.write_text(method_text("nearest"))
    method = inference.make(str(file), {"sweeps": 3})
    assert method == inference.make(file, {"sweeps": 3})  # one class for the same bytes
    assert (method.name, inference.name_of(file)) == ("nearest", "nearest")
    origin = inference.origin(method)["method_from"]
    assert origin["file"] == "nearest.py" and len(origin["sha256"]) == 64
    assert "nearest" not in inference.names()
    assert not (tmp_path / "__pycache__").exists()


def test_a_file_that_was_changed_is_another_method(tmp_path: Path, method_text: MethodText) -> None:
    file = tmp_path / "nearest.py"
    file.write_text(method_text("nearest"))
    before = inference.make(file)
    file.write_text(method_text("nearest").replace("METHOD =", "EXTRA = 1\nMETHOD ="))
    after = inference.make(file)
    assert type(before) is not type(after)
    assert inference.origin(before) != inference.origin(after)


BAD = {
    "fails at import": (
        "import no_such_package",
        "cannot be imported: ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "raises at import": ("x = 1\ny = 1 / 0", r"cannot be imported: ZeroDivisionError: division by zero \(.*, line 2\)"),
    "ends the process": ("import sys\nsys.exit(3)", "cannot be imported: SystemExit: 3"),
    "is no Python": ("def f(:", "cannot be imported: SyntaxError"),
    "has no METHOD": ("method = 3", "has no METHOD"),
    "has a METHOD that is no class": (
        "METHOD = 3",
        "a METHOD that is 3, where a subclass of bdrp.inference.method.Method",
    ),
    "has a METHOD of another kind": ("METHOD = dict", "a METHOD that is <class 'dict'>, where a subclass"),
    "lacks fit and restore": (
        "from bdrp.inference.method import Method\nclass A(Method):\n    name = 'nearest'\nMETHOD = A",
        "a METHOD without fit and restore",
    ),
    "is not frozen": (
        "from bdrp.inference.method import Method\nclass A(Method):\n    name = 'nearest'\n"
        "    def fit(self, batch, runtime): ...\n    def restore(self, features, state): ...\nMETHOD = A",
        "a METHOD that is no frozen dataclass",
    ),
    "has an option without a default": (
        "from dataclasses import dataclass\nfrom bdrp.inference.method import Method\n"
        "@dataclass(frozen=True)\nclass A(Method):\n    width: int\n    name = 'nearest'\n"
        "    def fit(self, batch, runtime): ...\n    def restore(self, features, state): ...\nMETHOD = A",
        "has options without a default: width",
    ),
    "has another name": (
        "from bdrp.inference.ridge import METHOD",
        "whose `name` is 'ridge', where it is found as 'nearest'",
    ),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_method_of_a_package_is_refused_by_its_name_and_package(how: str, offer: Callable[..., None]) -> None:
    text, said = BAD[how]
    offer(text)
    assert "nearest" in inference.names()  # listing imports nothing
    with pytest.raises(FitError, match=f"^The method nearest of the package nearest-drugs 1.2 .*{said}.*uninstall it"):
        inference.make("nearest")
    assert inference.make("ridge").name == "ridge"


@pytest.mark.parametrize("how", BAD)
def test_a_bad_method_in_a_file_is_refused_by_its_file(how: str, tmp_path: Path) -> None:
    text, said = BAD[how]
    (tmp_path / "nearest.py").write_text(text)
    before = set(sys.modules)
    with pytest.raises(FitError, match=f"^The method nearest of the file nearest.py .*{said}.*Mend the file"):
        inference.make(tmp_path / "nearest.py")
    new = {name for name in set(sys.modules) - before if name.startswith("bdrp_file_")}
    assert new <= _files_that_ran()


def _files_that_ran() -> set[str]:
    from bdrp.plugins.source_file import run_before

    return {plug_in.module for plug_in in run_before()}


@pytest.mark.parametrize("what", ["nowhere.py", "a_folder.py"])
def test_a_file_that_cannot_be_read_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "a_folder.py").mkdir()
    with pytest.raises(FitError, match=f"The file .*{what} cannot be read: .* that holds METHOD is needed"):
        inference.make(tmp_path / what)


def test_a_file_named_as_one_of_bdrps_own_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "ridge.py").write_text("raise RuntimeError('it was run')")
    with pytest.raises(FitError, match="The method ridge of the file ridge.py has the name of one of bdrp's own"):
        inference.make(tmp_path / "ridge.py")


@pytest.mark.parametrize("name", ["my-nearest", "a,b", "nearest.py", "1st"])
def test_a_name_that_a_flag_could_not_say_is_refused_and_not_run(name: str, offer: Callable[..., None]) -> None:
    offer("raise RuntimeError('it was run')", name)
    with pytest.warns(BdrpWarning, match=f"The method {name} .* a name that is not made of letters, digits and under"):
        assert METHODS.usable() == METHODS.own()


def test_a_package_that_takes_a_name_of_bdrps_own_is_told_of_and_left_alone(
    offer: Callable[..., None], method_text: MethodText
) -> None:
    offer("raise RuntimeError('it was run')", "ridge")
    assert inference.names() == METHODS.own()
    with pytest.warns(BdrpWarning, match="The method ridge of the package nearest-drugs 1.2 has the name of one of"):
        method = inference.make("ridge")
    assert type(method).__module__ == "bdrp.inference.ridge" and inference.origin(method) == {}
    assert inference.make("mean_effects").name == "mean_effects"


def test_two_packages_that_offer_one_name_are_both_named(install: Install, method_text: MethodText) -> None:
    for package in ("alpha", "beta"):
        entries = {"bdrp.methods": {"nearest": f"{package}_module"}}
        install(package, "1.0", {f"{package}_module": method_text("nearest")}, entries)
    with pytest.raises(
        FitError, match="is offered by the package alpha 1.0 and the package beta 1.0. One may offer it"
    ):
        inference.make("nearest")
    assert inference.make("ridge").name == "ridge"


BAD_SOURCES = {
    "has no load": ("DESCRIPTION = 'moon'", "has no load"),
    "has nothing": ("", "has no DESCRIPTION, no load"),
    "describes itself as a number": ("DESCRIPTION = 3\ndef load(root, *, measure): ...", "a DESCRIPTION that is 3"),
    "has a load that is no function": ("DESCRIPTION = 'moon'\nload = 3", "a load that is 3, where a function"),
    "offers what is no measure": (
        "DESCRIPTION = 'moon'\nMEASURES = ('viability',)\ndef load(root, *, measure): ...",
        r"has MEASURES \('viability',\)",
    ),
    "fails at import": ("1 / 0", "cannot be imported: ZeroDivisionError"),
}


@pytest.mark.parametrize("how", BAD_SOURCES)
def test_a_bad_source_is_refused_by_its_name_and_the_others_are_listed(how: str, install: Install) -> None:
    text, said = BAD_SOURCES[how]
    install("moon-screen", "0.3", {"moon_module": text}, {"bdrp.sources": {"moon": "moon_module"}})
    with pytest.raises(DataError, match=f"^The source moon of the package moon-screen 0.3 .*{said}"):
        sources.load("moon")
    shown = CliRunner().invoke(app, ["screens"])
    assert shown.exit_code == 0
    assert "simulated" in shown.stdout and "moon" not in shown.stdout
    assert "warning: The source moon of the package moon-screen 0.3" in shown.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [("{'responses': 3}", "gave a dict"), ("simulated.load(measure='auc_fraction')", "gave a screen in auc_fraction")],
)
def test_a_source_that_gives_something_else_is_refused(answer: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "moon.py").write_text(SOURCE.replace("simulated.load(measure=measure)", answer))
    with pytest.raises(DataError, match=f"The source .*moon.py {said}, where a screen in ln_ic50_um was asked for"):
        sources.load(tmp_path / "moon.py")


def test_a_file_at_the_door_that_is_no_method_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch.py").write_text("NUMBER = 3")
    (tmp_path / "_beside.py").write_text("NUMBER = 3")
    monkeypatch.setattr(bdrp.inference, "__path__", [*bdrp.inference.__path__, str(tmp_path)])
    assert "scratch" in inference.names() and "_beside" not in inference.names()
    with pytest.raises(
        FitError, match="The method scratch of bdrp itself has no METHOD.*start with _ if it is no method"
    ):
        inference.make("scratch")


def test_the_command_line_lists_what_packages_offer_and_what_is_wrong(
    install: Install, method_text: MethodText
) -> None:
    install("good-one", "1.0", {"good_module": method_text("good")}, {"bdrp.methods": {"good": "good_module"}})
    install("bad-one", "2.0", {"bad_module": "1 / 0"}, {"bdrp.methods": {"bad": "bad_module", "ridge": "bad_module"}})
    said = CliRunner().invoke(app, ["plugins"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    rows = [line.split(maxsplit=2) for line in said.stdout.splitlines()]
    assert [row[2].strip() for row in rows if row[1] == "good"] == ["the package good-one 1.0"]
    assert [row[2].strip() for row in rows if row[1] == "ridge"] == ["bdrp itself", "the package bad-one 2.0"]
    assert "warning: The method bad of the package bad-one 2.0 cannot be imported: ZeroDivisionError" in said.stderr
    assert "warning: The method ridge of the package bad-one 2.0 has the name of one of bdrp's own" in said.stderr
    assert "good" not in said.stderr


def test_a_bad_plug_in_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "nearest.py").write_text("1 / 0")
    said = CliRunner().invoke(app, ["fit", "--method", str(tmp_path / "nearest.py"), "--out", str(tmp_path / "m")])
    assert said.exit_code == 2
    assert said.stderr.splitlines()[-1].startswith(
        "error: The method nearest of the file nearest.py cannot be imported"
    )


def test_a_model_does_not_go_over_the_file_of_its_method(tmp_path: Path, method_text: MethodText) -> None:
    file = tmp_path / "nearest.py"
    file.write_text(method_text("nearest"))
    said = CliRunner().invoke(app, ["fit", "--method", str(file), "--out", str(tmp_path), "--overwrite"])
    assert said.exit_code == 2
    assert f"{file} is an input of the same command and would be lost" in said.stderr
    assert file.exists()


def test_help_imports_no_plug_in(install: Install, tmp_path: Path) -> None:
    install("loud", "1.0", {"loud_module": "print('imported')"}, {"bdrp.methods": {"loud": "loud_module"}})
    for words in (["--help"], ["fit", "--help"]):
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path / 'site_loud')!r}); sys.argv[1:] = {words}; import bdrp.cli"
        )
        said = subprocess.run(
            [sys.executable, "-c", f"{code}; bdrp.cli.main()"], capture_output=True, text=True, check=True
        )
        assert "imported" not in said.stdout
        assert "mean_effects" in said.stdout or words == ["--help"]
