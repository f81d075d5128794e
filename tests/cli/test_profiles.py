"""`--profiles` and `--tissue` at every command that takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.testing import tiny_screen

Bdrp = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny screen as tables, with copy numbers of all but three lines, and a new sample with its own."""
    root, screen = tmp_path_factory.mktemp("tables"), tiny_screen()
    rows = screen.responses[["cell_line_id", "drug_id", "response"]].rename(columns={"response": "ln_ic50_um"})
    rows.to_csv(root / "responses.csv", index=False)
    screen.drugs[["smiles"]].to_csv(root / "drugs.csv")
    screen.expression.to_csv(root / "expression.csv")
    screen.cell_lines[["tissue"]].to_csv(root / "lines.csv")
    values = np.random.default_rng(0).normal(size=(len(screen.cell_lines), 6))
    table = pd.DataFrame(values, screen.cell_lines.index, [f"SEG{at}" for at in range(6)])
    table.iloc[:-3].to_csv(root / "cn.csv")
    screen.expression.head(1).set_axis(pd.Index(["new"], name="cell_line_id"), axis=0).to_csv(root / "new.csv")
    table.head(1).set_axis(pd.Index(["new"], name="cell_line_id"), axis=0).to_csv(root / "new_cn.csv")
    return root


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_profiles_and_tissue_go_through_fit_check_predict_update_and_answer(
    folder: Path, bdrp: Bdrp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    tables = "--responses responses.csv --drugs drugs.csv --expression expression.csv --cell-lines lines.csv".split()
    checked = run(bdrp, "check", *tables, "--profiles", "copy_number=cn.csv")
    assert "copy_number: 33 lines by 6 features" in checked
    size = [word for one in ("width=16", "hidden=16", "factors=2", "lines=new") for word in ("--option", one)]
    fitted = bdrp(
        *("fit", "--screen", "tables", *tables, "--profiles", "copy_number=cn.csv", "--epochs", "1", *size),
        *("--split", "cell_line", "--out", "model"),
    )
    assert fitted.exit_code == 0, fitted.stderr
    assert "copy_number will be read beside expression and tissue" in " ".join(fitted.stderr.split())
    assert json.loads((folder / "model" / "manifest.json").read_text())["options"]["modalities"] == [
        "expression",
        "tissue",
        "copy_number",
    ]
    new = ["--expression", "new.csv", "--drugs", "drugs.csv", "--profiles", "copy_number=new_cn.csv"]
    tissue = str(tiny_screen().cell_lines["tissue"].value_counts().index[0])
    run(bdrp, "predict", "model", *new, "--tissue", tissue, "--out", "with.csv")
    run(bdrp, "predict", "model", *new[:4], "--out", "without.csv")
    with_it, without = (pd.read_csv(folder / f"{name}.csv") for name in ("with", "without"))
    assert (with_it["epistemic_std"] < without["epistemic_std"]).mean() > 0.9
    given = [
        word for name in ("responses", "drugs", "expression") for word in ("--screen-option", f"{name}={name}.csv")
    ]
    asked = ["--screen", "tables", *given, "--new-sample", "new.csv", "--profiles", "copy_number=new_cn.csv"]
    assert "new" in run(bdrp, "answer", "model", *asked, "--tissue", tissue, "--out", "answer.csv")
    assert pd.read_csv(folder / "answer.csv")["tissue"].eq(tissue).all()
    (folder / "measured.csv").write_text(f"cell_line_id,drug_id,ln_ic50_um\nnew,{tiny_screen().drugs.index[0]},0.5\n")
    run(bdrp, "update", "model", "--measured", "measured.csv", *new, "--tissue", tissue, "--out", "updated")


def test_methods_that_read_expression_alone_refuse_profiles(
    folder: Path, bdrp: Bdrp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = "fit --screen tables --responses responses.csv --drugs drugs.csv --expression expression.csv --method ridge"
    ran = bdrp(*words.split(), "--profiles", "copy_number=cn.csv", "--out", "ridge")
    assert ran.exit_code == 2 and "ridge reads nothing but expression" in ran.stderr


def run(bdrp: Bdrp, *words: str) -> str:
    ran = bdrp(*words)
    assert ran.exit_code == 0, f"{words[0]}: {ran.stderr}"
    return str(ran.stdout)
