"""Which pairs are to be predicted: those of some tissues, lines or drugs, named as people name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import pandas as pd

from bdrp.errors import DataError
from bdrp.fitted.known import find_ids

KINDS: Final = ("tissue", "line", "drug")


@dataclass(frozen=True)
class Target:
    """Names of each kind; of a kind without any, all are meant.

    Attributes:
        tissue: of lines. line: by name or id. drug: by name or id.
    """

    tissue: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    drug: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Iterable[str]) -> Self:
        """`["tissue=Lung", "drug=nutlin-3a"]`: several of one kind are any of them, several kinds all at once.

        >>> Target.parse(["tissue=Lung", "tissue=Skin", "drug=dabrafenib"])
        Target(tissue=('Lung', 'Skin'), line=(), drug=('dabrafenib',))

        Raises:
            DataError: one is not KIND=NAME.
        """
        found: dict[str, tuple[str, ...]] = {}
        for text in given:
            kind, equals, name = (part.strip() for part in text.partition("="))
            if kind not in KINDS or not equals or not name:
                near = difflib.get_close_matches(kind.casefold(), KINDS, 1)
                meant = f" Did you mean {near[0]}={name or 'NAME'}?" if near else ""
                raise DataError(
                    f"The target {text!r} is not KIND=NAME with a kind of {', '.join(KINDS)}.{meant} Write it as in "
                    "tissue=Lung; it may be repeated."
                )
            found[kind] = (*found.get(kind, ()), name)
        return cls(**found)

    def lines_of(self, names: pd.Series, tissues: pd.Series) -> pd.Index:
        """Ids of its lines.

        Args:
            names: by cell_line_id, of all lines.
            tissues: likewise; "" where it is not known.

        Raises:
            DataError: a name or tissue is not known, or no line is of both.
        """
        kept = pd.Series(True, names.index)
        if self.tissue:
            kept &= tissues.reindex(names.index).isin([_find_tissue(one, tissues) for one in self.tissue])
        if self.line:
            kept &= names.index.isin(find_ids(self.line, names, "cell line"))
        if not kept.any():
            raise DataError(
                f"No line is {' and '.join(self.line)} and of the tissue {' or '.join(self.tissue)}. Allowed: lines or "
                "tissues alone, or such as go together. Leave one out."
            )
        return names.index[kept]

    def drugs_of(self, names: pd.Series) -> pd.Index:
        """Ids of its drugs, of all where it names none.

        Raises:
            DataError: a drug is not known.
        """
        return pd.Index(find_ids(self.drug, names, "drug")) if self.drug else names.index

    def describe(self) -> str:
        """In words.

        >>> Target(tissue=("Lung", "Skin")).describe(), Target().describe()
        ('tissue Lung or Skin', 'all lines and drugs')
        """
        named = [(kind, getattr(self, kind)) for kind in KINDS]
        parts = [f"{kind} {' or '.join(names)}" for kind, names in named if names]
        return ", ".join(parts) or "all lines and drugs"


def _find_tissue(asked: str, tissues: pd.Series) -> str:
    known = {str(one).casefold(): str(one) for one in sorted(set(tissues)) if one}
    if asked.casefold() in known:
        return known[asked.casefold()]
    near = difflib.get_close_matches(asked.casefold(), known, 1)
    meant = f" Did you mean {known[near[0]]}?" if near else ""
    raise DataError(
        f"The screen has no tissue {asked!r}.{meant} It has {', '.join(known.values()) or 'none'}. Name one of these."
    )
