"""Looking for what sits on two sides of a split."""

from __future__ import annotations

import pandas as pd

from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import assign_clusters, compound_of_each_response, patient_of_each_response
from bdrp.data.splits.split import UNUSED, Split
from bdrp.errors import SplitError

SHOWN = 5


def check_leaks(screen: Screen, split: Split) -> None:
    """Raises SplitError naming what straddles two parts and must not.

    What must not straddle is what the split holds out: patients by cell_line and tissue, compounds by drug and
    scaffold, each of them by both, tissues and scaffolds themselves, a compound on one cell line by pair, and a
    compound within one laboratory by assay. For a
    split from a file it is what the file itself keeps apart between train and test.
    """
    found = find_leaks(screen, split)
    if found:
        raise SplitError(f"{' '.join(found)} Put all rows of each into one part, or leave rows out of the split.")


def find_leaks(screen: Screen, split: Split) -> list[str]:
    """One sentence for each kind of leak; empty where the split is clean."""
    kind = held_out_kind(split) if split.by == "file" else split.by
    used = split.parts.to_numpy() != UNUSED
    found = []
    if kind in ("cell_line", "tissue", "both"):
        found.append(
            _straddling(
                "patient", patient_of_each_response(screen)[used], split.keys["cell_line_id"][used], split.parts[used]
            )
        )
    if kind in ("drug", "scaffold", "both"):
        found.append(
            _straddling(
                "compound", compound_of_each_response(screen)[used], split.keys["drug_id"][used], split.parts[used]
            )
        )
    if kind in ("tissue", "scaffold"):
        member = split.keys["cell_line_id" if kind == "tissue" else "drug_id"]
        found.append(_straddling(kind, assign_clusters(screen, kind)[used], member[used], split.parts[used]))
    if kind == "assay":
        found.append(
            _straddling("assay", assign_clusters(screen, "assay")[used], split.keys["drug_id"][used], split.parts[used])
        )
    if kind == "pair":
        pair = split.keys["cell_line_id"] + " with " + compound_of_each_response(screen)
        members = split.keys["cell_line_id"] + " with drug " + split.keys["drug_id"]
        found.append(_straddling("measured pair", pair[used], members[used], split.parts[used]))
    return [sentence for sentence in found if sentence]


def held_out_kind(split: Split, part: str = "test") -> str:
    """What the ids keep apart between train and another part: both, cell_line, drug, or (neither) pair."""
    train, held_out = (split.keys.iloc[split.rows(name)] for name in ("train", part))
    lines = set(train["cell_line_id"]).isdisjoint(held_out["cell_line_id"])
    drugs = set(train["drug_id"]).isdisjoint(held_out["drug_id"])
    if lines and drugs:
        return "both"
    return "cell_line" if lines else "drug" if drugs else "pair"


def _straddling(noun: str, unit: pd.Series, member: pd.Series, parts: pd.Series) -> str:
    table = pd.DataFrame({"unit": unit.to_numpy(), "member": member.to_numpy(), "part": parts.to_numpy()})
    table = table.drop_duplicates()
    several = table.groupby("unit")["part"].nunique()
    guilty = sorted(several.index[several > 1])
    if not guilty:
        return ""
    shown = "; ".join(_describe_member(table[table["unit"] == key], key) for key in guilty[:SHOWN])
    more = f"; and {len(guilty) - SHOWN} more" if len(guilty) > SHOWN else ""
    return f"{len(guilty)} {noun}{'s' if len(guilty) > 1 else ''} in more than one part: {shown}{more}."


def _describe_member(rows: pd.DataFrame, key: str) -> str:
    where = ", ".join(
        f"{row.member} in {row.part}" for row in rows.sort_values(["part", "member"]).head(4).itertuples()
    )
    return f"{key} ({where})"
