"""Several screens on shared keys: one id a line, one a structure, the genes that all have, one measure.

    >>> from bdrp.data import harmonise, sources
    >>> harmonised = harmonise.harmonise(sources.load("gdsc2", "data"), sources.load("ccle", "data"))  # doctest: +SKIP
    >>> train, test = harmonised.screens  # doctest: +SKIP

Nothing is lost in silence: `Harmonised.report` counts what was matched, kept apart, merged and dropped, and why.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data import line_identity, sources
from bdrp.data.expression import Reference, match_expression
from bdrp.data.expression.matching import NONE
from bdrp.data.harmonisation_report import Report, Tally
from bdrp.data.identifiers import line_name_key, listed
from bdrp.data.profiles import EXPRESSION, TISSUE, column_noun
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError

FARTHEST: Final = 1.0
"""SDs of a gene between two screens' means, in the median gene, from which their expression is not on one scale;
chosen: other lines and tissues move it by a few tenths, another platform by several."""


@dataclass(frozen=True)
class Harmonised:
    """Screens on shared keys, in the order they were given, and what was done to them."""

    screens: tuple[Screen, ...]
    report: Report


def harmonise(*screens: Screen, keep_drug_ids: bool = False, match: str = NONE) -> Harmonised:
    """Bring screens to one id a cell line, one a structure, the same genes in the same order, and one measure.

    - Lines are matched with those of the earlier screens by id, else by name (upper-case letters and digits), where
      the name fits one line on either side and neither tissue nor ids contradict (see `line_identity`). A matched line
      takes the earlier id, name, tissue and patient.
    - Drugs are matched by the first block of the InChIKey, which becomes their id: ids that share a structure become
      one drug, their measurements replicates. SMILES, name, target and pathway are the earliest screen's. With
      `keep_drug_ids` every id stays an assay of its own, as SCREEN:ID, with its own description; assays of one compound
      have a structure key in common.
    - Genes are those that every screen has, in the first one's order; features of another modality those that every
      screen with this modality has. Each screen keeps its own values; where expression is not on one scale, a warning
      says so. With `match`, one of `bdrp.data.expression.MATCHINGS`, the expression of the others is mapped onto that
      of the first one.

    Raises:
        DataError: fewer than two screens or two of one name, different measures, or no gene in common.
    """
    _refuse_unlike(screens)
    tally = Tally()
    lines = _matched_lines(screens, tally)
    drugs = _Drugs(_matched_drugs(screens, tally, keep_drug_ids), keep_drug_ids)
    columns = _shared_columns(screens, tally)
    done = [
        _on_shared_keys(one, mapping, lines.described, drugs, columns, tally)
        for one, mapping in lines.for_screens(screens)
    ]
    done = [done[0], *(_matched_expression(one, done[0], match) for one in done[1:])]
    for other in done[1:]:
        _warn_of_other_scale(done[0], other)
    report = Report(tuple(tally.entries))
    return Harmonised(tuple(_with_notices(one, report) for one in done), report)


def _refuse_unlike(screens: Sequence[Screen]) -> None:
    names = [screen.name for screen in screens]
    if len(screens) < 2 or len(set(names)) < len(names):
        raise DataError(
            f"{len(screens)} screens named {listed(names) or 'nothing'} were given. Two or more of different names are "
            "needed; rename one with dataclasses.replace(screen, name=...)."
        )
    if len({screen.measure.name for screen in screens}) == 1:
        return
    offers = {screen.name: _offered(screen) for screen in screens}
    shared = [one for one in offers[names[0]] if all(one in each for each in offers.values())]
    seen = "; ".join(f"{one.name} is in {one.measure.name} and offers {', '.join(offers[one.name])}" for one in screens)
    remedy = f"load each with measure={shared[0]!r}" if shared else "they have none in common, so they cannot be joined"
    raise DataError(f"The screens are in different measures: {seen}. One measure is needed for all; {remedy}.")


def _offered(screen: Screen) -> tuple[str, ...]:
    return sources.measures(screen.name) if screen.name in sources.names() else (screen.measure.name,)


@dataclass
class _Lines:
    """Shared ids: for each screen a map from its own ids, and one description of every shared line."""

    maps: list[dict[str, str]]
    described: pd.DataFrame

    def for_screens(self, screens: Sequence[Screen]) -> zip[tuple[Screen, dict[str, str]]]:
        return zip(screens, self.maps, strict=True)


def _matched_lines(screens: Sequence[Screen], tally: Tally) -> _Lines:
    lines = _Lines([{line: line for line in screens[0].cell_lines.index}], screens[0].cell_lines)
    for screen in screens[1:]:
        mapping = _match(screen, lines.described, tally)
        own = screen.cell_lines
        new = own[[mapping[line] not in lines.described.index for line in own.index]]
        lines.maps.append(mapping)
        lines.described = pd.concat([lines.described, new])
    return lines


def _match(screen: Screen, known: pd.DataFrame, tally: Tally) -> dict[str, str]:
    """The shared id of each line of a screen: a known line's, else its own."""
    own = screen.cell_lines
    same = [line for line in own.index if line in known.index]
    rest, free = own.drop(index=same), known.drop(index=same)
    by_key = _by_name(free)
    mine = _by_name(rest)
    named = {lines[0]: by_key[key][0] for key, lines in mine.items() if len(lines) == len(by_key.get(key, ())) == 1}
    against = {
        line: why for line, one in named.items() if (why := line_identity.contradiction(own.loc[line], known.loc[one]))
    }
    named = {line: one for line, one in named.items() if line not in against}
    vague = [line for key, lines in mine.items() if key in by_key for line in lines if line not in (*named, *against)]
    other = [line for line in rest.index if line not in (*named, *against, *vague)]
    doubtful = [line for line in same if _differ(str(own.loc[line, "name"]), str(known.loc[line, "name"]), line)]
    tally.add(screen.name, "lines", "matched", "by id", same)
    tally.add(screen.name, "lines", "matched", "by name", [f"{line} is {one}" for line, one in named.items()])
    tally.add(screen.name, "lines", "apart", "the name fits several lines", vague)
    shown = [f"{line}: {why}" for line, why in against.items()]
    tally.add(screen.name, "lines", "apart", "the name fits a line of another kind", shown)
    tally.add(screen.name, "lines", "apart", "in no earlier screen", other)
    if doubtful:
        warnings.warn(
            f"{len(doubtful):,} lines of {screen.name} are matched by an id whose name is another elsewhere "
            f"({listed(doubtful)}). Ids that mean the same are needed; check them.",
            BdrpWarning,
            stacklevel=5,
        )
    return {line: named.get(line, line) for line in own.index}


