"""A screen: what was measured, on which cell lines, with which drugs, and what the assay could see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.checks import check_screen
from bdrp.data.measures import MEASURES as MEASURES
from bdrp.data.measures import Measure as Measure
from bdrp.data.profiles import EXPRESSION, TISSUE, Profiles, name_profiles, of_tissues
from bdrp.display import Displayed
from bdrp.errors import DataError

LIMITS: Final = ("lower_limit", "upper_limit")
"""Columns of a response: what its assay could observe."""


class _Table:
    """A frame that is copied in and handed out as a copy-on-write copy, so that nobody changes a screen's tables."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = "_" + name

    @overload
    def __get__(self, instance: None, owner: type) -> _Table: ...
    @overload
    def __get__(self, instance: object, owner: type) -> pd.DataFrame: ...
    def __get__(self, instance: object | None, owner: type) -> _Table | pd.DataFrame:
        if instance is None:
            raise AttributeError(self._slot)  # tells `dataclass` that the field has no default
        frame: pd.DataFrame = instance.__dict__[self._slot]
        return frame.copy(deep=False)

    def __set__(self, instance: object, value: pd.DataFrame) -> None:
        if not isinstance(value, pd.DataFrame):
            raise DataError(
                f"{self._slot[1:]} is a {type(value).__name__}. A pandas DataFrame is needed; convert it first."
            )
        instance.__dict__[self._slot] = value.copy()


