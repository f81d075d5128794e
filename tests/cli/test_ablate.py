"""`bdrp ablate` from tables to report, on a corner of the simulated screen."""

from __future__ import annotations

import pandas as pd
import pytest

SMALL = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 4, "heads": 1, "factors": 1}


@pytest.fixture(scope="module")
def words(tiny_screen, tmp_path_factory):
    """The command on the tiny screen's tables, without --out."""
    made = tmp_path_factory.mktemp("ablate")
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(made / "responses.csv", index=False)
    for name in ("drugs", "expression", "cell_lines"):
        getattr(tiny_screen, name).to_csv(made / f"{name}.csv")
    tables = [
        f"--screen-option={name}={made / name}.csv" for name in ("responses", "drugs", "expression", "cell_lines")
    ]
    options = [f"--option={name}={value}" for name, value in SMALL.items()]
    grid = "--splits pair --folds 2 --seeds 1 --device cpu --parts shuffled_labels".split()
    return ["ablate", "--screen", "tables", *tables, *grid, *options]


def test_an_ablation_is_planned_fitted_reported_and_taken_up_again(bdrp, words, tmp_path):
    out = tmp_path / "out"
    planned = bdrp(*words, "--plan", "--out", out)
    assert "8 fits in all, 0 already done, 8 to do. Estimated time with 1 worker:" in planned.stdout
    assert not out.exists()
    ran = bdrp(*words, "--out", out)
    assert ran.exit_code == 0, ran.output
    assert f"report: {out / 'ablation.html'}" in ran.stdout
    table = pd.read_parquet(out / "ablation.parquet")
    assert {"shuffled_labels", "full"} == set(table["part"])
    other = bdrp(*words, "--plan", "--partition", "published", "--out", out)
    assert "8 fits in all, 0 already done, 8 to do." in other.stdout
    again = bdrp(*words, "--out", out)
    assert "8 fits in all, 8 already done, 0 to do." in again.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--components", "soul"], "there is no component 'soul'"),
        (["--parts", ""], "there is no component ''"),
        (["--method", "ridge"], "ridge has no option epochs"),
        (["--method", "magic"], "no method 'magic'"),
        (["--option", "colour=red"], "last_layer has no option colour"),
        (["--option", "pairing=telepathy"], "pairing is 'telepathy'"),
        (["--splits", "moon"], "no split 'moon'"),
        (["--folds", "1"], "nothing to compare"),
        (["--partition", "random"], "no partition 'random'. Allowed: drawn, published"),
        (["--workers", "0"], "cannot be made by 0 workers"),
    ],
)
def test_flags_that_make_no_ablation_are_refused(bdrp, words, tmp_path, more, said):
    ran = bdrp(*words, *more, "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (tmp_path / "out").exists()
