"""The drugs and lines that a question may name: those of a screen, and new ones beside them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd

from bdrp.data.expression import admit
from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION, TISSUE, Profiles
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.fitted import given
from bdrp.fitted.model import TrainedModel

_LIKE: Final = 0.6
"""Similarity of two names (difflib's ratio) from which one is offered for the other; difflib's own default."""


@dataclass(frozen=True)
class KnownTables:
    """Drugs and lines of a screen, and new ones in their places or beside them.

    Attributes:
        drugs: index drug_id; as `TrainedModel.predict` takes them, with name.
        profiles: of every line, old and new.
        line_names: by cell_line_id.
        lines: the lines that are asked about: the new ones where there are any, else all.
    """

    drugs: pd.DataFrame
    profiles: Profiles
    line_names: pd.Series
    lines: pd.Index

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        screen: Screen,
        drugs: Given | None,
        lines: Given | Any | None,
        match: str | None = None,
        expression_scale: str | None = None,
        dose_unit: str | None = None,
        further: Mapping[str, Any] | None = None,
        tissue: given.Tissue | pd.Series | None = None,
    ) -> Self:
        """Those of the screen, with new drugs and the expression of new lines, read and matched as in `bdrp.predict`.

        New lines may have further profiles and a tissue; those of a screen have the screen's.

        Raises:
            DataError: the new lines are on another scale than the training lines.
        """
        table, profiles, names = _with_updates(model, screen)
        if drugs is not None:
            drugs = given.read_drugs(drugs, model, dose_unit)
            named = drugs.assign(name=drugs["name"].fillna("") if "name" in drugs else "")
            named["name"] = named["name"].where(named["name"].ne(""), named.index.to_series().astype(str))
            table = pd.concat([table[~table.index.isin(drugs.index)], named])
        if lines is None:
            return cls(table, profiles, names, profiles[EXPRESSION].index)
        lines = admit(given.read_lines(lines, model, expression_scale), model.training_expression, match)
        own = pd.Series(lines.index.astype(str), lines.index)
        kept = {name: profile[~profile.index.isin(lines.index)] for name, profile in profiles.items()}
        kept[EXPRESSION] = pd.concat([kept[EXPRESSION], lines.reindex(columns=kept[EXPRESSION].columns)])
        for name, own_table in given.read_further(further, tissue, lines.index, model).items():
            kept[name] = pd.concat([kept[name], own_table]) if name in kept else own_table
            kept[name] = kept[name].fillna(0.0) if name == TISSUE else kept[name]
        return cls(table, kept, pd.concat([names[~names.index.isin(lines.index)], own]), lines.index)


def _with_updates(model: TrainedModel, screen: Screen) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.Series]:
    """Drugs, profiles and names of lines of a screen, with those that updates brought and it lacks."""
    drugs, profiles, names = model.drugs_of(screen), dict(screen.profiles), screen.cell_lines["name"]
    measured = model.measurements
    if measured is None:
        return drugs, profiles, names
    drugs, filled = measured.fill(drugs, profiles, measured.rows)
    new = filled[EXPRESSION].index.difference(names.index, sort=False)
    drugs = drugs.assign(name=drugs["name"].where(drugs["name"].ne(""), drugs.index.to_series().astype(str)))
    return drugs, dict(filled), pd.concat([names, pd.Series(new.astype(str), new)])


def find_ids(asked: Sequence[str], names: pd.Series, what: str) -> list[str]:
    """Ids of what is asked for by id or by name, whatever its case and punctuation; a name may stand for several ids.

    Raises:
        DataError: something is not known, with what is like it.
    """
    folded = names.astype(str).str.casefold()
    found: list[str] = []
    for one in map(str, asked):
        ids = [one] if one in names.index else list(names.index[folded == one.casefold()])
        ids = ids or _find_bare(one, folded)
        if not ids:
            raise DataError(
                f"The screen has no {what} {one!r}, by name or id. {_hint(one, names, folded)} Name one that it has."
            )
        found += ids
    return list(dict.fromkeys(found))


def resolve_names(asked: pd.Series, names: pd.Series, what: str) -> pd.Series:
    """Ids of what is named by id or by name, whatever its case; what is neither stays, for others to refuse.

    Args:
        asked: ids or names.
        names: by id.
        what: they are, such as "drug".

    Raises:
        DataError: a name stands for several ids.
    """
    others = asked.astype(str)[~asked.isin(names.index)].unique()
    folded = names.astype(str).str.casefold()
    ids: dict[str, str] = {}
    for one in others:
        found = names.index[folded == one.casefold()]
        if len(found) > 1:
            raise DataError(
                f"{one!r} is the name of {len(found)} {what}s: {', '.join(map(str, found[:5]))}. A pair is of one. "
                "Give the id."
            )
        if len(found):
            ids[one] = found[0]
    return asked.map(lambda one: ids.get(str(one), one)) if ids else asked


def _find_bare(one: str, folded: pd.Series) -> list[str]:
    """Ids whose names agree in letters and digits alone: MCF7 is MCF-7."""
    bare = re.sub(r"[\W_]", "", one.casefold())
    return list(folded.index[folded.str.replace(r"[\W_]", "", regex=True) == bare]) if bare else []


def _hint(one: str, names: pd.Series, folded: pd.Series) -> str:
    parts = [part.strip() for part in one.split(",")]
    if len(parts) > 1 and all(part in names.index or part.casefold() in folded.to_numpy() for part in parts):
        return f"It has each of {', '.join(parts)}: name them one by one, not joined by commas."
    begun = folded.str.contains(one.casefold()[:4], regex=False)
    like = difflib.get_close_matches(one.casefold(), folded.unique().tolist(), 5, _LIKE)
    near = names[begun | folded.isin(like)].astype(str).unique()[:5]
    return f"Like it are {', '.join(near)}." if len(near) else f"It has {len(names)}, such as {names.iloc[0]}."
