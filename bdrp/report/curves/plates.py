"""What the controls of each plate say: Z' and their coefficient of variation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bdrp.data.dose_response.plates import LEAST_Z_PRIME, MOST_CV
from bdrp.report import words
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, MUTED, VERMILION, legend_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(plates: pd.DataFrame) -> Plot:
    """A point a plate; plates in doubt stand out."""
    require_rows("plates", plates)
    doubtful = (plates["doubts"] != "").to_numpy()

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for chosen, colour, label in ((~doubtful, BLUE, "plate"), (doubtful, VERMILION, "doubtful plate")):
            if chosen.any():
                shown = plates[chosen]
                axes.plot(
                    shown["cv"], shown["z_prime"], "o", color=colour, markersize=3, alpha=0.6, label=label,
                    rasterized=True,
                )  # fmt: skip
        axes.axhline(LEAST_Z_PRIME, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.axvline(MOST_CV, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlabel("coefficient of variation of the controls")
        axes.set_ylabel("Z'")
        legend_below(axes)

    return Plot(
        "plates",
        f"{words.count(int(doubtful.sum()), 'plate')} of {len(plates):,} in doubt; Z' is "
        f"{plates['z_prime'].median():.2f} in the median.",
        "Upper left is good: controls and blanks lie far apart and the controls agree. Dashed: the bounds of a plate "
        "that passes. Plates in doubt for their edges alone stand among the others.",
        draw,
        3.2,
    )
