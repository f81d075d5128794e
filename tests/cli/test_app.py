from __future__ import annotations

import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bdrp import __version__, calibration, cli
from bdrp.cli.app import EXIT_FAULT, EXIT_SYSTEM, MAIN_JOB, RefusingGroup, app, find_commands
from bdrp.errors import BdrpWarning, DataError
from bdrp.inference import METHODS

HEAVY = ("torch", "pyro", "torch_geometric", "pandas", "numpy", "rdkit", "matplotlib", "sklearn", "pyarrow")
COMMANDS = list(find_commands())


def _speaking(command) -> typer.Typer:
    """An application of two commands that speaks as bdrp does."""
    made = typer.Typer(cls=RefusingGroup, pretty_exceptions_enable=False)
    made.command("it")(command)
    made.command("other")(lambda: None)
    return made


def _words(text: str) -> str:
    """Help text without colours, frames and line ends."""
    bare = re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", text)
    return " ".join(bare.split())


def test_every_file_that_defines_run_is_a_command_and_no_other():
    files = Path(cli.__file__).parent.glob("*.py")
    defining = {file.stem.replace("_", " ") for file in files if re.search(r"^def run\(", file.read_text(), re.M)}
    assert set(COMMANDS) == defining
    assert {command.name for command in app.registered_commands} == defining


def test_help_names_every_command_the_main_job_first():
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    starts = (re.match(r"│ (\w+(?: \w+)?)  ", line) for line in said.stdout.splitlines())
    assert [start[1] for start in starts if start] == COMMANDS
    assert COMMANDS[: len(MAIN_JOB)] == list(MAIN_JOB) and COMMANDS[len(MAIN_JOB) :] == sorted(
        COMMANDS[len(MAIN_JOB) :]
    )
    assert "not for clinical use" in _words(said.stdout)


@pytest.mark.parametrize(
    ("command", "flags"),
    {
        "demo": ["--out"],
        "fetch": ["--root"],
        "fit": [
            "--screen",
            "--root",
            "--split",
            "--fold",
            "--method",
            "--seed",
            "--out",
            "--split-file",
            "--measure",
            "--epochs",
            "--device",
            "--resume",
        ],
        "predict": ["--screen", "--root", "--pairs", "--out", "--drugs", "--expression"],
        "evaluate": ["--out"],
        "triage": ["--budget", "--out"],
    }.items(),
)
def test_each_command_has_its_flags(command, flags):
    said = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert [flag for flag in flags if f"{flag} " not in _words(said.stdout)] == []


def test_the_help_of_fit_names_every_method_recalibrator_and_grouping():
    said = _words(CliRunner().invoke(app, ["fit", "--help"], env={"COLUMNS": "200"}).stdout)
    assert f"else {', '.join(calibration.RECALIBRATORS.own())}; by group as" in said
    assert f"with {', '.join(calibration.groupings())}; or" in said
    assert f"How the posterior is found: {', '.join(METHODS.own())};" in said


def test_help_loads_nothing_heavy():
    code = (
        "import sys, contextlib\n"
        "from bdrp.cli.app import app\n"
        "for words in (['--help'], *([*name.split(), '--help'] for name in sys.argv[1:])):\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):\n"
        "        app(words)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    began = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", code, *COMMANDS], capture_output=True, text=True, check=True)
    print(f"{len(COMMANDS) + 1} help pages in {time.perf_counter() - began:.2f} s")
    assert said.stdout.strip() == "[]"


NEW_COMMAND = '''
import typer

def run(name: str = "you") -> None:
    """Greet."""
    typer.echo(f"hello {name}")
'''


def test_a_new_command_is_one_new_file(tmp_path, monkeypatch):
    (tmp_path / "greet.py").write_text(NEW_COMMAND)
    (tmp_path / "beside.py").write_text("NUMBER = 3")
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    try:
        assert set(find_commands()) - set(COMMANDS) == {"greet"}
    finally:
        for name in ("greet", "beside"):
            sys.modules.pop(f"bdrp.cli.{name}", None)


