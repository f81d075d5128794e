"""The pages that people act on, looked over by axe-core in light, in the dark and on a phone.

axe-core is no package of Python: BDRP_AXE names its axe.min.js (npm's axe-core), and without it these are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp import triage
from bdrp.design import Expected, Proposal
from bdrp.design.plates import find_format, lay_out
from bdrp.explain import explain
from bdrp.fitted.update import update
from bdrp.report import answers, combinations, design, evaluate, explanation, review

SETTINGS = {"light": (1200, False), "dark": (1200, True), "phone": (390, False), "phone in the dark": (390, True)}
VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]}).then((found) => JSON.stringify(
  found.violations.map((one) => `${one.id}: ${one.nodes[0].html} ${one.nodes[0].failureSummary}`)))"""

PLATES = Path(__file__).parents[3] / "examples" / "data" / "plates.csv"
STUDIES = {
    "compare": "compare --methods mean_effects,ridge --splits cell_line --folds 2 --seeds 1",
    "ablation": "ablate --splits cell_line --folds 2 --seeds 1 --components fingerprint --option epochs=1",
    "replay": "replay --rounds 1 --seeds 1 --by random,variance --option epochs=1",
    "transfer": "transfer --train one=simulated --test two=simulated --labelled 0,20 --draws 1 --option epochs=1",
    "curves": f"curves {PLATES}",
}
"""What writes each page of many fits, or of many curves, into a folder."""

LEAST_LABEL = """Math.min(...[...document.querySelectorAll("svg text")].map((one) => {
  const {a, b} = one.getScreenCTM();
  return parseFloat(getComputedStyle(one).fontSize) * Math.hypot(a, b);
}))"""


@pytest.fixture(scope="module")
def axe() -> str:
    named = os.environ.get("BDRP_AXE", "")
    if not Path(named).is_file():
        pytest.skip("no axe-core: set BDRP_AXE to its axe.min.js")
    return Path(named).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(trained, tiny_screen, tmp_path_factory) -> dict[str, Path]:
    """Each page by its name; answer and review are of a model that was updated."""
    place, (model, folder), criteria = (
        tmp_path_factory.mktemp("pages"),
        trained,
        answers.Criteria("quantile", share=0.2),
    )
    line, drug = str(tiny_screen.cell_lines.index[0]), str(tiny_screen.drugs.index[0])
    keys = pd.DataFrame({"cell_line_id": line, "drug_id": tiny_screen.drugs.index[:3]})
    rows = keys.assign(response=model.predict(tiny_screen.tested_drugs(), tiny_screen.profiles, keys).distribution.mean)
    tables = {"drugs": model.drugs_of(tiny_screen), "profiles": tiny_screen.profiles}
    updated = update(model, rows, **tables)
    predictions = updated.predict(tiny_screen.tested_drugs(), tiny_screen.profiles, cell_lines=tiny_screen.cell_lines)
    queue = triage.rank(predictions, budget=8)
    batch = Proposal(_batch(), Expected(1.0, 0.9, 0.97, 50), "epig", "tissue Breast", "ln(µM)", 400, ())
    plates = lay_out(batch.table, find_format("96"), 2)
    return {
        "answer of a line": answers.write(_ask(updated, tiny_screen, criteria, line=line), place / "line.html")[0],
        "answer of a drug": answers.write(_ask(updated, tiny_screen, criteria, drug=drug), place / "drug.html")[0],
        "review": review.write(queue, place / "review.html", review.gather_evidence(queue, updated, tiny_screen)),
        "combine": combinations.write(
            combinations.ask(updated, tiny_screen, line=line, criteria=criteria), place / "combine.html"
        )[0],
        "design": design.write(batch, plates, place / "batch.csv")[2],
        "explain": explanation.explain(explain(model, tiny_screen, drugs=[drug]), place / "explained"),
        "evaluate": _evaluate(folder, place / "evaluated"),
    }


def _evaluate(folder: Path, out: Path) -> Path:
    evaluate(folder, out)
    return out / "report.html"


def _ask(model, screen, criteria, **about):
    return answers.ask_model(model, screen, criteria=criteria, **about)


def _batch() -> pd.DataFrame:
    line, drug = np.divmod(np.arange(12), 4)
    names = {"cell_line_id": line, "line_name": line, "drug_id": drug, "drug_name": drug}
    table = pd.DataFrame({name: [f"{name} {code}" for code in codes] for name, codes in names.items()})
    numbers = dict.fromkeys(("mean", "std", "epistemic_std", "q05", "q95", "score"), 0.5)
    return table.assign(rank=np.arange(1, 13), tissue="Breast", cost=1.0, **numbers)


@pytest.fixture(scope="module", params=STUDIES)
def study(request, axe, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("study")
    asked = [sys.executable, "-m", "bdrp", *STUDIES[request.param].split(), "--out", str(place / "out"), "--quiet"]
    subprocess.run(asked, check=True, timeout=600, cwd=place)
    return place / "out" / f"{request.param}.html"


@pytest.mark.parametrize("setting", SETTINGS)
def test_axe_finds_nothing_on_the_page_of_a_study(browser, axe, study, setting):
    assert _violations(browser, axe, study, setting) == []


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    "page", ["answer of a line", "answer of a drug", "review", "combine", "design", "explain", "evaluate"]
)
def test_axe_finds_nothing(browser, axe, pages, page, setting):
    assert _violations(browser, axe, pages[page], setting) == []


def _violations(browser, axe: str, page: Path, setting: str) -> list[str]:
    """With all tables of figures open."""
    width, dark = SETTINGS[setting]
    browser.call("Page.setBypassCSP", enabled=True)
    try:
        browser.open(page, width, dark=dark, phone=width < 400)
        browser.run("for (const one of document.querySelectorAll('.numbers')) one.open = true")
        browser.run(f"{axe};0")
        return list(json.loads(browser.run(VIOLATIONS)))
    finally:
        browser.call("Page.setBypassCSP", enabled=False)


@pytest.mark.parametrize("page", ["design", "explain", "evaluate"])
def test_labels_of_figures_can_be_read_on_a_phone_and_the_page_does_not_scroll_sideways(browser, pages, page):
    browser.open(pages[page], 360, phone=True)
    assert browser.run(LEAST_LABEL) >= 9.95
    assert browser.run("document.documentElement.scrollWidth") == 360