class _Tables:
    """The same for profiles, several frames by name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = "_" + name

    @overload
    def __get__(self, instance: None, owner: type) -> _Tables: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Profiles: ...
    def __get__(self, instance: object | None, owner: type) -> _Tables | Profiles:
        if instance is None:
            raise AttributeError(self._slot)
        held: Profiles = instance.__dict__[self._slot]
        return MappingProxyType({name: table.copy(deep=False) for name, table in held.items()})

    def __set__(self, instance: object, value: Profiles | pd.DataFrame) -> None:
        instance.__dict__[self._slot] = {name: table.copy() for name, table in name_profiles(value).items()}


@dataclass(frozen=True, eq=False, repr=False)
class Screen(Displayed):
    """Responses, drugs, cell lines and their profiles, checked once.

    Example:
        >>> from bdrp.testing import tiny_screen
        >>> tiny_screen()
        Screen(tiny: 346 ln IC50 [ln(µM)], 36 lines x 12 drugs, 50 genes, 8 tissues)

    Low responses mean sensitive in both measures. Replicates are several rows of one pair.

    Attributes:
        name: what the screen is called, such as "gdsc2".
        measure: what `responses.response` is, and in which unit.
        responses: N rows; cell_line_id, drug_id, response, lower_limit, upper_limit (what the assay could observe,
            in the measure's own unit; NaN where not known), laboratory ("" where not known); and, where any is known,
            response_sd, the SD of the measurement itself (NaN where not known).
        drugs: one row a drug_id; name, smiles (canonical), structure_key, target, pathway; and, where a screen joins
            several (`bdrp.data.joint`), laboratory, the one whose assay the id is.
        cell_lines: one row a cell_line_id; name, tissue, patient_id.
        profiles: what is known of the lines themselves, a table a modality: one row a cell_line_id, one column a
            feature, float32, NaN where a value is missing. Every measured line has "expression", its columns genes; of
            another modality it may have none, and then no row. A table alone is taken for the expression. "tissue" is
            made of `cell_lines`, where any is known, and stands for no other.
        checksums: sha256 of every file that was read, by file name.
        notices: what was dropped or mended on the way, in sentences.
    """

    name: str
    measure: Measure
    responses: _Table = _Table()
    drugs: _Table = _Table()
    cell_lines: _Table = _Table()
    profiles: _Tables = _Tables()
    checksums: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every table once, at the door.

        Raises:
            DataError: a table does not say what a screen needs.
        """
        if not isinstance(self.measure, Measure):
            raise DataError(
                f"measure is {self.measure!r}. A Measure is needed: take one of MEASURES ({', '.join(MEASURES)})."
            )
        worth_knowing = check_screen(self)
        measured = {name: table for name, table in self.profiles.items() if name != TISSUE}
        tissues = of_tissues(self.cell_lines["tissue"])
        object.__setattr__(self, "profiles", measured if tissues.empty else {**measured, TISSUE: tissues})
        notices = dict.fromkeys((*self.notices, *worth_knowing))
        object.__setattr__(self, "notices", tuple(notices))
        object.__setattr__(self, "checksums", MappingProxyType(dict(self.checksums)))

    @classmethod
    def of_checked(cls, **parts: Any) -> Screen:
        """A screen of parts that one held already: nothing is checked again."""
        screen = cls.__new__(cls)
        for name, part in (parts | {"checksums": MappingProxyType(dict(parts["checksums"]))}).items():
            object.__setattr__(screen, name, part)
        return screen

    @property
    def expression(self) -> pd.DataFrame:
        """The profile that every measured line has: one column a gene."""
        return self.profiles[EXPRESSION]

    def tested_drugs(self) -> pd.DataFrame:
        """The drugs with `upper_limit`, the mean highest dose of each one's assays, in the measure's unit.

        NaN where it is not known. Doses are planned before a response is seen: those of held-out rows give none away.
        Of several laboratories, one that tells no doses, or that has the same for all, says nothing of what was planned
        for a compound: its assays take the mean of what others planned for it.
        """
        limits = self.responses.groupby("drug_id")["upper_limit"].mean()
        drugs = self.drugs
        planned = limits.reindex(drugs.index).astype(float)
        if "laboratory" in drugs:
            differ = planned.groupby(drugs["laboratory"]).transform("nunique") > 1
            planned = planned.where(differ)
            planned = planned.fillna(planned.groupby(drugs["structure_key"]).transform("mean"))
        return drugs.assign(upper_limit=planned.to_numpy())

    def __reduce__(self) -> tuple[type[Screen], tuple[Any, ...]]:
        """Pickled as its parts, and checked again where it is unpickled."""
        tables = (self.responses, self.drugs, self.cell_lines, dict(self.profiles))
        return Screen, (self.name, self.measure, *tables, dict(self.checksums), self.notices)

    def _facts(self) -> dict[str, object]:
        tissues = self.cell_lines["tissue"].nunique()
        facts = {"tissues": tissues, "tables": "responses, drugs, cell_lines, profiles", "notices": len(self.notices)}
        return facts | {f"notice {at}": text for at, text in enumerate(self.notices[:3], start=1)}

    def __repr__(self) -> str:
        """One line: what was measured on how much."""
        rows = self.responses
        return (
            f"Screen({self.name}: {len(rows):,} {self.measure.label} [{self.measure.unit}], "
            f"{rows['cell_line_id'].nunique():,} lines x {rows['drug_id'].nunique():,} drugs, "
            f"{', '.join(_widths(self.profiles))})"
        )


def _widths(profiles: Profiles) -> list[str]:
    """How many features each modality has; those of expression are genes."""
    widths = {name: table.shape[1] for name, table in profiles.items()}
    named = {EXPRESSION: "genes", TISSUE: "tissue" if widths.get(TISSUE) == 1 else "tissues"}
    return [f"{width:,} {named.get(name, name)}" for name, width in widths.items()]


def is_censored(responses: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which responses (N,) lie at or beyond the end of what the assay could observe; False where it is not known.

    At the end too: a release that caps its values, as CCLE does, tells there that the response is that or more.
    """
    response = responses["response"].to_numpy()
    above = response >= responses["upper_limit"].to_numpy()
    below = response <= responses["lower_limit"].to_numpy()
    return np.asarray(above | below, dtype=bool)


def find_caps(
    response: npt.NDArray[np.float64],
    lower_limit: npt.NDArray[np.float64],
    upper_limit: npt.NDArray[np.float64],
    *,
    beyond: bool = False,
) -> npt.NDArray[np.float64]:
    """Where N responses are known to lie at a limit or past it: 1 above the upper, -1 below the lower, 0 elsewhere.

    A release that caps its values, as CCLE does, holds many at the limit itself: of those no more is known than that
    they are that or more. One that extrapolates, as GDSC does, holds numbers beyond it, which a model that was trained
    on such numbers predicts.

    Args:
        response: (N,).
        lower_limit: (N,) what the assay could observe; NaN where not known.
        upper_limit: likewise.
        beyond: extrapolated responses count as capped too, as a censored likelihood takes them.
    """
    at_upper, at_lower = (np.isclose(response, limit, rtol=1e-9, atol=1e-9) for limit in (upper_limit, lower_limit))
    if beyond:
        at_upper, at_lower = at_upper | (response > upper_limit), at_lower | (response < lower_limit)
    return np.where(at_upper, 1.0, np.where(at_lower, -1.0, 0.0))


def replace_capped(
    response: npt.NDArray[np.float64],
    lower_limit: npt.NDArray[np.float64],
    upper_limit: npt.NDArray[np.float64],
    side: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(N,) responses, of those that `find_caps` found capped the cap."""
    return np.where(side > 0, upper_limit, np.where(side < 0, lower_limit, response))