def _by_name(lines: pd.DataFrame) -> dict[str, list[str]]:
    """Lines by what their name comes to; a line that is called by its id alone has none."""
    found: dict[str, list[str]] = {}
    for line, name in lines["name"].items():
        if (key := line_name_key(name)) and name != line:
            found.setdefault(key, []).append(str(line))
    return found


def _differ(mine: str, theirs: str, line: str) -> bool:
    return line not in (mine, theirs) and line_name_key(mine) != line_name_key(theirs)


@dataclass(frozen=True)
class _Drugs:
    """One description of every structure, by structure key; and whether a screen's own ids stay."""

    described: pd.DataFrame
    keep_ids: bool

    def of_screen(self, screen: Screen) -> tuple[pd.Series, pd.DataFrame]:
        """The id that each of a screen's own ids becomes, and the drugs under these ids."""
        own = screen.drugs
        if not self.keep_ids:
            return own["structure_key"], self.described.loc[own["structure_key"].unique()]
        ids = pd.Series(f"{screen.name}:" + own.index.astype("str"), own.index, dtype="str")
        return ids, own.set_axis(pd.Index(ids, dtype="str", name="drug_id"))


def _matched_drugs(screens: Sequence[Screen], tally: Tally, keep_ids: bool) -> pd.DataFrame:
    """One description a structure, by structure key: the earliest screen's."""
    known = _one_a_structure(screens[0], tally, keep_ids)
    for screen in screens[1:]:
        first = _one_a_structure(screen, tally, keep_ids)
        shared = first.index.intersection(known.index)
        tally.add(screen.name, "drugs", "matched", "by structure", list(first.loc[shared, "name"]))
        tally.add(screen.name, "drugs", "apart", "in no earlier screen", list(first["name"].drop(index=shared)))
        if not keep_ids:
            other = first.loc[shared, "name"][first.loc[shared, "smiles"] != known.loc[shared, "smiles"]]
            tally.add(screen.name, "drugs", "mended", "an earlier screen's salt or stereoisomer stands in", list(other))
        known = pd.concat([known, first.drop(index=shared)])
    return known


def _one_a_structure(screen: Screen, tally: Tally, keep_ids: bool) -> pd.DataFrame:
    own = screen.drugs
    several = own[own["structure_key"].duplicated(keep=False)]
    groups = ["=".join(ids) for ids in several.groupby("structure_key").groups.values()]
    outcome = ("kept", "each id is an assay of one compound") if keep_ids else ("merged", "their ids share a structure")
    tally.add(screen.name, "drugs", *outcome, groups)
    first = own.drop_duplicates("structure_key")
    return first.set_index(pd.Index(first["structure_key"], dtype="str", name="drug_id"))


