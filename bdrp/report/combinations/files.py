"""Where a table of combinations goes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bdrp.files import atomic, outputs, tables
from bdrp.files.workbook import Look
from bdrp.report.combinations.asking import Combinations

KNOWN_BY: Final = ("rank", "drug_id_a", "drug_id_b", "chance", "if_unrelated")
NO_SYNERGY: Final = (
    "Independent action: a pair does what the better of its two drugs does alone. Nothing was learned from "
    "combinations, and nothing here says of synergy or antagonism."
)
"""What the numbers are, to stand beside them wherever they are shown."""


def places(path: Path | str, inputs: Iterable[Path] = ()) -> Path:
    """The table's path, refused where something would be lost.

    Raises:
        OutputError: the suffix is another, or something would be lost.
    """
    path = Path(path)
    tables.check_suffix(path, "The combinations")
    outputs.guard({path: outputs.has_columns(KNOWN_BY)}, inputs)
    return path


def write(found: Combinations, path: Path | str) -> Path:
    """Write the table in the format of its suffix, a workbook with a legend.

    Raises:
        OutputError: see `places`, or it cannot be written.
    """
    place = places(path)
    with atomic.refusing("The combinations", place):
        tables.write(found.table, place, {}, _look(found))
    return place


def _look(found: Combinations) -> Look:
    legend = {
        "rank": "1 gains most over the better single drug.",
        "drug_a": "The drug that is more likely to be active alone.",
        "chance_a": f"The probability that drug_a alone is active; active means {found.active_means}.",
        "chance_b": "That of drug_b.",
        "chance": f"The probability that the better of the two is active. {NO_SYNERGY}",
        "low": "chance lies between low and high with 90 %, by what the model knows that it does not know: a "
        "lower bound of what is not known.",
        "high": "See low.",
        "gain": "chance less chance_a: what the second drug adds.",
        "gain_low": "gain lies between gain_low and gain_high with 90 %, likewise.",
        "gain_high": "See gain_low.",
        "if_unrelated": "The chance if what is not known of the two drugs on this line had nothing in common; the "
        "difference to chance is what they share.",
    }
    shares = ("chance_a", "chance_b", "chance", "low", "high", "gain", "gain_low", "gain_high", "if_unrelated")
    notes = {"line": found.line, "what it is": NO_SYNERGY}
    return Look(legend=legend, notes=notes, formats=dict.fromkeys(shares, "0.0%"), frozen=3)
