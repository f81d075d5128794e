"""The split itself: one part for every response, and what each part holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.display import Displayed
from bdrp.errors import SplitError
from bdrp.files import atomic, outputs, tables

PARTS = ("train", "validation", "calibration", "test")
UNUSED = ""


@dataclass(frozen=True, eq=False, repr=False)
class Split(Displayed):
    """One part for each response of a screen.

    Example:
        >>> from bdrp import splits
        >>> from bdrp.testing import tiny_screen
        >>> split = splits.make(tiny_screen(), "drug")
        >>> sorted(split.keys.iloc[split.rows("test")]["drug_id"].unique())[:2]
        ['D005', 'D008']

    Attributes:
        by: what is held out (one of `BY`), "file" where the parts were read from a file, or "shared" where lines and
            drugs that other screens have too are held out.
        parts: (R,) strings, indexed like the screen's responses: train, validation, calibration, test, or "" (unused).
        seed: the seed that the parts were drawn with.
        fold: which of the folds is the test part, from 0.
        folds: how many folds there are.
        description: the split in one or two sentences, for a report.
        keys: (R, 2) columns cell_line_id and drug_id, in the order of `parts`.
        laboratory: where a screen is of several, the one that is tested; "" for all of them.
    """

    by: str
    parts: pd.Series
    seed: int
    fold: int
    folds: int
    description: str
    keys: pd.DataFrame
    laboratory: str = ""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.parts.unique()) - {*PARTS, UNUSED})
        if unknown:
            raise SplitError(f"A split has parts named {unknown}; allowed are {list(PARTS)} and '' for unused rows.")
        if len(self.keys) != len(self.parts):
            raise SplitError(f"A split has {len(self.parts)} parts for {len(self.keys)} responses; give one for each.")

    def _facts(self) -> dict[str, object]:
        parts = {part or "unused": self._sizes(part) for part in (*PARTS, UNUSED)}
        where = f"by {self.by}, fold {self.fold} of {self.folds}, seed {self.seed}"
        counts = {
            part: f"{size['responses']:,} responses, {size['cell_lines']:,} lines, {size['drugs']:,} drugs"
            for part, size in parts.items()
            if size["responses"]
        }
        return {"held out": where, **counts}

    def rows(self, part: str) -> NDArray[np.intp]:
        """Positions (not labels) of the responses in `part`, ascending.

        Raises:
            SplitError: `part` is none of train, validation, calibration, test and "".
        """
        if part not in (*PARTS, UNUSED):
            raise SplitError(f"There is no part '{part}'. A split has {', '.join(PARTS)}; '' are its unused rows.")
        return np.flatnonzero(self.parts.to_numpy() == part)

    def summary(self) -> dict[str, Any]:
        """What the split is and what each part holds, ready for JSON."""
        return {
            "by": self.by,
            "seed": self.seed,
            "fold": self.fold,
            "folds": self.folds,
            **({"laboratory": self.laboratory} if self.laboratory else {}),
            "description": self.description,
            "parts": {part or "unused": self._sizes(part) for part in (*PARTS, UNUSED)},
        }

    def save(self, path: Path) -> None:
        """Writes `cell_line_id,drug_id,part` as CSV, which `from_file` reads; a pair's replicates share one row.

        Raises:
            OutputError: the file cannot be written, or something else than a split stands in its place.
        """
        outputs.guard({Path(path): lambda there: list(tables.columns(there)) == ["cell_line_id", "drug_id", "part"]})
        table = self.keys.assign(part=self.parts.replace(UNUSED, "unused").to_numpy()).drop_duplicates()
        with atomic.refusing("The split", path), atomic.replacing(Path(path)) as beside:
            table.to_csv(beside, index=False)

    def _sizes(self, part: str) -> dict[str, int]:
        keys = self.keys.iloc[self.rows(part)]
        return {
            "responses": len(keys),
            "pairs": len(keys.drop_duplicates()),
            "cell_lines": int(keys["cell_line_id"].nunique()),
            "drugs": int(keys["drug_id"].nunique()),
        }
