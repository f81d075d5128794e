"""Which group each drug or cell line of a screen is in: its scaffold, its laboratory, its tissue, or itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from bdrp.data.screen import Screen
from bdrp.data.splits import clusters
from bdrp.errors import DataError


def read_group_labels(screen: Screen, by: str) -> dict[str, str]:
    """The group of each drug_id, or of each cell_line_id; one whose group is not known is left out.

    - drug, cell_line: itself.
    - scaffold: the drug's Bemis-Murcko scaffold, as splits by scaffold take it.
    - laboratory: where the drug was measured; drugs of several laboratories, such as "MGH + SANGER", are a group.
    - tissue: the line's tissue.

    Raises:
        DataError: nothing of the kind is known of any drug or line.
    """
    labels = _LABELS[by](screen)
    known = labels[labels.notna() & labels.ne("")].astype(str)
    if known.empty:
        raise DataError(
            f"The screen {screen.name} does not tell the {by} of any drug or cell line, so there is nothing to group "
            f"by. Allowed: one of {', '.join(_LABELS)} that the screen knows. Choose another, or add the column."
        )
    return {str(key): label for key, label in known.items()}


def _scaffolds(screen: Screen) -> pd.Series:
    return clusters.assign_clusters(screen, "scaffold").groupby(screen.responses["drug_id"]).first()


def _laboratories(screen: Screen) -> pd.Series:
    rows = screen.responses.drop_duplicates(["drug_id", "laboratory"]).sort_values(["drug_id", "laboratory"])
    return rows[rows["laboratory"].ne("")].groupby("drug_id")["laboratory"].agg(" + ".join)


_LABELS: Mapping[str, Callable[[Screen], pd.Series]] = {
    "drug": lambda screen: screen.drugs.index.to_series(),
    "scaffold": _scaffolds,
    "laboratory": _laboratories,
    "cell_line": lambda screen: screen.cell_lines.index.to_series(),
    "tissue": lambda screen: screen.cell_lines["tissue"],
}
