"""Every block of code of README and of the pages is run as a reader runs it, page by page, from top to bottom.

The real screens are stand-ins of some lines and drugs, fits are small, and files that a page takes for given lie there.
"""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.errors import BdrpWarning

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = {"add-your-method.md", "add-your-screen.md"}  # tests/plugins runs these, as files and as packages
STUDIES = {"compare", "ablate"}  # planned, not run: many fits
NOT_RUN = {
    "bdrp fetch": "asks the network",
    "bdrp demo": "runs for half a minute; `make demo` and the wheel's smoke test run it",
    "decisions.json": "a page exports it in a browser: tests/report/browser",
    "modalities=expression,mutations": "the stand-ins have no mutations: tests/fitted/test_mutations.py",
    "bdrp replay": "fits the whole simulated screen many times: tests/cli/test_replay.py",
    "bdrp compare export": "takes a finished comparison, and pages only plan theirs: tests/cli/test_compare.py",
    "--profiles": "tables that the stand-ins lack: tests/cli/test_profiles.py",
    "--engine ray": "Ray need not be installed: tests/engines",
    "csa": "tests/cli/test_screens_page.py makes the files of that layout",
    "--split assay": "compounds that are new to a laboratory: tests/cli/test_laboratories.py",
    "mine": "stands for a reader's own screen",
    "…": "stands for the rest of a command",
    "[--capped]": "shows that a flag may be left out",
    "DATA": "stands for a reader's folder",
}
OTHERS = {"pip", "nox", "docker", "conda", "snakemake", "."}
Block = tuple[str, str]


def blocks(page: Path) -> list[Block]:
    """Language and code of each block in a language that runs."""
    return re.findall(r"^```(sh|python)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def commands(code: str) -> list[list[str]]:
    """The commands of a shell block, each in words, without comments."""
    joined = code.replace("\\\n", " ").splitlines()
    return [words for line in joined if (words := shlex.split(line, comments=True))]


def run_command(words: list[str]) -> None:
    """Run a command of bdrp; of others, see that what they name is there."""
    words = words[next((at for at, word in enumerate(words) if "=" not in word), 0) :]
    reason = next((why for mark, why in NOT_RUN.items() if mark in " ".join(words)), None)
    if words[0] == "bdrp" and reason is None:
        _prepare(words)
        words = [*words, "--plan"] if words[1] in STUDIES else words
        ran = CliRunner().invoke(app, words[1:], env={"COLUMNS": "200", "BDRP_DEBUG": "1"})
        assert ran.exit_code == 0, f"{shlex.join(words)}\n{ran.output}\n{ran.exception!r}"
    elif words[0] == "bdrp":
        _parse([word for word in words[1:] if word != "…"])
    elif words[0] == "make":
        assert all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in words[1:] if "=" not in target)
    elif words[0] == "python" and words[1] != "-m":
        assert (ROOT / words[1]).is_file(), words
    else:
        assert words[0] in {*OTHERS, "python"}, words


def _parse(words: list[str]) -> None:
    """Hold the flags of a command that is not run against those that it has."""
    group: Any = typer.main.get_command(app)
    command = group.commands.get(" ".join(words[:2])) or group.commands[words[0]]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert [word for word in words if word.startswith("--") and word not in known] == []


def _prepare(words: list[str]) -> None:
    """What a reader does between two commands: measure, and fill in a queue."""
    if words[1] == "update" and "--measured" in words:
        place = Path(words[words.index("--measured") + 1])
        _measure("NEW-A" if "--expression" in words else "HELD-OUT").to_csv(place, index=False)
    if words[1] == "review":
        queue = Path("queue2.csv") if Path("queue2.csv").exists() else Path("queue.csv")
        if not queue.exists():
            run_command(["bdrp", "triage", "predictions.parquet", "--budget", "5", "--out", str(queue)])
        _fill_in(pd.read_csv(queue, dtype=str), Path(words[2]))


def _clear_queue(code: str) -> None:
    """A page that does the same in Python begins anew: no queue with decisions in it is in the way."""
    for queue in Path().glob("queue.*") if "triage.export" in code else ():
        queue.unlink()


def _measure(line: str) -> pd.DataFrame:
    """Four responses of a line that the model does not know, of other drugs each time."""
    left = pd.read_csv("to_measure.csv", dtype={"drug_id": str})
    chosen = left[left["measured_on"] == line].head(4)
    left.drop(chosen.index).to_csv("to_measure.csv", index=False)
    return chosen.drop(columns="measured_on")


def _fill_in(queue: pd.DataFrame, place: Path) -> None:
    """Decisions on a queue as a spreadsheet saves them, or as the page exports them."""
    queue["decision"], queue["reviewer"] = "accept", "me"
    if place.suffix == ".xlsx":
        queue.to_excel(place, index=False)
    else:
        queue.to_csv(place, index=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page) and page.name not in ELSEWHERE], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, folder, given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        for language, code in blocks(page):
            if language == "python" and not any(mark in code for mark in NOT_RUN):
                _clear_queue(code)
                exec(compile(code, page.name, "exec"), given)
            elif language == "sh":
                for words in commands(code):
                    run_command(words)


def test_what_is_not_run_is_still_on_a_page():
    code = "\n".join(code for page in PAGES for _, code in blocks(page))
    assert [mark for mark in NOT_RUN if mark not in code] == []
