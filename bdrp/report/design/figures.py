"""A batch as a grid of lines and drugs, and as plates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd

from bdrp.design.plates import CONTROL
from bdrp.report import words
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, GRID, INK, MUTED, SKY, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES: Final = 60  # chosen: more names on an axis cannot be read
MOST_PLATES: Final = 30  # chosen: what a reader can look at; the CSV holds all
WIDE: Final = 12  # columns, above which names stand upright


def draw_batch(table: pd.DataFrame, axes: Axes) -> Axes:
    """A square a pair, lines by drugs, those of most pairs first; the earlier chosen, the darker.

    Args:
        table: of a proposal.
        axes: to draw on.
    """
    from matplotlib.colors import LinearSegmentedColormap

    lines, drugs = (table[name].value_counts().index for name in ("cell_line_id", "drug_id"))
    x, y = drugs.get_indexer(table["drug_id"]), lines.get_indexer(table["cell_line_id"])
    shades = LinearSegmentedColormap.from_list("rank", [BLUE, SKY, BAND])
    size = min(60.0, 9_000 / max(len(lines), len(drugs)) ** 1.6)
    axes.scatter(x, y, c=table["rank"], cmap=shades, marker="s", s=size, label="pair")
    _name_axis(axes, "x", [short(one, 14) for one in _names(table, "drug").reindex(drugs)])
    _name_axis(axes, "y", [short(one, 14) for one in _names(table, "line").reindex(lines)])
    axes.set(xlim=(-0.8, len(drugs) - 0.2), ylim=(len(lines) - 0.4, -0.6))
    return axes


def plot_batch(table: pd.DataFrame) -> Plot:
    """The batch as a page shows it."""
    require_rows("batch", table)
    lines, drugs = table["cell_line_id"].nunique(), table["drug_id"].nunique()
    height = 1.6 + min(0.17 * lines, 6.0)

    def draw(figure: Figure) -> None:
        draw_batch(table, figure.subplots())

    return Plot(
        "batch",
        f"{words.count(len(table), 'pair')} of {words.count(lines, 'line')} and {words.count(drugs, 'drug')}.",
        "A square is a pair to measure; the darker, the earlier it was chosen. Lines and drugs of most pairs come "
        "first.",
        draw,
        height,
    )


def draw_plates(plates: pd.DataFrame, axes: Axes) -> Axes:
    """A row a plate, a cell a column with its drug; lines between thaws.

    Args:
        plates: as `plates.lay_out` has them.
        axes: to draw on.
    """
    from matplotlib.patches import Rectangle

    last = int(plates["column"].max())
    row = {plate: at for at, plate in enumerate(plates["plate"].unique())}
    for one in plates.itertuples(index=False):
        control = one.content == CONTROL
        where = (int(one.column) - 0.46, row[one.plate] - 0.42)
        axes.add_patch(Rectangle(where, 0.92, 0.84, facecolor=BAND if control else SKY, alpha=1.0 if control else 0.55))
        name = "c" if control else short(one.drug_name, 8 if last > WIDE else 9)
        turned = 90 if last > WIDE and not control else 0
        axes.text(one.column, row[one.plate], name, fontsize=5.2, ha="center", va="center", color=INK, rotation=turned)
    firsts = plates.drop_duplicates("plate")
    labels = [f"{short(one.line_name, 16)} · {one.plate}" for one in firsts.itertuples(index=False)]
    axes.set_yticks(range(len(row)), labels, fontsize=7)
    axes.set_xticks(range(1, last + 1), [str(each) for each in range(1, last + 1)], fontsize=7)
    for before in firsts["thaw"].diff().fillna(0).to_numpy().nonzero()[0]:
        axes.axhline(before - 0.5, color=MUTED, linewidth=1.0)
    axes.set(xlim=(0.4, last + 0.6), ylim=(len(row) - 0.4, -0.6), xlabel="column of the plate")
    axes.grid(visible=False)
    return axes


def plot_plates(plates: pd.DataFrame) -> Plot:
    """The first plates as a page shows them."""
    require_rows("plates", plates)
    shown = plates[plates["plate"] <= MOST_PLATES]
    each = 0.42 if int(plates["column"].max()) > WIDE else 0.2
    count, thaws = int(plates["plate"].max()), int(plates["thaw"].max())
    rest = f" The first {MOST_PLATES} are drawn; the CSV holds all." if count > MOST_PLATES else ""

    def draw(figure: Figure) -> None:
        draw_plates(shown, figure.subplots())

    return Plot(
        "plates",
        f"{words.count(count, 'plate')} in {words.count(thaws, 'thaw')}.{rest}",
        "A row is a plate of one line, whose columns each hold the doses of one drug; c are controls. Between two "
        "horizontal lines stand the lines that are thawed together: on all of them a drug takes the same column, so "
        "that its source plate is made once.",
        draw,
        0.9 + each * shown["plate"].nunique(),
    )


def _names(table: pd.DataFrame, what: str) -> pd.Series:
    key = "drug_id" if what == "drug" else "cell_line_id"
    return table.drop_duplicates(key).set_index(key)[f"{what}_name"]


def _name_axis(axes: Axes, which: str, names: list[str]) -> None:
    own: Mapping[str, object] = {"fontsize": 6.5, "rotation": 90 if which == "x" else 0}
    ticks = axes.set_xticks if which == "x" else axes.set_yticks
    if len(names) <= MOST_NAMES:
        ticks(range(len(names)), names, **own)  # type: ignore[arg-type]
    else:
        ticks([])
        (axes.set_xlabel if which == "x" else axes.set_ylabel)(f"{len(names):,} {'drugs' if which == 'x' else 'lines'}")
    axes.grid(visible=True, color=GRID, linewidth=0.4)
