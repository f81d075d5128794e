"""What people hand to a model, on the command line or in Python, becomes tables that it reads, checked at one door.

A table may be a file, a frame, a dict, a Series, a list; expression an AnnData object too. Each function takes what
`bdrp.data.in_memory.Given` says, and the command line takes the same functions for its files.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd

from bdrp.data import expression as expressions
from bdrp.data import in_memory, joint, sources
from bdrp.data.identifiers import listed
from bdrp.data.in_memory import Given
from bdrp.data.profiles import TISSUE, Profiles, of_tissues
from bdrp.data.quantities import Stated
from bdrp.data.screen import Screen
from bdrp.data.sources import tables
from bdrp.data.user_tables.measured import read_measured
from bdrp.data.user_tables.profiles import read_profile
from bdrp.errors import BdrpWarning

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel

Tissue = str | Mapping[str, str]
"""The tissue of all lines, or of each by its id; a Series too."""
LOG = logging.getLogger("bdrp")
"""Says what was chosen and converted; the command line prints it, and `logging.basicConfig(level="INFO")` shows it."""


def read_drugs(given: Given, model: TrainedModel, dose_unit: str | None = None) -> pd.DataFrame:
    """Drugs as `TrainedModel.predict` takes them; a frame that has `structure_key` already is taken as it is.

    Args:
        given: drug_id, smiles and, where known, name, upper_limit or max_conc_um, laboratory; or SMILES by id.
        model: whose drugs are known.
        dose_unit: of the doses, where their header does not say.

    Raises:
        DataError: see `tables.read_tested_drugs`.
    """
    if isinstance(given, pd.DataFrame) and "structure_key" in given:
        return given
    said: list[str] = []
    measure, known = model.features.measure.name, set(model.features.drugs.ids)
    drugs = tables.read_tested_drugs(given, measure, dose_unit, known, said)
    return _logged(drugs, said)


def read_lines(given: Given | Any, model: TrainedModel, scale: str | None = None) -> pd.DataFrame:
    """Expression of lines by the genes that the model knows; a table as a screen has it is taken as it is.

    Args:
        given: a row a line, or a row a gene; one sample by gene; or an AnnData object.
        model: whose genes are known.
        scale: what the values are measured on, one of `bdrp.data.expression.SCALES`; None lets them tell.

    Raises:
        DataError: see `bdrp.data.expression.read_expression`.
    """
    if scale is None and _is_read(given):
        expressions.check_odd(given, in_memory.name_table(given, in_memory.EXPRESSION).name)
        return given
    said: list[str] = []
    table = expressions.read_expression(given, genes=model.features.genes, scale=scale, notices=said)
    return _logged(table, said)


def read_profiles(given: Profiles | Given | Any, model: TrainedModel) -> Profiles | pd.DataFrame:
    """Profiles by modality, or a table of expression; what is neither is read by `read_lines`.

    Raises:
        DataError: see `read_lines`.
    """
    tables_by_name = isinstance(given, Mapping) and all(isinstance(table, pd.DataFrame) for table in given.values())
    return given if isinstance(given, pd.DataFrame) or tables_by_name else read_lines(given, model)


def read_further(
    given: Mapping[str, Any] | None, tissue: Tissue | None, lines: pd.Index, model: TrainedModel
) -> dict[str, pd.DataFrame]:
    """Further profiles of lines, and their tissues, as tables by modality.

    Args:
        given: frames as they are, or files, by modality.
        tissue: of all lines, or by line.
        lines: that have expression.
        model: whose tissues are known.

    Raises:
        DataError: see `read_profile`.

    Warns:
        BdrpWarning: the model reads tissue, and was trained on no line of one that is given.
    """
    said: list[str] = []
    known = {
        name: table if isinstance(table, pd.DataFrame) else read_profile(table, name, lines, said)
        for name, table in (given or {}).items()
    }
    if tissue is not None:
        told = pd.Series(tissue, index=lines) if isinstance(tissue, str) else pd.Series(tissue).reindex(lines)
        _warn_of_tissues(told, model)
        known[TISSUE] = of_tissues(told)
    for each in said:
        LOG.info("%s", each)
    return known


def _warn_of_tissues(told: pd.Series, model: TrainedModel) -> None:
    scaler = model.features.scalers.get(TISSUE)
    if scaler is None:
        warnings.warn(
            f"The model reads no tissue, which was given for {told.notna().sum():,} lines: it changes nothing. Leave "
            "it out, or fit a model on a screen that tells tissues, with none of them held out.",
            BdrpWarning,
            stacklevel=4,
        )
        return
    trained = {column.casefold() for column in scaler.columns}
    unseen = sorted({one for one in told.dropna().astype(str) if one.strip().casefold() not in trained})
    if unseen:
        warnings.warn(
            f"No training line is of the tissue {listed(unseen)}, so that it says nothing. The model knows "
            f"{listed(scaler.columns, 30)}; name one of these.",
            BdrpWarning,
            stacklevel=4,
        )


def read_pairs(given: Given) -> pd.DataFrame:
    """The pairs that are asked about, cell_line_id and drug_id, in their order; a pair may stand twice.

    Raises:
        DataError: a column is missing, or an id is empty.
    """
    if isinstance(given, pd.DataFrame) and {"cell_line_id", "drug_id"} <= set(given.columns):
        return given
    return tables.read_pairs(given)


def read_rows(
    given: Given,
    model: TrainedModel,
    tables: tuple[pd.DataFrame, pd.DataFrame],
    stated: tuple[str | None, str | None] = (None, None),
) -> pd.DataFrame:
    """Measurements in the model's measure, under the ids of drugs and lines that are known.

    Args:
        given: cell_line_id, drug_id, the response and, where known, limits or doses and response_sd.
        model: whose measure it is.
        tables: drugs and expression that are known.
        stated: the quantity of the response column and the unit of doses, where headers do not tell.

    Raises:
        DataError: see `read_measured`.
    """
    said: list[str] = []
    measure = model.features.measure
    own_unit = measure.unit if measure.name == "own" else None
    drugs, lines = tables
    asked = Stated(measure.name, stated[0], None, stated[1], own_unit)
    rows = read_measured(given, asked, lines.index, drugs["structure_key"], said)
    if "response_sd" in rows and not model.knows_variances:
        said.append(
            f"response_sd of {in_memory.name_table(given, in_memory.MEASURED).name} is not read: the model was fitted "
            "without known variances, so that its noise holds the variance of measurements already."
        )
    return _logged(rows, said)


def find_screen(given: Screen | str, measure: str | None = None) -> Screen:
    """A screen, or the one of a name; several names by commas are one screen of several laboratories.

    >>> find_screen("simulated").name
    'simulated'

    Raises:
        DataError: there is no such source, or it needs files: then load it with `bdrp.sources.load`.
    """
    if isinstance(given, Screen):
        return given
    names = [one.strip() for one in str(given).split(",")]
    return sources.load(names[0], measure=measure) if len(names) == 1 else joint.load(names, measure=measure)


def _is_read(given: object) -> TypeGuard[pd.DataFrame]:
    """Whether it is expression as `read_expression` gives it."""
    if not isinstance(given, pd.DataFrame) or given.index.name != "cell_line_id":
        return False
    return given.index.is_unique and given.columns.is_unique and bool((given.dtypes == np.float32).all())


def _logged(table: pd.DataFrame, said: Iterable[str]) -> pd.DataFrame:
    for each in said:
        LOG.info("%s", each)
    return table