def test_the_version_is_said():
    assert CliRunner().invoke(app, ["--version"]).stdout == f"bdrp {__version__}\n"


def test_a_refusal_is_one_line_on_standard_error_without_traceback():
    def refuse() -> None:
        raise DataError("[red]x[/red].csv has \x1b[2J3 bad rows. Drop them.")

    said = CliRunner().invoke(_speaking(refuse), ["it"])
    assert said.exit_code == 2
    assert said.stdout == ""
    assert said.stderr == "error: [red]x[/red].csv has \N{REPLACEMENT CHARACTER}[2J3 bad rows. Drop them.\n"


def test_a_long_refusal_is_not_broken_into_lines():
    def refuse() -> None:
        raise DataError("word " * 100)

    assert CliRunner().invoke(_speaking(refuse), ["it"]).stderr.count("\n") == 1


def test_ctrl_c_ends_in_130():
    def stop() -> None:
        raise KeyboardInterrupt

    said = CliRunner().invoke(_speaking(stop), ["it"])
    assert (said.exit_code, said.stderr) == (130, "error: interrupted.\n")


def test_a_last_word_without_room_ends_in_71(monkeypatch):
    def full(code: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bdrp.cli.manners.end", full)
    said = CliRunner().invoke(_speaking(lambda: None), ["it"])
    assert said.exit_code == 71
    assert said.stderr == (
        "error: The system refused: [Errno 28] No space left on device. Check the place, its permissions and its "
        "space.\n"
    )


def test_each_different_warning_is_said_once_and_all_are_counted():
    def warn() -> None:
        for message in ("few pairs", "few pairs", "old file"):
            warnings.warn(message, BdrpWarning, stacklevel=2)

    said = CliRunner().invoke(_speaking(warn), ["it"])
    assert said.exit_code == 0
    assert said.stderr.splitlines() == [
        "warning: few pairs",
        "warning: old file",
        "warning: 3 warnings in all, 2 different.",
    ]


def test_a_single_warning_is_not_counted():
    said = CliRunner().invoke(_speaking(lambda: warnings.warn("few pairs", BdrpWarning, stacklevel=2)), ["it"])
    assert said.stderr == "warning: few pairs\n"


def test_screens_lists_every_source_without_a_root():
    said = CliRunner().invoke(app, ["screens"])
    assert said.exit_code == 0
    assert [f" {name} " in said.stdout for name in ("ccle", "ctrp", "gdsc1", "gdsc2", "simulated", "tables")] == [
        True
    ] * 6
    assert "files" not in said.stdout.splitlines()[0]


def test_screens_refuses_a_root_that_is_no_folder(tmp_path):
    ran = CliRunner().invoke(app, ["screens", "--root", str(tmp_path / "nowhere")], env={"COLUMNS": "400"})
    assert ran.exit_code == 2 and "is no folder" in ran.stderr


def test_screens_says_what_is_missing_below_a_root(tmp_path):
    said = CliRunner().invoke(app, ["screens", "--root", str(tmp_path)], env={"COLUMNS": "200"})
    files = {line.split()[0]: line.rstrip().rpartition("  ")[2].strip() for line in said.stdout.splitlines()[1:]}
    official = dict.fromkeys(
        ("ccle", "coderdata", "csa", "ctrp", "depmap", "dreval", "gdsc1", "gdsc2", "prism"), "missing"
    )
    assert files == {**official, "simulated": "none needed", "tables": "none needed"}
    assert said.stderr.count("note: No file below") == 9


def test_screens_finds_the_files_of_a_real_screen(real_data):
    said = CliRunner().invoke(app, ["screens", "--root", str(real_data)], env={"COLUMNS": "200"})
    assert said.stdout.count(" found") >= 2
    downloaded_by_hand = (
        r"note: No file below .* (is|holds) the (responses of prism|responses of csa|table of a data set of DrEval"
        r"|experiments of a data set of CoderData|areas of a harmonised data set)"
    )
    assert all(re.match(downloaded_by_hand, line) for line in said.stderr.splitlines())


@pytest.mark.parametrize("command", ["fit", "demo"])
@pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "one"])
def test_a_seed_that_no_generator_takes_is_refused_at_once(command, seed):
    ran = CliRunner().invoke(app, [command, "--out", "nowhere", "--seed", seed])
    assert ran.exit_code == 2
    assert "--seed" in ran.stderr


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (RecursionError("too deep\nsecond"), EXIT_FAULT, r"of bdrp .*RecursionError: too deep \(test_app.py, line"),
        (KeyError("x"), EXIT_FAULT, "Please report it, with the command and what it prints when BDRP_DEBUG=1"),
        (MemoryError(), EXIT_SYSTEM, r"The memory is not enough \(MemoryError\). Use a machine with more"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), EXIT_SYSTEM, "memory is not enough"),
        (OSError(28, "No space left on device"), EXIT_SYSTEM, "The system refused: .*No space left on device"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_an_exit_code_of_its_own(fault, code, said, monkeypatch):
    def command() -> None:
        raise fault

    monkeypatch.delenv("BDRP_DEBUG")
    result = CliRunner().invoke(_speaking(command), ["it"])
    assert result.exit_code == code
    assert re.search(said, result.stderr) and len(result.stderr.splitlines()) == 1


def test_a_fault_shows_its_traceback_where_it_is_asked_for(monkeypatch):
    def command() -> None:
        raise KeyError("x")

    monkeypatch.setenv("BDRP_DEBUG", "1")  # as for all tests of commands
    assert isinstance(CliRunner().invoke(_speaking(command), ["it"]).exception, KeyError)


def test_wrong_usage_is_still_usage():
    result = CliRunner().invoke(_speaking(lambda: None), ["it", "--unknown"])
    assert result.exit_code == 2 and "No such option" in result.stderr


def test_blas_takes_one_thread_unless_the_user_says_otherwise():
    plain, own, shared = {}, {"OPENBLAS_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "2"}
    for environment in (plain, own, shared):
        cli.keep_blas_to_one_thread(environment)
    assert [each["OPENBLAS_NUM_THREADS"] for each in (plain, own, shared)] == ["1", "4", "2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "rigde"], "There is no method 'rigde'."),
        (["--option", "widht=3"], "widht"),
        (["--split", "moon"], "There is no split by 'moon'."),
        (["--recalibration", "magic"], "There is no recalibrator called 'magic'."),
        (["--fold", "7"], "fold is 7"),
        (["--out", "full"], "The folder full is not empty."),
    ],
)
def test_what_a_fit_cannot_do_is_said_before_a_screen_is_loaded(bdrp, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    monkeypatch.setattr("bdrp.data.sources.load", lambda *given, **named: pytest.fail("a screen was loaded"))
    ran = bdrp("fit", "--out", "model", *words)
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_one_split_is_the_default_of_every_command_that_has_one():
    held_out = {
        name: inspect.signature(command.run).parameters["split"].default
        for name, command in find_commands().items()
        if "split" in inspect.signature(command.run).parameters
    }
    assert set(held_out) >= {"demo", "fit"} and set(held_out.values()) == {"cell_line"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_that_can_be_typed_and_a_page_that_is_there(name):
    command = find_commands()[name]
    said = _words(CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"}).stdout)
    assert f"More: {command.PAGE}" in said and (Path(cli.__file__).parents[2] / command.PAGE).is_file()
    for example in command.EXAMPLES:
        assert example in said
        program, *words = shlex.split(example)
        group = typer.main.get_command(app)
        with group.make_context(program, [], resilient_parsing=True) as above:
            found, inner, flags = group.resolve_command(above, words)
            assert program == "bdrp" and found == name
            inner.make_context(found, flags, parent=above).close()  # every flag is known, and every value of its kind


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_a_terminal_cannot_show_ends_no_command(errors):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors)
    cli.show_what_can_be_shown(stream, io.StringIO())
    print("ln(µM) caf\udce9", file=stream, flush=True)
    assert stream.buffer.getvalue().decode() == f"ln(?M) caf?{os.linesep}"
