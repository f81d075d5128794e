"""One screen of several laboratories: a row keeps its laboratory, a drug id is an assay of one of them.

    >>> from bdrp.data import joint
    >>> screen = joint.load(["gdsc2", "gdsc1"], "data")  # doctest: +SKIP
    >>> screen.drugs["laboratory"].value_counts().to_dict()  # doctest: +SKIP
    {'gdsc1': 256, 'gdsc2': 240}

A laboratory is a screen, by its name. Two laboratories that measured one compound have an id of it each ("gdsc2:1032",
"gdsc1:1032"), with its own doses, and what they have in common is the structure key: models take ids for assays of one
compound, and splits keep a compound together in all laboratories, or in one (`splits.make_within`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bdrp.data import sources
from bdrp.data.harmonise import harmonise
from bdrp.data.profiles import TISSUE
from bdrp.data.screen import Screen
from bdrp.errors import DataError

JOINED = "+"
"""Between the names of laboratories in the name of a joint screen."""


def join(*screens: Screen) -> Screen:
    """Screens as one, on shared lines, genes and measure.

    - Lines, genes and other features are shared as `harmonise` does; a line that several screens have keeps the
      earliest one's profiles.
    - Every drug id stays, as SCREEN:ID, with its own structure and doses; a target or pathway that it lacks is that of
      the first id of its compound that names one.
    - The laboratory of a response, and of a drug id, is the name of its screen.

    Raises:
        DataError: see `harmonise`.
    """
    together = harmonise(*screens, keep_drug_ids=True).screens
    measured = dict.fromkeys(name for screen in together for name in screen.profiles if name != TISSUE)
    return Screen(
        JOINED.join(screen.name for screen in together),
        together[0].measure,
        pd.concat([each.responses.assign(laboratory=each.name) for each in together], ignore_index=True),
        _fill_descriptions(pd.concat([each.drugs.assign(laboratory=each.name) for each in together])),
        _earliest([each.cell_lines for each in together]),
        {name: _earliest([each.profiles[name] for each in together if name in each.profiles]) for name in measured},
        {f"{each.name}/{file}": digest for each in together for file, digest in each.checksums.items()},
        tuple(f"{each.name}: {notice}" for each in together for notice in each.notices),
    )


def load(
    names: Sequence[str],
    root: str | Path | None = None,
    measure: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Screen:
    """The sources of these names, joined.

    Args:
        names: of two sources or more; see `sources.load`.
        root: the folder below which all of them find their files.
        measure: that all of them offer; the first of the first source's that all do where nothing is said.
        options: of each source, by its name.

    Raises:
        DataError: a source cannot be loaded, they have no measure in common, or see `join`.
    """
    measure = common_measure(names) if measure is None else measure
    return join(*(sources.load(name, root, measure, **(options or {}).get(name, {})) for name in names))


def options_by_screen(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`{"ccle.profile": "rnaseq_z"}` as `{"ccle": {"profile": "rnaseq_z"}}`.

    Raises:
        DataError: an option names none of the screens.
    """
    found: dict[str, dict[str, Any]] = {}
    for option, value in options.items():
        name, dot, key = option.rpartition(".")
        if not dot or name not in names or not key:
            raise DataError(
                f"The option {option!r} is of no screen of {', '.join(names)}. Where there are several, an option "
                f"names its own: SCREEN.KEY, as in {names[0]}.{option.rpartition('.')[2] or 'KEY'}. Name it."
            )
        found.setdefault(name, {})[key] = value
    return found


def common_measure(names: Sequence[str]) -> str:
    """The first measure of the first source that all sources offer.

    >>> common_measure(["gdsc2", "gdsc1"]), common_measure(["gdsc2", "ctrp"])
    ('ln_ic50_um', 'auc_fraction')

    Raises:
        DataError: there is none.
    """
    offers = {name: sources.measures(name) for name in names}
    shared = [one for one in offers[names[0]] if all(one in each for each in offers.values())]
    if not shared:
        seen = "; ".join(f"{name} offers {', '.join(each)}" for name, each in offers.items())
        raise DataError(f"The screens have no measure in common: {seen}. One is needed for all; leave out a screen.")
    return shared[0]


def _earliest(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows, one an id: the first."""
    rows = pd.concat(tables)
    return rows[~rows.index.duplicated()]


def _fill_descriptions(drugs: pd.DataFrame) -> pd.DataFrame:
    """Drugs with the target and the pathway of the first id of their compound that names one, where they name none."""
    named = drugs[["target", "pathway"]].where(lambda text: text.ne(""))
    of_compound = named.groupby(drugs["structure_key"]).transform("first")
    return drugs.assign(**{name: named[name].fillna(of_compound[name]).fillna("").astype("str") for name in named})
