"""`bdrp transfer` from tables to report, on two corners of the simulated screen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The command on the tables of two laboratories, without --out."""
    made, whole, options = tmp_path_factory.mktemp("transfer"), sources.load("simulated"), []
    for name, lines, drugs, offset in (
        ("here", slice(0, 60), slice(0, 24), 0.0),
        ("there", slice(20, 80), slice(8, 32), 1.0),
    ):
        some, them, rows = whole.expression.index[lines], whole.drugs.index[drugs], whole.responses
        rows = rows[rows["cell_line_id"].isin(some) & rows["drug_id"].isin(them)]
        tables = {
            "responses": rows.assign(ln_ic50_um=rows["response"] + offset)
            .drop(columns="response")
            .set_index("drug_id"),
            "drugs": whole.drugs.loc[them],
            "expression": whole.expression.loc[some].iloc[:, :40],
            "cell_lines": whole.cell_lines.loc[some],
        }
        for table, content in tables.items():
            content.to_csv(made / f"{name}_{table}.csv")
            options.append(f"--screen-option={name}.{table}={made / f'{name}_{table}.csv'}")
    return [
        "transfer",
        "--train",
        "here=tables",
        "--test",
        "there=tables",
        *options,
        *"--method ridge --device cpu".split(),
    ]


@pytest.fixture(scope="module")
def done(bdrp, words, tmp_path_factory):
    """What the command said, and its folder."""
    out = tmp_path_factory.mktemp("out") / "transfer"
    return bdrp(*words, "--labelled", "0,20,60", "--draws", "2", "--out", out), out


def test_a_transfer_is_fitted_scored_and_reported(done):
    ran, out = done
    assert ran.exit_code == 0, ran.output
    assert f"report: {out / 'transfer.html'}" in ran.stdout
    table = pd.read_parquet(out / "transfer.parquet")
    assert set(table["adaptation"]) == {"raw", "other laboratory", "recalibrated", "shrunken drug offsets", "at home"}
    assert set(table["target"]) == {"here", "there"}
    assert set(table["labelled"]) == {0, 20, 60}
    assert np.isfinite(table.loc[table["figure"] == "coverage_90", ["value", "lower", "upper"]]).all().all()
    assert {"kind", "bin", "value"} <= set(pd.read_parquet(out / "shift.parquet"))
    assert "the other laboratory" in set(pd.read_parquet(out / "ceiling.parquet")["adaptation"])


def test_the_page_holds_its_figures_and_says_what_it_found(done):
    page = (done[1] / "transfer.html").read_text()
    assert page.count("<svg") == 2
    for said in (
        "From here to there",
        "pair seen: recalibrated, 60 labelled",
        "source screen&#39;s measurement",
        "pair seen: source screen",
    ):
        assert said in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_it_is_taken_up_again_without_a_second_fit(bdrp, words, done):
    _, out = done
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*/*")}
    again = bdrp(*words, "--labelled", "0,20,60", "--draws", "2", "--out", out)
    assert again.exit_code == 0
    assert "the fitted model is taken from" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*/*")} == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--test", "here=tables"], "here is both trained and tested on"),
        (["--test", "moon"], "There is no source 'moon'"),
        (["--train", "moon"], "There is no source 'moon'"),
        (["--train", "here=tables,simulated"], "A model is trained on one"),
        (["--test", "there=tables,there=tables"], "names a screen twice"),
        (["--labelling", "moons"], "Labelled pairs cannot be drawn by 'moons'"),
        (["--labelled", "a few"], "is no list of numbers"),
        (["--labelled=-3"], "0 and numbers from 2 on"),
        (["--screen-option", "far.responses=x.csv"], "names no screen of this transfer"),
        (["--option", "moons=3"], "ridge has no option moons"),
        (["--measure", "weight"], "and --measure asks for weight"),
        (["--test", "ctrp", "--measure", "ln_ic50_um"], "and ctrp auc_fraction, and --measure asks for ln_ic50_um"),
    ],
)
def test_flags_that_make_no_transfer_are_refused(bdrp, words, tmp_path, more, said):
    ran = bdrp(*words, *more, "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_refused(bdrp, words, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    ran = bdrp(*words, "--out", tmp_path / "thesis.txt" / "below")
    assert ran.exit_code == 2
    assert "thesis.txt/below" in ran.stderr
    assert "choose another place" in ran.stderr
    assert "fitting" not in ran.stderr
