"""`bdrp curves` from wells to a screen."""

import json

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from bdrp.cli.app import app

DOSES = 10.0 * 10 ** (-np.arange(7) / 2)


def _wells(path):
    """Viabilities of two lines and two drugs."""
    rows = [
        {"cell_line_id": line, "drug_id": drug, "dose_um": dose, "viability": 1 / (1 + dose / ic50)}
        for line, shift in (("A", 1.0), ("B", 3.0))
        for drug, ic50 in (("x", 0.3 * shift), ("y", 200.0))
        for dose in DOSES
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _run(*arguments: object):
    return CliRunner().invoke(app, ["curves", *map(str, arguments)])


def test_wells_become_responses_with_their_sd_and_a_page(tmp_path):
    out = tmp_path / "screen"
    result = _run(_wells(tmp_path / "wells.csv"), "--out", out)
    assert result.exit_code == 0, result.output
    assert "4 curves of 4 pairs" in result.output
    names = {path.name for path in out.iterdir()}
    assert names == {
        *("ln_ic50_um.csv", "auc_fraction.csv", "emax_fraction.csv", "curves.parquet", "wells.parquet"),
        *("curves.json", "curves.html"),
    }
    responses = pd.read_csv(out / "ln_ic50_um.csv").set_index(["cell_line_id", "drug_id"])
    for line, ic50 in (("A", 0.3), ("B", 0.9)):
        row = responses.loc[(line, "x")]
        assert abs(row["ln_ic50_um"] - np.log(ic50)) < 3 * row["response_sd"] < 3
    assert responses.loc[("A", "y"), "ln_ic50_um"] > np.log(10)
    assert json.loads((out / "curves.json").read_text())["curves"] == 4


def test_a_second_run_replaces_the_first_with_the_same(tmp_path):
    wells, out = _wells(tmp_path / "wells.csv"), tmp_path / "screen"
    first = _run(wells, "--out", out)
    before = (out / "ln_ic50_um.csv").read_bytes()
    assert _run(wells, "--out", out, "--workers", 2).output == first.output
    assert (out / "ln_ic50_um.csv").read_bytes() == before


def test_a_refusal_is_one_line_and_writes_nothing(tmp_path):
    path = tmp_path / "wells.csv"
    path.write_text("a,b\n1,2\n")
    result = _run(path, "--out", tmp_path / "screen")
    assert result.exit_code == 2
    assert "no table of wells" in result.output
    assert not (tmp_path / "screen").exists()


def test_a_unit_of_doses_can_be_stated(tmp_path):
    wells, out = _wells(tmp_path / "wells.csv"), tmp_path / "screen"
    assert _run(wells, "--out", out, "--dose-unit", "nm").exit_code == 0
    assert pd.read_csv(out / "ln_ic50_um.csv")["max_conc_um"].iloc[0] == 0.01
