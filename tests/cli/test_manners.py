"""What every command takes: less or more said, JSON, a log, and flags from a file."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from bdrp.cli import console
from bdrp.cli.app import RefusingGroup, app, find_commands
from bdrp.cli.manners import with_manners
from bdrp.errors import BdrpWarning, DataError

COMMON = ("--config", "--json", "--log-file", "--quiet", "--verbose")


def brew(
    cups: Annotated[int, typer.Option(help="How many.")] = 1,
    kind: Annotated[str, typer.Option(help="Of what.")] = "tea",
    hot: Annotated[bool, typer.Option(help="Whether hot.")] = True,
    option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="More.")] = None,
    fail: Annotated[str | None, typer.Option(help="How it fails.")] = None,
) -> None:
    """Brew."""
    from rich.table import Table

    console.print_note("the kettle is old.")
    console.print_note("the kettle is old.")
    warnings.warn("the water is hard", BdrpWarning, stacklevel=2)
    if fail == "refusal":
        raise DataError("There is no tea.")
    if fail == "fault":
        raise KeyError("pot")
    table = Table("cup", "of")
    table.add_row("1", kind)
    console.print_table(table)
    console.record(cups=cups, hot=hot, option=option)
    console.print_written("cup", Path("cup.txt"), note=" (full)")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(*words)`: the command `brew` with the manners of every command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    made = typer.Typer(cls=RefusingGroup, pretty_exceptions_enable=False)
    made.command("brew")(with_manners("brew", brew))
    made.command("brew twice")(with_manners("brew twice", brew))
    return lambda *words: CliRunner().invoke(made, ["brew", *map(str, words)], prog_name="bdrp")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict model --out p.csv --responses r.csv", "--screen-option responses=PATH"),
        ("transfer --train a --test b --out t --cell-lines l.csv", "--screen-option SCREEN.cell_lines=PATH"),
        ("ablate --out a --profiles cn=cn.csv", "--screen-option profiles=NAME=PATH"),
        ("fit --out m --respnses r.csv", "--responses"),
        ("screens --responses r.csv", "No such option: --responses "),
    ],
)
def test_a_flag_that_is_another_commands_is_answered_with_what_to_type(words, said):
    ran = CliRunner().invoke(app, words.split(), env={"COLUMNS": "200"})
    assert ran.exit_code == 2 and said in ran.stderr, ran.stderr


@pytest.mark.parametrize("command", ["fit", "check", "compare", "ablate", "replay"])
def test_what_fits_a_screen_takes_a_users_own_tables_by_the_same_flags(command):
    said = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
    own = ("--responses", "--drugs", "--expression", "--cell-lines", "--unit", "--dose-unit", "--expression-scale")
    assert [flag for flag in own if not re.search(rf"{flag}\b", said)] == []


@pytest.mark.parametrize("command", find_commands())
def test_every_command_takes_the_same_flags(command):
    said = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert [flag for flag in COMMON if not re.search(rf"{flag}\b", said.stdout)] == []


def test_plain_output_is_as_it_was_and_a_note_is_said_once(run):
    ran = run()
    assert ran.exit_code == 0 and ran.stdout.splitlines()[-1] == "cup: cup.txt (full)"
    assert ran.stderr.splitlines() == ["note: the kettle is old.", "warning: the water is hard"]


def test_quiet_leaves_warnings_and_errors(run):
    ran = run("--quiet")
    assert (ran.stdout, ran.stderr) == ("", "warning: the water is hard\n")
    assert run("--quiet", "--fail", "refusal").stderr.endswith("error: There is no tea.\n")


def test_json_is_one_object_with_what_was_written_and_the_main_figures(run):
    ran = run("--json", "--cups", "3", "--no-hot")
    found = json.loads(ran.stdout)
    assert found.pop("seconds") >= 0 and found.pop("bdrp")
    assert found == {
        "command": "brew",
        "exit_code": 0,
        "written": {"cup": "cup.txt"},
        "results": {"cups": 3, "hot": False, "option": None},
        "tables": [[{"cup": "1", "of": "tea"}]],
        "notes": ["the kettle is old."],
        "warnings": ["the water is hard"],
        "errors": [],
    }


def test_json_of_a_refusal_says_why_and_the_exit_code_stays(run):
    ran = run("--json", "--fail", "refusal")
    found = json.loads(ran.stdout)
    assert ran.exit_code == found["exit_code"] == 2
    assert found["errors"] == ["There is no tea."] and "error: There is no tea." in ran.stderr


def test_verbose_says_each_flag_its_source_and_the_time(run, tmp_path):
    (tmp_path / "run.toml").write_text('[brew]\nkind = "mate"\n')
    said = run("--verbose", "--cups", "2", "--config", "run.toml").stderr
    assert "detail: cups is 2 (from the command line)" in said
    assert "detail: kind is mate (from run.toml)" in said
    assert "hot is" not in said
    assert re.search(r"detail: ended with code 0 after \d+\.\d s\n$", said)


def test_verbose_shows_where_a_fault_lies(run, monkeypatch):
    monkeypatch.delenv("BDRP_DEBUG")
    assert run("--fail", "fault").exit_code == 70
    assert isinstance(run("--fail", "fault", "--verbose").exception, KeyError)


def test_a_log_has_everything_with_times_and_grows(run, tmp_path):
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d "
    for runs in (1, 2):
        assert run("--quiet", "--log", "brew.log").exit_code == 0
        lines = (tmp_path / "brew.log").read_text(encoding="utf-8").splitlines()
        assert all(re.match(time, line) for line in lines)
        said = [re.sub(time, "", line, count=1) for line in lines]
        assert said.count("note: the kettle is old.") == said.count("cup: cup.txt (full)") == runs
        assert sum(bool(re.match(r"brew ended with code 0 after \d", line)) for line in said) == runs
    run("--log", "brew.log", "--fail", "refusal")
    assert "error: There is no tea." in (tmp_path / "brew.log").read_text(encoding="utf-8")


def test_a_log_is_added_to_no_other_file(run, tmp_path):
    (tmp_path / "responses.csv").write_text("cell_line_id,drug_id\n")
    ran = run("--log", "responses.csv")
    assert ran.exit_code == 2 and "there is something else, no earlier result of this kind" in ran.stderr
    assert (tmp_path / "responses.csv").read_text() == "cell_line_id,drug_id\n"


def configured(run, tmp_path, text: str, *words: str):
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    ran = run("--json", "--config", "run.toml", *words)
    return ran, json.loads(ran.stdout) if ran.exit_code == 0 else {}


def test_a_file_gives_flags_and_the_command_line_wins(run, tmp_path):
    text = '[brew]\ncups = 4\nkind = "mate"\nhot = false\noption = { milk = true, sugar = 2 }\n'
    _, found = configured(run, tmp_path, text)
    assert found["results"] == {"cups": 4, "hot": False, "option": ["milk=true", "sugar=2"]}
    assert found["tables"] == [[{"cup": "1", "of": "mate"}]]
    _, found = configured(run, tmp_path, text, "--cups", "1", "--hot", "--option", "milk=no")
    assert found["results"] == {"cups": 1, "hot": True, "option": ["milk=no"]}


def test_a_table_is_for_its_command_alone(run, tmp_path):
    text = "[brew]\ncups = 4\n[brew.twice]\ncups = 8\n"
    assert configured(run, tmp_path, text)[1]["results"]["cups"] == 4
    assert configured(run, tmp_path, "[brew.twice]\ncups = 8\n")[1]["results"]["cups"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[brew]\ncupz = 4\n",
            "gives 'cupz' in [brew], which has no such flag. Did you mean 'cups'? Allowed: cups, fail,",
        ),
        ("[brwe]\ncups = 4\n", "has a table [brwe], and there is no such command. Did you mean 'brew'?"),
        ("cups = 4\n", "gives 'cups' outside of a command's table. Allowed: flags below a command, as in [brew]."),
        ("[brew]\ncups = \n", "is no TOML: "),
        (f"[brew]\ncups = {'[' * 100_000}", "nests too deep"),
        ("[brew]\nhot = 1\n", "gives 'hot' in [brew] as 1. Allowed: true or false."),
        ("[brew]\ncups = [1, 2]\n", "gives 'cups' in [brew] as [1, 2]. Allowed: one number, or text in quotes."),
        ("[brew]\ncups = true\n", "gives 'cups' in [brew] as True. Allowed: a number or text in quotes."),
        ("[brew]\noption = 3\n", 'Allowed: a table such as {epochs = 40}, or a list such as ["epochs=40"].'),
        ("[brew]\nconfig = 'b.toml'\n", "gives 'config' in [brew], which has no such flag."),
    ],
)
def test_what_a_file_gets_wrong_is_named_with_what_is_allowed(run, tmp_path, text, said):
    ran, _ = configured(run, tmp_path, text)
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_a_file_that_is_not_there_is_refused(run):
    ran = run("--config", "nowhere.toml")
    assert ran.exit_code == 2 and "--config nowhere.toml cannot be read: No such file or directory." in ran.stderr


def test_a_required_flag_may_come_from_the_file(bdrp, tmp_path):
    (tmp_path / "run.toml").write_text(f"[predict]\nmodel = '{tmp_path / 'model'}'\nout = '{tmp_path / 'p.csv'}'\n")
    ran = bdrp("predict", "--config", tmp_path / "run.toml")
    assert "There is nothing to predict for" in ran.stderr  # what the command itself asks for, and no missing flag


def test_a_whole_number_that_no_machine_counts_to_is_refused_for_every_flag(run):
    ran = run("--cups", "9" * 400)
    assert ran.exit_code == 2
    assert "--cups has 400 digits. Allowed are whole numbers up to 9,223,372,036,854,775,807" in ran.stderr
    assert run("--cups", 2**63 - 1).exit_code == 0
