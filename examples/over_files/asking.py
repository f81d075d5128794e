"""bdrp asked by another program: Parquet and CSV files in a folder, and the exit code of the command `bdrp`.

A benchmark lives in an environment of its own, for it needs other releases than bdrp does. Nothing here imports either:
pandas with pyarrow is enough. `examples/dreval/model.py` and the scripts of `examples/improve` ask so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

KEYS: Final = ["cell_line_id", "drug_id"]


@dataclass(frozen=True)
class Features:
    """What lines and drugs are.

    Attributes:
        expression: (L, G) by cell line, a column a gene.
        smiles: (D,) structures by drug.
    """

    expression: pd.DataFrame
    smiles: pd.Series


@dataclass(frozen=True)
class Bdrp:
    """bdrp in its own environment, and how it is asked.

    Attributes:
        command: the words that start it, such as ("/opt/bdrp/bin/bdrp",).
        method: one of `bdrp plugins`.
        unit: the quantity that responses are, such as ln_ic50_um or auc_fraction.
        options: of the method, by name.
        seed: of every draw.
    """

    command: Sequence[str] = ("bdrp",)
    method: str = "last_layer"
    unit: str = "ln_ic50_um"
    options: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0

    def fit(self, folder: Path, rows: pd.DataFrame, features: Features) -> None:
        """Fit on rows and write the model to `folder / "model"`, over what stands there; its tables lie beside it.

        Args:
            folder: one that there is.
            rows: cell_line_id, drug_id, response and part (train or test), a row a measurement. Rows of the part test
                are never trained on: by what they hold out (lines, drugs or pairs), bdrp draws the rows that
                recalibrate it.
            features: of all lines and drugs in the rows.

        Raises:
            RuntimeError: bdrp refused, with what it said.
        """
        rows[[*KEYS, "response"]].to_parquet(folder / "responses.parquet", index=False)
        rows[[*KEYS, "part"]].drop_duplicates().to_csv(folder / "split.csv", index=False)
        tables = _write(folder, features, set(rows["cell_line_id"]), set(rows["drug_id"]))
        words = ["--screen", "tables", "--responses", folder / "responses.parquet", *tables, "--unit", self.unit]
        words += ["--split-file", folder / "split.csv", "--allow-leaks", "--method", self.method, "--seed", self.seed]
        words += [word for name, value in self.options.items() for word in ("--option", f"{name}={value}")]
        self._run("fit", *words, "--out", folder / "model", "--overwrite")

    def predict(self, model: Path, folder: Path, pairs: pd.DataFrame, features: Features) -> pd.DataFrame:
        """The distribution of each pair, in their order: rows of bdrp's predictions, whose mean is the column `mean`.

        Args:
            model: the folder that `fit` wrote.
            folder: one that there is; predictions.parquet is written there, and what was asked beside it.
            pairs: (N, 2) cell_line_id and drug_id; a pair may stand twice.
            features: of all lines and drugs in the pairs. A line that was trained on is known again by its id, and is
                taken for another where its expression is another.

        Raises:
            RuntimeError: bdrp refused, with what it said.
        """
        asked = folder / "asked"
        asked.mkdir(exist_ok=True)
        pairs[KEYS].drop_duplicates().to_csv(asked / "pairs.csv", index=False)
        tables = _write(asked, features, set(pairs["cell_line_id"]), set(pairs["drug_id"]))
        out = folder / "predictions.parquet"
        self._run("predict", model, *tables, "--pairs", asked / "pairs.csv", "--out", out)
        return pairs[KEYS].merge(pd.read_parquet(out), how="left", on=KEYS, validate="many_to_one")

    def _run(self, *words: object) -> None:
        done = subprocess.run([*self.command, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.command[0]} {words[0]} ended with {done.returncode}:\n{done.stderr.strip()}")


def _write(folder: Path, features: Features, lines: set[str], drugs: set[str]) -> list[object]:
    """Write what is known of these lines and drugs; the flags that name the files."""
    expression = features.expression[features.expression.index.isin(lines)].rename_axis("cell_line_id")
    smiles = features.smiles[features.smiles.index.isin(drugs)].rename_axis("drug_id").rename("smiles")
    expression.reset_index().to_parquet(folder / "expression.parquet", index=False)
    smiles.reset_index().to_csv(folder / "drugs.csv", index=False)
    return ["--drugs", folder / "drugs.csv", "--expression", folder / "expression.parquet"]