def _shared_columns(screens: Sequence[Screen], tally: Tally) -> dict[str, list[str]]:
    """Of each modality the features that every screen with it has, in the first one's order.

    Tissues are told again by the lines that are left.
    """
    names = [name for name in dict.fromkeys(name for screen in screens for name in screen.profiles) if name != TISSUE]
    found = {name: _shared(name, [one for one in screens if name in one.profiles], tally) for name in names}
    if not found[EXPRESSION]:
        genes = "; ".join(
            f"{one.name} has {one.expression.shape[1]:,} ({listed(one.expression, 3)})" for one in screens
        )
        raise DataError(
            f"The screens have no gene in common: {genes}. The same genes under the same names are needed; load them "
            "with the same kind of expression, or rename the genes."
        )
    return {name: columns for name, columns in found.items() if columns}


def _shared(name: str, screens: Sequence[Screen], tally: Tally) -> list[str]:
    shared = set.intersection(*(set(screen.profiles[name].columns) for screen in screens))
    what = f"{column_noun(name)}s" if name == EXPRESSION else f"{column_noun(name)}s of {name}"
    for screen in screens:
        lost = [column for column in screen.profiles[name].columns if column not in shared]
        tally.add(screen.name, what, "dropped", "not measured in every screen", lost)
    return [column for column in screens[0].profiles[name].columns if column in shared]


def _on_shared_keys(
    screen: Screen,
    line: Mapping[str, str],
    described: pd.DataFrame,
    drugs: _Drugs,
    columns: Mapping[str, list[str]],
    tally: Tally,
) -> Screen:
    rows, expression = screen.responses, screen.expression[columns[EXPRESSION]]
    empty = list(expression.index[expression.isna().all(axis=1)])
    lost = rows["cell_line_id"].isin(empty)
    tally.add(screen.name, "lines", "dropped", "no value in the genes that are left", empty)
    tally.add(screen.name, "responses", "dropped", "of these lines", [str(row) for row in rows.index[lost]])
    rows = rows[~lost].reset_index(drop=True)
    ids, own_drugs = drugs.of_screen(screen)
    rows["cell_line_id"] = rows["cell_line_id"].map(dict(line)).astype("str")
    rows["drug_id"] = rows["drug_id"].map(ids).astype("str")
    own = pd.Index([line[one] for one in screen.cell_lines.index if one not in empty], dtype="str", name="cell_line_id")
    return _rebuilt(
        screen,
        responses=rows,
        drugs=own_drugs,
        cell_lines=described.loc[own],
        profiles={
            name: _renamed(table[columns[name]], line, own)
            for name, table in screen.profiles.items()
            if name in columns
        },
    )


def _renamed(profile: pd.DataFrame, line: Mapping[str, str], lines: pd.Index) -> pd.DataFrame:
    """A profile under the shared ids, of those of `lines` that have a value."""
    shared = pd.Index([line[one] for one in profile.index], dtype="str", name="cell_line_id")
    kept = shared.isin(lines) & profile.notna().any(axis=1).to_numpy()
    return profile.set_axis(shared, axis=0)[kept]


def _matched_expression(screen: Screen, first: Screen, how: str) -> Screen:
    """A screen with its expression mapped onto the first one's."""
    if how == NONE:
        return screen
    matched = match_expression(screen.expression, Reference.of_table(first.expression), how)
    told = f"Expression is matched to that of {first.name} by {how}."
    return _rebuilt(screen, profiles={**screen.profiles, EXPRESSION: matched}, notices=(*screen.notices, told))


def _with_notices(screen: Screen, report: Report) -> Screen:
    return _rebuilt(screen, notices=(*screen.notices, *report.sentences(screen.name)))


def _rebuilt(screen: Screen, **changes: Any) -> Screen:
    parts = {name: getattr(screen, name) for name in Screen.__dataclass_fields__}
    return Screen(**{**parts, **changes})


def _warn_of_other_scale(first: Screen, other: Screen) -> None:
    """Warn where the median gene's mean differs by more than `FARTHEST` of its SDs: no model can read both."""
    here, there = first.expression, other.expression
    spread = here.std().replace(0.0, np.nan)
    shift = float(((here.mean() - there.mean()).abs() / spread).median())
    if shift > FARTHEST:
        warnings.warn(
            f"The expression of {other.name} is not on the scale of {first.name}: the median gene's mean differs by "
            f"{shift:.1f} of its SDs. A model that was fitted on one cannot read the other; load both with the same "
            "kind of expression, or match it (--match-expression gene, quantile or rank; match= in Python).",
            BdrpWarning,
            stacklevel=3,
        )
