"""Your own CSV files: fit on them, then predict a compound and a sample that have no response at all.

The files are written here first, from a corner of the simulated screen, so that their layout can be seen.
`python examples/your_own_tables.py [FOLDER]`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from bdrp import fit, predict, sources, splits
from bdrp.data.sources import tables


def write_tables(folder: Path) -> None:
    """responses.csv, drugs.csv, expression.csv, lines.csv, new_drugs.csv and new_samples.csv."""
    screen = sources.load("simulated")
    lines, drugs = screen.cell_lines.index[:60], screen.drugs.index[:25]
    genes = screen.expression.loc[:, screen.expression.columns[:200]]
    rows = screen.responses[screen.responses["cell_line_id"].isin(lines) & screen.responses["drug_id"].isin(drugs)]

    rows.rename(columns={"response": "ln_ic50_um"}).to_csv(folder / "responses.csv", index=False)
    screen.drugs.loc[drugs, ["name", "smiles", "target"]].to_csv(folder / "drugs.csv")
    screen.cell_lines.loc[lines, ["tissue", "patient_id"]].to_csv(folder / "lines.csv")
    genes.loc[lines].to_csv(folder / "expression.csv")
    genes.tail(2).to_csv(folder / "new_samples.csv")
    aspirin = pd.DataFrame({"drug_id": ["aspirin"], "smiles": ["CC(=O)Oc1ccccc1C(=O)O"]})
    aspirin.to_csv(folder / "new_drugs.csv", index=False)


def main(folder: Path) -> None:
    write_tables(folder)
    screen = sources.load(
        "tables",
        folder,
        measure="ln_ic50_um",
        responses="responses.csv",
        drugs="drugs.csv",
        expression="expression.csv",
        cell_lines="lines.csv",
    )
    print(screen)
    split = splits.make(screen, by="pair", seed=0, calibration=0.3)  # few pairs: a larger share to calibrate on
    fit(screen, split, seed=0, out=folder / "model", options={"epochs": 3}, progress=False)

    predictions = predict(
        folder / "model",
        drugs=tables.read_drugs(folder / "new_drugs.csv"),
        expression=tables.read_expression(folder / "new_samples.csv"),
    )
    print(predictions.distribution.to_frame().round(2).to_string(index=False))
    print(predictions.context[["drug_similarity", "nearest_drugs"]].to_string(index=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
