"""A screen of bdrp's as a data set of DrEval, in bdrp's environment.

`python -m examples.dreval.tables FOLDER NAME gdsc2 DATA --lines 100 --drugs 40` writes a corner of GDSC2.
Below FOLDER are written NAME/NAME.csv (cell_line_name, pubchem_id, tissue and LN_IC50 or AUC), gene_expression.csv,
drug_smiles.csv, drug_names.csv, cell_line_names.csv and Morgan fingerprints of 128 bits, and meta/gene_lists with all
genes under the names of the lists that DrEval's own models ask for. Drugs keep their ids where DrEval has PubChem's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import pandas as pd
from rdkit.Chem import MolFromSmiles
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

from bdrp import Screen, sources
from examples.over_files.small_screen import draw

COLUMNS: Final = {"ln_ic50_um": "LN_IC50", "auc_fraction": "AUC"}
GENE_LISTS: Final = ("landmark_genes", "landmark_genes_reduced")
LINE, DRUG, BITS = "cell_line_name", "pubchem_id", 128


def write(screen: Screen, folder: Path, name: str) -> None:
    """Write the tables of a data set, over what stands there.

    Args:
        screen: its measure is one of `COLUMNS`.
        folder: drevalpy's --path_data.
        name: drevalpy's --dataset_name.
    """
    place, lists = folder / name, folder / "meta" / "gene_lists"
    for each in (place / "drug_fingerprints", lists):
        each.mkdir(parents=True, exist_ok=True)
    rows, about = screen.responses, screen.cell_lines["tissue"].replace("", "unknown")
    table = pd.DataFrame(
        {LINE: rows["cell_line_id"].map(as_name), DRUG: rows["drug_id"], COLUMNS[screen.measure.name]: rows["response"]}
    )
    table.assign(tissue=about.reindex(rows["cell_line_id"]).to_numpy()).to_csv(place / f"{name}.csv", index=False)
    screen.expression.rename(index=as_name).rename_axis(LINE).to_csv(place / "gene_expression.csv")
    about.rename(index=as_name).rename_axis(LINE).reset_index().assign(cellosaurus_id="").to_csv(
        place / "cell_line_names.csv", index=False
    )
    drugs = screen.drugs.rename_axis(DRUG)
    drugs["smiles"].rename("canonical_smiles").to_csv(place / "drug_smiles.csv")
    drugs["name"].rename("drug_name").to_csv(place / "drug_names.csv")
    fingerprints(drugs["smiles"]).to_csv(
        place / "drug_fingerprints" / f"pubchem_id_to_demorgan_{BITS}_map.csv", index=False
    )
    for listed in GENE_LISTS:
        pd.DataFrame({"Symbol": screen.expression.columns}).to_csv(lists / f"{listed}.csv", index=False)


def as_name(line: str) -> str:
    """The id of a line as one that drevalpy reads as text: numbers are lost between its tables."""
    return f"L{line}" if line.isdigit() else line


def fingerprints(smiles: pd.Series) -> pd.DataFrame:
    """(BITS, D) Morgan fingerprints of radius 2, a column a drug."""
    generator = GetMorganGenerator(radius=2, fpSize=BITS)
    return pd.DataFrame({drug: list(generator.GetFingerprint(MolFromSmiles(one))) for drug, one in smiles.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("screen")
    parser.add_argument("root", nargs="?")
    parser.add_argument("--measure", choices=list(COLUMNS), default="ln_ic50_um")
    parser.add_argument("--lines", type=int, default=10**6, help="draw so many")
    parser.add_argument("--drugs", type=int, default=10**6, help="draw so many")
    given = parser.parse_args()
    screen = draw(sources.load(given.screen, given.root, given.measure), given.lines, given.drugs)
    write(screen, given.folder, given.name)
    print(f"{given.folder / given.name}: {len(screen.responses):,} responses")


if __name__ == "__main__":
    main()
