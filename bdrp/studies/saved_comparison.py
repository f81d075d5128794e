"""A comparison that was written, read back as it was found: nothing is fitted, drawn or computed again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp import __version__
from bdrp.errors import DataError
from bdrp.evaluation.significance import CriticalDifference
from bdrp.files import atomic, inputs, outputs, parquet, sealed_json, strict_json
from bdrp.studies.comparison import ComparisonResults

REST: Final = "comparison.json"
"""What the three tables of a comparison do not hold: its runs, notes, screen, ranks and risk."""
TABLES: Final = ("figures", "intervals", "comparisons")
LARGEST: Final = 1 << 30
"""Bytes that a table may have in memory; chosen: a thousand times a comparison of ten methods."""
_KEYS: Final = {"bdrp", "screen", "notes", "runs", "risk", "ranks"}
_EVIDENCE: Final = ("split", "figure", "method", "other", "difference", "lower", "upper", "family_lower",
                    "family_upper", "p_better", "p_equal", "p_worse", "evidence")  # fmt: skip


def load_results(out: Path) -> ComparisonResults:
    """What `ComparisonResults.save` wrote into a folder.

    Raises:
        DataError: there is no comparison, or one without all of its files, or one of them is altered past reading.
    """
    rest = _read_rest(out)
    try:
        if rest["tables"] != _checksums(out):
            raise ValueError(f"{REST} was not written with the tables beside it")
        found = {name: parquet.read(out / f"{name}.parquet", LARGEST).to_pandas() for name in TABLES}
    except (OSError, ValueError) as error:
        raise _refuse(out, f"a table that cannot be read: {error}") from error
    tested = found["comparisons"]
    evidence = tested[tested["test"] == "bootstrap"].reset_index(drop=True)
    tests = tested[tested["test"] != "bootstrap"].reset_index(drop=True).dropna(axis="columns", how="all")
    return ComparisonResults(
        runs=_table(rest["runs"]),
        metrics=found["figures"],
        intervals=found["intervals"],
        evidence=evidence[[name for name in _EVIDENCE if name in evidence]] if len(evidence) else pd.DataFrame(),
        tests=tests if len(tests) else pd.DataFrame(),
        ranks=tuple(
            CriticalDifference(**{**each, "ranks": _table(each["ranks"]), "pairs": _table(each["pairs"])})
            for each in rest["ranks"]
        ),
        risk=_table(rest["risk"]),
        notes=tuple(rest["notes"]),
        screen=rest["screen"],
    )


def save_rest(results: ComparisonResults, out: Path) -> None:
    """Write what of a comparison is in none of its tables, which lie beside it, with their checksums.

    Raises:
        OutputError: it cannot be written, or something else stands in its place.
    """
    path = out / REST
    outputs.guard({path: is_rest})
    ranks = [
        {**{name: getattr(each, name) for name in ("metric", "split", "distance", "blocks", "level")},
         "ranks": _columns(each.ranks), "pairs": _columns(each.pairs)}
        for each in results.ranks
    ]  # fmt: skip
    content = {
        "bdrp": __version__,
        "tables": _checksums(out),
        "screen": dict(results.screen),
        "notes": list(results.notes),
        "runs": _columns(results.runs),
        "risk": _columns(results.risk),
        "ranks": ranks,
    }
    with atomic.refusing("The comparison", path):
        sealed_json.write(path, strict_json.plain(content))


def is_rest(path: Path) -> bool:
    """Whether a file is `comparison.json` of an earlier comparison."""
    content = strict_json.read(path)
    return isinstance(content, dict) and set(content) >= _KEYS


def _read_rest(out: Path) -> Mapping[str, Any]:
    path = out / REST
    if not path.is_file():
        seen = "nothing" if not out.exists() else "a file" if out.is_file() else f"a folder without {REST}"
        raise _refuse(out, seen)
    try:
        content = sealed_json.read(path)
    except (OSError, strict_json.NotStrictError) as error:
        raise _refuse(out, f"a {REST} that cannot be read: {error}") from error
    if not set(content) >= {*_KEYS, "tables"}:
        raise _refuse(out, f"a {REST} without {', '.join(sorted({*_KEYS, 'tables'} - set(content)))}")
    return content


def _checksums(out: Path) -> dict[str, str]:
    return {name: inputs.sha256(out / f"{name}.parquet") for name in TABLES}


def _refuse(out: Path, seen: str) -> DataError:
    return DataError(
        f"There is no finished comparison in {out}: seen {seen.rstrip('.')}. Allowed: a folder that `bdrp compare` "
        "wrote to its end. Run the same `bdrp compare` again: finished fits are kept, and its tables are written anew."
    )


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): table[name].tolist() for name in table}


def _table(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    """A table of `_columns`; what was no number comes back as none."""
    table = pd.DataFrame(columns)
    numbers = [name for name in table if table[name].map(lambda value: value is None).any()]
    return table.astype(dict.fromkeys(numbers, float))
