"""Draw docs/images/explain.png from a model of the simulated screen: `python docs/explain_figure.py demo/model`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from bdrp import sources
from bdrp.explain import explain
from bdrp.report import explanation
from bdrp.report.explanation.drug_gene_map import choose_drugs
from bdrp.report.figures.style import SETTINGS

TARGET = Path(__file__).with_name("images") / "explain.png"
DRUG = "Venetoclax"


def main(model: Path) -> None:
    found = explain(model, sources.load("simulated"), drugs=[DRUG])
    shared = found.contributions
    assert shared is not None  # the demo's method has terms
    with mpl.rc_context(SETTINGS | {"font.size": 8}):
        figure, (above, below) = plt.subplots(2, 1, figsize=(6.2, 8.6), height_ratios=(1.25, 1), layout="constrained")
        drugs = choose_drugs(found.associations, [])
        explanation.draw_drug_gene_map(found.associations, drugs, found.drug_names, above)
        above.set_title("What marks a drug: scores of genes (rows: drugs)", loc="left", fontsize=9.5)
        lowest = int(shared.pairs["prediction"].argmin())
        explanation.draw_waterfall(shared, lowest, found.unit, below)
        line = found.line_names[shared.pairs["cell_line_id"][lowest]]
        below.set_title(f"Why this prediction: {DRUG} on {line}", loc="left", fontsize=9.5)
        figure.savefig(TARGET, dpi=200)
    print(TARGET)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
