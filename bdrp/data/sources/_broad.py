"""What CCLE and CTRPv2 share: the Broad Institute's ids, brought to the id under which a line's expression stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import identifiers, joining, reading, unpacking
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources import _gdsc_files, _lines
from bdrp.data.sources._found import Wanted
from bdrp.errors import DataError

PROFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "rma": ("Cell_line_RMA_proc_basalExp*",),
    "rnaseq_z": ("ccle_rnaseq_zscore*",),
}
"""What stands for expression, and its file: GDSC's array values (log2), or CCLE's RNA-seq (z of log2(TPM+1) a gene)."""
LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "model_list": ("model_list*",),
    "sample_info": ("*sample_info*", "Model.csv*"),
}
_SAMPLE_COLUMNS: Final = {
    "ach": ("DepMap_ID", "ModelID"),
    "ccle": ("CCLE_Name", "CCLEName"),
    "cosmic": ("COSMICID",),
    "name": ("cell_line_name", "CellLineName"),
}


def list_wanted_files(screen: str, responses: tuple[str, ...], structures: tuple[str, ...], profile: str) -> Wanted:
    """The files of a screen with one of `PROFILES`.

    Raises:
        DataError: there is no such profile.
    """
    if profile not in PROFILES:
        raise DataError(
            f"{screen} has no expression profile {profile!r}. Known are {', '.join(PROFILES)}: rma is GDSC's array "
            "expression, rnaseq_z CCLE's RNA-seq as z-scores. Choose one with the option profile."
        )
    patterns = {"responses": responses, "expression": PROFILES[profile], "structures": structures, **LINES}
    return Wanted(screen, patterns, optional=("sample_info",))


@dataclass(frozen=True)
class Tables:
    """What is read of every file but the responses."""

    paths: Mapping[str, Path]
    models: _lines.Models
    samples: pd.DataFrame
    expression: pd.DataFrame

    @classmethod
    def read(cls, paths: Mapping[str, Path], profile: str, notices: joining.Notices) -> Tables:
        """Expression, model list and, where it is there, DepMap's table of samples.

        Raises:
            DataError: a file cannot be read or lacks a column.
        """
        models = _lines.read_model_list(paths["model_list"])
        if profile == "rma":
            expression = _gdsc_files.read_expression(paths["expression"], notices)
        else:
            expression = read_rnaseq(paths["expression"], models, notices)
        return cls(paths, models, read_samples(paths.get("sample_info")), expression)

    def screen(
        self, name: str, measure: str, curves: pd.DataFrame, drugs: pd.DataFrame, notices: joining.Notices
    ) -> Screen:
        """The screen of curves that have broad_id and line_name beside what a response has.

        Raises:
            DataError: nothing is left after the join, or a response is not finite.
        """
        parts = joining.RawTables(
            responses=self._with_line_ids(curves, notices),
            drugs=drugs,
            lines=_lines.describe_lines(self.models, self.expression.index),
            profiles={EXPRESSION: self.expression},
            checksums=unpacking.checksums(self.paths.values()),
        )
        return joining.join_screen(name, measure, parts, notices)

    def _with_line_ids(self, curves: pd.DataFrame, notices: joining.Notices) -> pd.DataFrame:
        """A cell_line_id for each curve: by the line's ids, else by its name; an unknown line keeps its own id."""
        held, names = frozenset(self.expression.index), _lines.Names(self.models)
        by_id, by_name = {}, {}
        for own, name in curves[["broad_id", "line_name"]].drop_duplicates().itertuples(index=False):
            if found := next((one for one in self._ids(own) if one in held), None):
                by_id[own] = found
            elif found := names.held_id(name or self._name(own), held):
                by_name[own] = found
        if by_name:
            shown = identifiers.listed(f"{own} is {line}" for own, line in by_name.items())
            notices.lines.append(f"{len(by_name):,} cell lines were joined by name, no id leading to them ({shown}).")
        ids = by_id | by_name
        return curves.assign(cell_line_id=[ids.get(own, own) for own in curves["broad_id"]]).astype(
            {"cell_line_id": "str"}
        )

    def _ids(self, own: str) -> tuple[str, ...]:
        """Every id of the line, COSMIC first, by the model list and else by DepMap's samples."""
        row = self.models.row(own)
        if row is not None:
            return self.models.ids(row)
        return tuple(self.samples.loc[own, ["cosmic", "ach"]]) if own in self.samples.index else ()

    def _name(self, own: str) -> str:
        return str(self.samples.loc[own, "name"]) if own in self.samples.index else ""


def read_samples(path: Path | None) -> pd.DataFrame:
    """DepMap's samples by ACH id and by CCLE name: cosmic, ach, name ("" where not known); empty without a file.

    Raises:
        DataError: the file cannot be read, or has no DepMap ids.
    """
    if path is None:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in ("cosmic", "ach", "name")})
    raw = reading.read_table(path, published=True)
    found = {what: next((column for column in known if column in raw), "") for what, known in _SAMPLE_COLUMNS.items()}
    if not found["ach"]:
        raise DataError(
            f"{path.name} has neither DepMap_ID nor ModelID. It is no table of DepMap's samples; fetch it again, or "
            "move it away, as it may be missing."
        )
    table = pd.DataFrame({what: reading.ids(raw, column) for what, column in found.items()})
    both = [table.set_index(pd.Index(table[key], dtype="str")) for key in ("ach", "ccle")]
    samples = pd.concat(both)
    return samples.loc[(samples.index != "") & ~samples.index.duplicated(), ["cosmic", "ach", "name"]]


def read_rnaseq(path: Path, models: _lines.Models, notices: joining.Notices) -> pd.DataFrame:
    """CCLE's RNA-seq (lines, genes), z-scores, float32, by the line's COSMIC id where it has one, else its ACH id.

    Raises:
        DataError: the file cannot be read, or is no such matrix.
    """
    raw = reading.read_table(path, needs=("DepMap_ID",), text=False, published=True)
    own = reading.ids(raw, "DepMap_ID")
    rows = [models.row(one) for one in own]
    ids = pd.Index(
        [one if row is None else models.ids(row)[0] for one, row in zip(own, rows, strict=True)], dtype="str"
    )
    genes = pd.Index([str(column) for column in raw.columns if column != "DepMap_ID"], dtype="str")
    values = reading.matrix(raw[[column for column in raw.columns if column != "DepMap_ID"]], path)
    table = pd.DataFrame(values, index=ids.rename("cell_line_id"), columns=genes)
    repeated = table.index.duplicated()
    notices.dropped(int(repeated.sum()), "expression rows", "the line stands there already", table.index[repeated])
    return table[~repeated]


def read_structures(path: Path, known: pd.DataFrame) -> pd.DataFrame:
    """The structures of the drugs in `known` (drug_id, label, name, target), which the file calls by their label.

    Raises:
        DataError: the file cannot be read, lacks a column, a structure cannot be read, or one drug has two.
    """
    raw = reading.read_table(path, needs=("smiles",), published=True)
    column = next((one for one in ("drug", "DRUG_ID", "name") if one in raw), None)
    if column is None:
        raise DataError(
            f"{path.name} has neither drug nor DRUG_ID. One must name the drugs as the responses do, beside smiles; "
            "rename the column."
        )
    table = pd.DataFrame({"label": reading.text(raw, column), "smiles": reading.text(raw, "smiles")})
    table = table[table["smiles"] != ""].merge(known, on="label", how="inner")
    return joining.clean_drugs(table.drop(columns="label"), path.name)
