"""bdrp as a model of DrEval: drevalpy's own command line, with the model `Bdrp` beside its own.

`BDRP=BIN/bdrp python -m examples.dreval.model --models Bdrp --dataset_name TOYv1 --test_mode LCO`, in drevalpy's
environment; BIN/bdrp is the command of bdrp's. Distributions are kept below $BDRP_KEPT, for `columns.py`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from drevalpy.datasets.dataset import DrugResponseDataset, FeatureDataset
from drevalpy.models import MODEL_FACTORY, MULTI_DRUG_MODEL_FACTORY
from drevalpy.models.drp_model import DRPModel
from drevalpy.models.utils import load_and_select_gene_features

from examples.dreval.address import address
from examples.over_files.asking import Bdrp, Features

EXPRESSION, SMILES = "gene_expression", "smiles"


class BdrpModel(DRPModel):
    """A model of bdrp's, fitted and asked by its command; hyperparameters.yaml beside this file says which.

    Early stopping's rows are what DrEval keeps for a model's own decisions. They are held out here as lines, drugs or
    pairs are held out in the test, so that bdrp draws from the training rows, in the same way, those that it
    recalibrates itself on.
    """

    early_stopping: ClassVar[bool] = True
    cell_line_views: ClassVar[list[str]] = [EXPRESSION]
    drug_views: ClassVar[list[str]] = [SMILES]

    def __init__(self) -> None:
        super().__init__()
        self.gene_list: str | None = None
        self.bdrp = Bdrp()
        self.held = tempfile.TemporaryDirectory(prefix="bdrp_")  # drevalpy empties its own before it asks

    @classmethod
    def get_model_name(cls) -> str:
        """As it is called by --models."""
        return "Bdrp"

    def build_model(self, hyperparameters: dict[str, Any]) -> None:
        """Take the gene list, and how bdrp is asked: method, unit, options and seed."""
        asked = dict(hyperparameters)
        self.gene_list = asked.pop("gene_list", None)
        self.bdrp = Bdrp(tuple(shlex.split(os.environ.get("BDRP", "bdrp"))), **asked)

    def load_cell_line_features(self, data_path: str, dataset_name: str) -> FeatureDataset:
        """Expression of the genes of the list."""
        return load_and_select_gene_features(EXPRESSION, self.gene_list, data_path, dataset_name)

    def load_drug_features(self, data_path: str, dataset_name: str) -> FeatureDataset:
        """Structures of those drugs that have one."""
        table = pd.read_csv(Path(data_path) / dataset_name / "drug_smiles.csv", dtype=str).dropna()
        structures = table.drop_duplicates("pubchem_id").set_index("pubchem_id")["canonical_smiles"]
        return FeatureDataset({drug: {SMILES: np.array([smiles])} for drug, smiles in structures.items()})

    def train(
        self,
        output: DrugResponseDataset,
        cell_line_input: FeatureDataset,
        drug_input: FeatureDataset | None = None,
        output_earlystopping: DrugResponseDataset | None = None,
        model_checkpoint_dir: str = "checkpoints",
    ) -> None:
        """Fit on the training rows; those of early stopping are the part test."""
        if output_earlystopping is None:
            raise ValueError("Bdrp needs the rows that DrEval keeps for early stopping, and was given none.")
        rows = pd.concat([_rows(output).assign(part="train"), _rows(output_earlystopping).assign(part="test")])
        repeated = rows.duplicated(["cell_line_id", "drug_id"])  # a replicate goes where its pair went first
        rows.loc[repeated, "part"] = rows.groupby(["cell_line_id", "drug_id"])["part"].transform("first")[repeated]
        self.held = tempfile.TemporaryDirectory(prefix="bdrp_")
        self.bdrp.fit(self.folder, rows, _features(cell_line_input, drug_input))

    @property
    def folder(self) -> Path:
        """Where the model and what was said of it lie, as long as this object lives."""
        return Path(self.held.name)

    def predict(
        self,
        cell_line_ids: np.ndarray,
        drug_ids: np.ndarray,
        cell_line_input: FeatureDataset,
        drug_input: FeatureDataset | None = None,
    ) -> np.ndarray:
        """Means; the distributions are kept under the address of the means."""
        pairs = pd.DataFrame({"cell_line_id": cell_line_ids, "drug_id": drug_ids}).astype(str)
        features = _features(cell_line_input, drug_input)
        means = self.bdrp.predict(self.folder / "model", self.folder, pairs, features)["mean"].to_numpy()
        kept = Path(os.environ.get("BDRP_KEPT", "bdrp_distributions"))
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.folder / "predictions.parquet", kept / f"{address(means)}.parquet")
        return means


def main() -> None:
    """The command line of drevalpy, which knows one model more."""
    from drevalpy.cli.main import cli_main

    for known in (MODEL_FACTORY, MULTI_DRUG_MODEL_FACTORY):
        known[BdrpModel.get_model_name()] = BdrpModel
    cli_main()


def _rows(data: DrugResponseDataset) -> pd.DataFrame:
    return pd.DataFrame({"cell_line_id": data.cell_line_ids, "drug_id": data.drug_ids, "response": data.response})


def _features(lines: FeatureDataset, drugs: FeatureDataset | None) -> Features:
    if drugs is None:
        raise ValueError("Bdrp needs structures of drugs, and was given no features of drugs.")
    expression = {line: views[EXPRESSION] for line, views in lines.features.items()}
    genes = list(map(str, lines.meta_info[EXPRESSION]))
    return Features(
        pd.DataFrame.from_dict(expression, orient="index", columns=genes),
        pd.Series({drug: str(views[SMILES][0]) for drug, views in drugs.features.items()}),
    )


if __name__ == "__main__":
    main()
