"""Scores of drugs by genes, alike ones beside each other: whether an explanation differs between drugs is seen here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bdrp.explain import Associations
from bdrp.report.figures.axes import axes_or_new
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, VERMILION, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRUGS: Final = 24  # chosen: names stay legible
GENES_A_DRUG: Final = 2
ALIKE: Final = 0.5  # chosen: above, two drugs rank genes more alike than not
FULL: Final = 6.0  # chosen: scores beyond have the deepest colour


def choose_drugs(found: Associations, asked: Sequence[str], most: int = DRUGS) -> list[str]:
    """The drugs asked for, and others by how far their strongest score stands out, one a compound, as many as fit."""
    strongest = found.score.abs().max(axis=1).sort_values(ascending=False)
    return found.one_a_compound([*asked, *strongest.index])[:most]


def clustered(found: Associations, drugs: Sequence[str], genes_a_drug: int = GENES_A_DRUG) -> pd.DataFrame:
    """Scores of drugs (rows) by the strongest genes of each (columns), in the order of average-linkage clustering."""
    scores = found.score.loc[list(drugs)]
    top = [gene for drug in drugs for gene in scores.loc[drug].abs().nlargest(genes_a_drug).index]
    table = scores[list(dict.fromkeys(top))]
    return table.iloc[_order(table.to_numpy()), _order(table.to_numpy().T)]


def draw_drug_gene_map(
    found: Associations, drugs: Sequence[str], names: pd.Series | None = None, axes: Axes | None = None
) -> Axes:
    """A square a drug and gene: blue where high expression marks sensitivity, vermilion where resistance.

    Args:
        found: scores.
        drugs: ids, in any order.
        names: of drugs, by id.
        axes: to draw on; new ones if None.

    Raises:
        DataError: there is no drug.
    """
    from matplotlib.colors import LinearSegmentedColormap

    require_rows("drug-gene-map", drugs)
    table = clustered(found, drugs)
    axes = axes_or_new(axes, 0.2 * len(table) + 1.6)
    colours = LinearSegmentedColormap.from_list("scores", [BLUE, "white", VERMILION])
    image = axes.imshow(table.to_numpy(), cmap=colours, vmin=-FULL, vmax=FULL, aspect="auto", interpolation="nearest")
    labels = table.index.map(lambda drug: short(drug if names is None else names.get(drug, drug), 20))
    axes.set_yticks(range(len(table)), list(labels), fontsize=8)
    axes.set_xticks(range(table.shape[1]), [short(gene, 10) for gene in table], rotation=90, fontsize=7)
    axes.grid(visible=False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.5, pad=0.02)
    bar.set_label("score", fontsize=8.5)
    bar.outline.set_visible(False)
    return axes


def plot(found: Associations, drugs: Sequence[str], names: pd.Series, correlation: float) -> Plot:
    """The figure as a page shows it."""
    head = "Drugs have genes of their own" if correlation < ALIKE else "Drugs have much the same genes"

    def draw(figure: Figure) -> None:
        draw_drug_gene_map(found, drugs, names, figure.subplots())

    return Plot(
        "drug-gene-map",
        f"{head}: the rankings of {found.score.shape[1]:,} genes of two drugs correlate by "
        f"{correlation:.2f} on average.",
        f"Rows are {len(drugs)} drugs, columns the strongest genes of each; alike ones stand beside each other. Blue: "
        "lines that express the gene highly are more sensitive; vermilion: more resistant. An explanation that is the "
        "same for all drugs would show columns of one colour.",
        draw,
        0.17 * len(drugs) + 1.4,
    )


def _order(rows: np.ndarray) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(rows) < 3:
        return list(range(len(rows)))
    return [
        int(leaf) for leaf in leaves_list(linkage(rows, method="average", metric="euclidean", optimal_ordering=True))
    ]
