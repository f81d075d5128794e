"""Where combinations go: a page with its workbook and CSV file beside it, or one table alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bdrp.files import atomic, tables
from bdrp.files.workbook import Look
from bdrp.report.answers.asking import list_updates
from bdrp.report.combinations.asking import Combinations
from bdrp.report.combinations.page import NO_SYNERGY, render_page
from bdrp.report.html.output import PAGE, places_of_page, write_page

KNOWN_BY: Final = ("rank", "drug_id_a", "drug_id_b", "chance", "if_unrelated")


def places(path: Path | str, inputs: Iterable[Path] = ()) -> list[Path]:
    """The files: a page, then its tables beside it; or one table.

    Raises:
        OutputError: the suffix is another, or something would be lost.
    """
    return places_of_page(Path(path), "The combinations", KNOWN_BY, inputs)


def write(found: Combinations, path: Path | str) -> list[Path]:
    """Write the combinations in the format of the suffix; a page with a workbook and a CSV file beside it.

    Returns:
        The files, the page first.

    Raises:
        OutputError: see `places`, or they cannot be written.
    """
    finals = places(path)
    with atomic.refusing("The combinations", finals[0]):
        for final in finals:
            if final.suffix.lower() == PAGE:
                write_page(final, render_page(found))
            else:
                tables.write(found.table, final, {}, _look(found))
    return finals


def _look(found: Combinations) -> Look:
    legend = {
        "rank": "1 gains most over the better single drug.",
        "drug_a": "The drug that is more likely to be active alone.",
        "chance_a": f"The probability that drug_a alone is active; active means {found.active_means}.",
        "chance_b": "That of drug_b.",
        "chance": f"The probability that the better of the two is active. {NO_SYNERGY}",
        "low": "Repeats of both experiments would find the chance between low and high, with a probability of 90 %. "
        f"{found.repeats.describe()}",
        "high": "See low.",
        "gain": "chance less chance_a: what the second drug adds.",
        "gain_low": "gain lies between gain_low and gain_high with 90 %, likewise.",
        "gain_high": "See gain_low.",
        "if_unrelated": "The chance if what is not known of the two drugs on this line had nothing in common; the "
        "difference to chance is what they share.",
    }
    shares = ("chance_a", "chance_b", "chance", "low", "high", "gain", "gain_low", "gain_high", "if_unrelated")
    notes = {"line": found.line, "what it is": NO_SYNERGY} | list_updates(found.updates)
    return Look(legend=legend, notes=notes, formats=dict.fromkeys(shares, "0.0%"), frozen=3)
