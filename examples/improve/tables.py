"""Screens of bdrp's in the layout of IMPROVE's csa_data, in bdrp's environment, where that cannot be downloaded.

`python -m examples.improve.tables FOLDER DATA --screens gdsc2,ccle --lines 100` writes FOLDER/raw_data with y_data
(response.tsv), x_data (cancer_gene_expression.tsv under three header rows, drug_SMILES.tsv) and splits: of each study
so many random 80:10:10 splits of its pairs, and all of its rows. A compound is one drug in all studies.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp import Screen
from bdrp.data import joint
from examples.over_files.small_screen import draw

STUDIES: Final = {"ccle": "CCLE", "ctrp": "CTRPv2", "gdsc1": "GDSCv1", "gdsc2": "GDSCv2"}
SHARES: Final = {"train": 0.8, "val": 0.1, "test": 0.1}


def write(screen: Screen, folder: Path, splits: int = 1) -> None:
    """Write a screen of areas under the curve, a study a laboratory, over what stands there.

    Args:
        screen: in auc_fraction; a second id of a compound in a laboratory is left out.
        folder: raw_data is made below it.
        splits: of each study.
    """
    places = {name: folder / "raw_data" / name for name in ("x_data", "y_data", "splits")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    keys = screen.drugs["structure_key"]
    numbers = pd.Series({key: f"Drug_{at}" for at, key in enumerate(dict.fromkeys(keys))})
    rows = screen.responses
    table = pd.DataFrame(
        {
            "source": rows["laboratory"].replace(STUDIES),
            "improve_chem_id": rows["drug_id"].map(keys).map(numbers),
            "improve_sample_id": rows["cell_line_id"],
            "study": rows["laboratory"].replace(STUDIES),
            "auc": rows["response"],
        }
    )
    table = table.drop_duplicates(["source", "improve_chem_id", "improve_sample_id"], ignore_index=True)
    table.to_csv(places["y_data"] / "response.tsv", sep="\t", index=False)
    structures = screen.drugs.assign(improve_chem_id=keys.map(numbers)).drop_duplicates("improve_chem_id")
    structures[["improve_chem_id", "smiles"]].rename(columns={"smiles": "canSMILES"}).to_csv(
        places["x_data"] / "drug_SMILES.tsv", sep="\t", index=False
    )
    write_expression(screen.expression, places["x_data"] / "cancer_gene_expression.tsv")
    for study, of_study in table.groupby("source").groups.items():
        write_splits(np.asarray(of_study), str(study), places["splits"], splits)


def write_expression(expression: pd.DataFrame, path: Path) -> None:
    """Genes under Ensembl, Entrez and symbol; of the first two, numbers stand for what is not known."""
    ids = range(1, expression.shape[1] + 1)
    header = pd.MultiIndex.from_arrays([[f"ENSG{at:011d}" for at in ids], list(ids), expression.columns])
    expression.rename_axis(None).set_axis(header, axis=1).to_csv(path, sep="\t")


def write_splits(rows: np.ndarray, study: str, folder: Path, splits: int) -> None:
    """Row numbers of response.tsv, a file a part, and all of them."""
    np.savetxt(folder / f"{study}_all.txt", rows, fmt="%d")
    for number in range(splits):
        drawn = np.random.default_rng(number).permutation(rows)
        edges = np.round(np.cumsum(list(SHARES.values())) * len(rows)).astype(int)[:-1]
        for part, of_part in zip(SHARES, np.split(drawn, edges), strict=True):
            np.savetxt(folder / f"{study}_split_{number}_{part}.txt", np.sort(of_part), fmt="%d")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("root")
    parser.add_argument("--screens", default="gdsc2,ccle")
    parser.add_argument("--lines", type=int, default=10**6, help="draw so many")
    parser.add_argument("--drugs", type=int, default=10**6, help="draw so many")
    given = parser.parse_args()
    screen = joint.load(given.screens.split(","), given.root, "auc_fraction")
    drawn = draw(screen, given.lines, given.drugs)
    write(drawn, given.folder)
    print(f"{given.folder}: {len(drawn.responses):,} responses of {drawn.responses['laboratory'].nunique()} studies")


if __name__ == "__main__":
    main()
