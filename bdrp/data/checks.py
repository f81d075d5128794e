"""What a screen must be, checked once at the door."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from bdrp.data import identifiers, profiles, scale
from bdrp.data.identifiers import listed
from bdrp.data.measures import Measure
from bdrp.errors import DataError


class Tables(Protocol):
    """What a screen holds."""

    @property
    def measure(self) -> Measure:
        """What `responses.response` is."""

    @property
    def responses(self) -> pd.DataFrame:
        """What was measured."""

    @property
    def drugs(self) -> pd.DataFrame:
        """One row a drug_id."""

    @property
    def cell_lines(self) -> pd.DataFrame:
        """One row a cell_line_id."""

    @property
    def profiles(self) -> profiles.Profiles:
        """A table a modality of lines."""

    @property
    def expression(self) -> pd.DataFrame:
        """The profile that every measured line has."""


def check_screen(screen: Tables) -> tuple[str, ...]:
    """Check every table of a screen and how they fit together; what is allowed but worth knowing is returned.

    Raises:
        DataError: a table does not say what a screen needs; the message names it.
    """
    from bdrp.data import schemas  # a screen that was checked before does without pandera

    schemas.check(screen.responses, schemas.Responses, "responses")
    schemas.check(screen.drugs, schemas.Drugs, "drugs")
    schemas.check(screen.cell_lines, schemas.CellLines, "cell_lines")
    for name, table in screen.profiles.items():
        profiles.check(table, name)
    _check_keys(screen)
    _check_limits(screen.responses)
    scale.check(screen.responses["response"].to_numpy(), screen.measure)
    _check_structures(screen.drugs)
    return _worth_knowing(screen)


def _check_keys(screen: Tables) -> None:
    responses = screen.responses
    if responses.empty:
        raise DataError("responses is empty. At least two different responses are needed; check ids and filters.")
    if not responses.index.equals(pd.RangeIndex(len(responses))):
        raise DataError("responses has its own index. Rows are counted from 0; call reset_index(drop=True) first.")
    for column, table, known in (
        ("drug_id", "drugs", screen.drugs.index),
        ("cell_line_id", "cell_lines", screen.cell_lines.index),
        ("cell_line_id", profiles.EXPRESSION, screen.expression.index),
    ):
        _check_known(responses[column], table, known)
    for table in screen.profiles.values():
        _check_known(table.index.to_series(), "cell_lines", screen.cell_lines.index)


def _check_known(ids: pd.Series, table: str, known: pd.Index) -> None:
    unknown = ids[~ids.isin(known)]
    if len(unknown):
        raise DataError(
            f"{len(unknown):,} rows have a {ids.name} that {table} does not know ({listed(unknown.unique())}). Every "
            "id must "
            f"have its row in {table}; add the rows, or drop these responses."
        )


def _check_limits(responses: pd.DataFrame) -> None:
    crossed = np.flatnonzero(responses["lower_limit"].to_numpy() >= responses["upper_limit"].to_numpy())
    if len(crossed):
        raise DataError(
            f"responses has {len(crossed):,} rows whose lower_limit is not below the upper_limit (rows "
            f"{listed(crossed)}). "
            "Limits are what the assay could observe, in the measure's own unit; check that they are not swapped."
        )


def _check_structures(drugs: pd.DataFrame) -> None:
    for drug_id, smiles, key in zip(drugs.index, drugs["smiles"], drugs["structure_key"], strict=True):
        try:
            expected = identifiers.structure_key(smiles)
        except DataError as error:
            raise DataError(f"drugs, drug_id {drug_id}: {error}") from error
        if key != expected:
            raise DataError(
                f"drugs, drug_id {drug_id}: structure_key is {key!r}, but its SMILES gives {expected!r}. "
                "Both must be one structure; take identifiers.structure_key(smiles)."
            )


def _shared_structures(drugs: pd.DataFrame) -> list[str]:
    """Which ids are one compound, as the same structure or as salts of one."""
    parents = drugs["smiles"].map(identifiers.parent_key)
    forms = drugs["structure_key"].groupby(parents).transform("nunique")
    notices = []
    for how, chosen in (("", forms == 1), (" as salts", forms > 1)):
        groups = [list(ids) for ids in parents[chosen].groupby(parents[chosen]).groups.values() if len(ids) > 1]
        if groups:
            notices.append(
                f"{sum(map(len, groups)):,} drug ids share {len(groups):,} structures{how} "
                f"({listed(['='.join(group) for group in groups], 5)}): they are split together."
            )
    return notices


def _worth_knowing(screen: Tables) -> tuple[str, ...]:
    notices = []
    for column, noun in (("drug_id", "drug"), ("cell_line_id", "cell line")):
        if screen.responses[column].nunique() == 1:
            notices.append(f"Only one {noun} has responses: nothing can be held out by {noun}.")
    notices += _shared_structures(screen.drugs)
    for name, table in screen.profiles.items():
        if missing := profiles.missing_share(table):
            notices.append(f"{missing:.1%} of the {name} values are missing.")
    return tuple(notices)
