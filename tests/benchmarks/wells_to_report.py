"""GDSC2's raw wells of seven drugs, through curves and a fit with known variances, to a report: what users type.

    python tests/benchmarks/wells_to_report.py OUT [--method last_layer] [--option epochs=20] [--data DIR]

Real wells are looked for in BDRP_DATA, or in shared/data beside the project. docs/curves.md has what it printed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from bdrp.cli.app import app

WELLS = "raw/GDSC2_public_raw_data_example.csv.gz"


def run(*words: object) -> None:
    """A command, its output and its seconds; the first that fails ends the run."""
    print("$ bdrp", *words, flush=True)
    begun = time.process_time()
    ran = CliRunner().invoke(app, [str(word) for word in words])
    print(ran.stdout, ran.stderr, f"({time.process_time() - begun:.0f} CPU s)", sep="\n", flush=True)
    if ran.exit_code:
        raise SystemExit(f"ended with code {ran.exit_code}")


def write_drugs(data: Path, path: Path) -> None:
    """Structures and names as `--drugs` takes them."""
    structures = pd.read_csv(data / "gdsc" / "gdsc_drug_smiles.csv", dtype=str)
    structures.dropna(subset="smiles").rename(columns={"DRUG_ID": "drug_id"}).to_csv(path, index=False)


def main() -> None:
    """Curves, a fit without the SDs and one with them, and a report of each."""
    shared = Path(__file__).parents[2].parent / "shared" / "data"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--method", default="last_layer")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BDRP_DATA", shared)))
    asked = parser.parse_args()
    out, data = asked.out, asked.data
    out.mkdir(parents=True, exist_ok=True)
    run("curves", data / WELLS, "--out", out / "screen")
    responses = pd.read_csv(out / "screen" / "ln_ic50_um.csv", dtype=str)
    responses.drop(columns="response_sd").to_csv(out / "without_sd.csv", index=False)
    write_drugs(data, out / "drugs.csv")
    tables = ["--screen", "tables", "--drugs", out / "drugs.csv"]
    tables += ["--expression", data / "gdsc" / "Cell_line_RMA_proc_basalExp.txt.gz"]
    tables += [
        "--cell-lines",
        data / "annotation" / "model_list.csv.gz",
        "--split",
        "cell_line",
        "--method",
        asked.method,
    ]
    tables += [word for option in asked.option for word in ("--option", option)]
    for name, table in (("without", out / "without_sd.csv"), ("with", out / "screen" / "ln_ic50_um.csv")):
        run("fit", "--responses", table, *tables, "--out", out / f"model_{name}", "--overwrite")
        run("evaluate", out / f"model_{name}", "--out", out / f"report_{name}")
        point = json.loads((out / f"report_{name}" / "scores.json").read_text(encoding="utf-8"))
        print(name, "response_sd:", {key: point[key] for key in ("point", "coverage", "density") if key in point})


if __name__ == "__main__":
    main()
