"""Your own CSV files: fit on them, then predict a compound and a sample that have no response at all.

The files are written here first, from a corner of the simulated screen, so that their layout can be seen; those in
`examples/data` are the same, with plates of raw wells. All of it is invented.
`python examples/your_own_tables.py [FOLDER]`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp import fit, predict, sources, splits
from bdrp.data.sources import tables


def write_tables(folder: Path) -> None:
    """responses.csv, drugs.csv, expression.csv, lines.csv, new_drugs.csv, new_samples.csv and measured.csv."""
    screen = sources.load("simulated")
    lines, drugs = screen.cell_lines.index[:60], screen.drugs.index[:25]
    genes = screen.expression.loc[:, screen.expression.columns[:200]]
    rows = screen.responses[screen.responses["cell_line_id"].isin(lines) & screen.responses["drug_id"].isin(drugs)]

    rows = rows.rename(columns={"response": "ln_ic50_um"}).round(4)
    genes = genes.round(2)
    rows.to_csv(folder / "responses.csv", index=False)
    screen.drugs.loc[drugs, ["name", "smiles", "target"]].to_csv(folder / "drugs.csv")
    screen.cell_lines.loc[lines, ["tissue", "patient_id"]].to_csv(folder / "lines.csv")
    genes.loc[lines].to_csv(folder / "expression.csv")
    genes.tail(2).to_csv(folder / "new_samples.csv")
    new = pd.DataFrame({"cell_line_id": genes.index[-1], "drug_id": drugs[:3], "ic50_um": ["0.35", "2.1", ">10"]})
    new.to_csv(folder / "measured.csv", index=False)
    aspirin = pd.DataFrame({"drug_id": ["aspirin"], "smiles": ["CC(=O)Oc1ccccc1C(=O)O"]})
    aspirin.to_csv(folder / "new_drugs.csv", index=False)


def write_wells(folder: Path) -> None:
    """plates.csv: raw wells of six lines and four drugs, a plate a line, with controls and blanks."""
    rng, doses = np.random.default_rng(0), 10.0 / 3.1623 ** np.arange(7)
    rows = []
    for line in range(6):
        told = [("control", "", "", 1.0)] * 12 + [("blank", "", "", 0.0)] * 6
        for drug in range(4):
            ic50 = np.exp(rng.normal(0, 1.5))
            told += [("sample", f"D{drug}", f"{dose:.4g}", 0.1 + 0.9 / (1 + (dose / ic50) ** 1.2)) for dose in doses]
        for at, (role, drug_id, dose, viability) in enumerate(told):
            signal = 200 + 9_800 * viability * (1 + 0.06 * rng.standard_normal())
            well = f"{'ABCDEFGH'[at // 12]}{at % 12 + 1:02d}"
            rows.append((f"P{line}", well, f"L{line}", drug_id, dose, role, round(float(signal))))
    columns = ["plate", "well", "cell_line_id", "drug_id", "dose_um", "role", "intensity"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "plates.csv", index=False)


def write_xenografts(folder: Path) -> None:
    """pdx_responses.csv: best average responses, in percent of volume, as if the lines had been xenografts."""
    rng = np.random.default_rng(1)
    rows = pd.read_csv(folder / "responses.csv")
    rows = rows[rows["drug_id"].isin([f"D{at:03d}" for at in range(1, 11)])].drop_duplicates(
        ["cell_line_id", "drug_id"]
    )
    potency = rows["ln_ic50_um"] - rows.groupby("drug_id")["ln_ic50_um"].transform("median")
    change = -90 + 220 / (1 + np.exp(-potency / 1.5)) + rng.normal(0, 8, len(rows))
    rows = rows[["cell_line_id", "drug_id"]].assign(best_average_response=change.clip(lower=-100).round(1))
    rows.to_csv(folder / "pdx_responses.csv", index=False)


def main(folder: Path) -> None:
    write_tables(folder)
    write_wells(folder)
    write_xenografts(folder)
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
