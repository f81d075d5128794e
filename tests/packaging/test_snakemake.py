"""The workflow for clusters: a dry run by Snakemake itself says which jobs there are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).resolve().parents[2] / "packaging" / "snakemake"


@pytest.fixture(scope="module")
def snakemake() -> str:
    """The program: that of BDRP_SNAKEMAKE, or the one on the path."""
    found = os.environ.get("BDRP_SNAKEMAKE") or shutil.which("snakemake")
    if found is None:
        pytest.skip("Snakemake is not at hand: set BDRP_SNAKEMAKE, or pip install snakemake")
    return found


def dry_run(snakemake: str, place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [snakemake, "--snakefile", WORKFLOW / "Snakefile", "--profile", WORKFLOW / "profiles" / "local"]
    words += ["--directory", place, "--dry-run", "--printshellcmds", *more]
    private = {"HOME": str(place), "XDG_CACHE_HOME": str(place / "cache")}
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=240, env=os.environ | private)


def test_a_row_of_the_samplesheet_is_a_fit_a_report_and_predictions(snakemake: str, tmp_path: Path) -> None:
    ran = dry_run(snakemake, tmp_path)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    counts = {words[0]: words[1] for line in said.splitlines() if len(words := line.split()) == 2}
    assert {rule: counts.get(rule) for rule in ("fit", "evaluate", "predict", "versions", "total")} == {
        "fit": "2",
        "evaluate": "2",
        "predict": "2",
        "versions": "1",
        "total": "8",
    }
    assert "bdrp fit --screen simulated --method ridge --split cell_line --fold 0 --seed 0 --resume" in said


def test_a_samplesheet_with_faults_is_refused_with_all_of_them(snakemake: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "sample,screen,method,split,fold\na,simulated,ridge,pair,0\na,simulated,ridge,pair,1\n../b,x,y,z,0\n"
    )
    ran = dry_run(snakemake, tmp_path, "--config", f"samplesheet={sheet}")
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0
    for fault in ("the column seed is missing", "'../b' is no name of a folder", "a stands twice"):
        assert fault in said
