"""The numbers of a figure, read off what is drawn: its table, for who cannot see it or wants to cite it.

A figure has one table a panel. A mark has a place along each axis, or a range of it; names of categories stand for the
places of their ticks. Long series are thinned evenly, and the caption says of how many.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bdrp.report import words
from bdrp.report.html.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS: Final = 60  # chosen: of a figure, so that those of a whole report stay below a tenth of its size
ROUNDING: Final = 1e-9  # edges of bins that are 0 but for how they were added up
FEWEST: Final = 12  # chosen: of a panel, however many there are
_NAME: Final = re.compile(r"[^\W\d_]")  # a letter: numbers at ticks are no names
Range = tuple[float, float]
Written = tuple[Column, list[str]]


class Mark(NamedTuple):
    """One point, bar, range or cell: its series, where it is along both axes, and the value of its colour."""

    series: str
    x: Range
    y: Range
    value: float = math.nan


def tabulate(figure: Figure) -> tuple[Table, ...]:
    """A table a panel that shows data; none of a figure that shows none but words.

    >>> from bdrp.report.figures.plot import Plot
    >>> def draw(figure):
    ...     axes = figure.subplots()
    ...     axes.plot([0.5, 0.9], [0.48, 0.91], label="seen")
    ...     axes.set(xlabel="Level", ylabel="Coverage")
    >>> (table,) = tabulate(Plot("coverage", "It holds.", "", draw).figure())
    >>> [column.label for column in table.columns], table.rows[0]
    (['Level', 'Coverage'], ('0.500', '0.480'))
    """
    panels = [(axes, marks) for axes in figure.axes if axes.get_label() != "<colorbar>" if (marks := [*read(axes)])]
    most = max(FEWEST, ROWS // max(len(panels), 1))
    coloured = _colour_label(figure)
    return tuple(_table(axes, marks, most, coloured) for axes, marks in panels)


def read(axes: Axes) -> Iterator[Mark]:
    """Every mark of a panel, in the order in which it was drawn; lines that only guide the eye are left out."""
    from matplotlib.container import BarContainer, ErrorbarContainer

    caps = {id(cap) for one in axes.containers if isinstance(one, ErrorbarContainer) for cap in one.lines[1]}
    for container in axes.containers:
        if isinstance(container, BarContainer):
            yield from _bars(axes, container)
    for line in axes.lines:
        if id(line) not in caps:
            yield from _line(axes, line)
    for patch in axes.patches:
        if hasattr(patch, "get_data"):
            yield from _stairs(patch)
    for collection in axes.collections:
        yield from _collection(collection)
    for image in axes.images:
        for (row, column), value in np.ndenumerate(_filled(image.get_array())):
            yield Mark("cell", (column, column), (row, row), float(value))


def _bars(axes: Axes, container: Any) -> Iterator[Mark]:
    """The length of each bar, from 0 or from where it starts; a bar of a histogram has a range of the other axis."""
    name = _name(container, "bar")
    across = getattr(container, "orientation", "vertical") == "horizontal"
    named = bool(_categories(axes, "y" if across else "x"))
    for bar in container.patches:
        x, y = bar.get_x(), bar.get_y()
        spans = [(x, x + bar.get_width()), (y, y + bar.get_height())]
        length, place = spans if across else spans[::-1]
        length = (length[1], length[1]) if length[0] == 0 else length
        if named:
            place = (sum(place) / 2,) * 2
        yield Mark(name, *((length, place) if across else (place, length)))


def _line(axes: Axes, line: Any) -> Iterator[Mark]:
    x, y = (np.asarray(values, dtype=float) for values in (line.get_xdata(orig=False), line.get_ydata(orig=False)))
    along = line.get_transform().contains_branch_seperately(axes.transData)
    labelled = not str(line.get_label()).startswith("_")
    if not labelled and not all(along):
        return
    if not labelled and len(x) <= 2 and line.get_marker() in ("None", "", None):
        if np.ptp(x) == 0 or np.ptp(y) == 0:  # a range; a diagonal guides the eye
            yield Mark("range", (x.min(), x.max()), (y.min(), y.max()))
        return
    points = zip(x, y, strict=True) if all(along) else [(x[0], y[0])]
    for point in points:
        where = [value if known else math.nan for value, known in zip(point, along, strict=True)]
        yield Mark(_name(line, "point"), (where[0],) * 2, (where[1],) * 2)


def _stairs(patch: Any) -> Iterator[Mark]:
    values, edges, baseline = patch.get_data()
    low = np.broadcast_to(0.0 if baseline is None else baseline, np.shape(values))
    for value, start, end, below in zip(values, edges[:-1], edges[1:], low, strict=True):
        yield Mark(_name(patch, "step"), (start, end), (value, value) if below == 0 else (below, value))


def _collection(collection: Any) -> Iterator[Mark]:
    """Points, hexagons, ranges, or a band."""
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection

    colours = collection.get_array()
    if isinstance(collection, PathCollection) or (isinstance(collection, PolyCollection) and colours is not None):
        offsets = _filled(collection.get_offsets())
        values = np.full(len(offsets), np.nan) if colours is None else _filled(colours)
        for (x, y), value in zip(offsets, values, strict=False):
            yield Mark(_name(collection, "point"), (x, x), (y, y), float(value))
    elif isinstance(collection, LineCollection):
        for segment in collection.get_segments():
            x, y = np.asarray(segment, dtype=float).reshape(-1, 2).T
            if len(x):  # one with an end that is not known is not drawn
                yield Mark(_name(collection, "range"), (x.min(), x.max()), (y.min(), y.max()))
    elif isinstance(collection, PolyCollection):
        for path in collection.get_paths():
            x, y = np.asarray(path.vertices, dtype=float).T
            for place in np.unique(x):
                here = y[x == place]
                yield Mark(_name(collection, "band"), (place, place), (here.min(), here.max()))


def _filled(values: Any) -> npt.NDArray[np.float64]:
    """What is masked is missing."""
    return np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)


def _table(axes: Axes, marks: Sequence[Mark], most: int, coloured: str) -> Table:
    """The marks of a panel; what names a row stands first."""
    kept = _thinned(marks, most)
    names, numbers = list[Written](), list[Written]()
    for name, sides in (("x", [mark.x for mark in kept]), ("y", [mark.y for mark in kept])):
        (names if _categories(axes, name) else numbers).extend(_written(axes, name, sides))
    if len({mark.series for mark in kept}) > 1:
        names.append((Column("Drawn", "words"), [mark.series for mark in kept]))
    if any(math.isfinite(mark.value) for mark in kept):
        numbers.append((Column(coloured), [words.number(mark.value) for mark in kept]))
    columns, cells = zip(*names, *numbers, strict=True)
    titles = (axes.get_title(), axes.get_title("left"), _label(axes, "x" if _categories(axes, "y") else "y"))
    title = " ".join(next(filter(None, titles)).split())
    caption = f"{len(kept):,} of {len(marks):,} marks, evenly thinned." if len(kept) < len(marks) else ""
    return Table(title, columns, tuple(zip(*cells, strict=True)), caption)


def _written(axes: Axes, name: str, sides: Sequence[Range]) -> Iterator[Written]:
    """The column of an axis, and that of where ranges along it end; none where no mark has a place along it."""
    if not any(math.isfinite(end) for side in sides for end in side):
        return
    named = _categories(axes, name)
    kind, write = "words" if named else "number", _writer(named)
    yield Column(_label(axes, name), kind), [write(low) for low, _ in sides]
    if any(high > low for low, high in sides):
        yield Column("to", kind), [write(high) if high > low else "" for low, high in sides]


def _thinned(marks: Sequence[Mark], most: int) -> list[Mark]:
    """Of each series an equal share, evenly spaced, its ends included."""
    series = dict.fromkeys(mark.series for mark in marks)
    share = max(2, most // len(series))
    kept = []
    for name in series:
        own = [mark for mark in marks if mark.series == name]
        places = np.unique(np.linspace(0, len(own) - 1, min(share, len(own))).round().astype(int))
        kept += [own[place] for place in places]
    return kept


def _alongside(axes: Axes, name: str) -> list[Axes]:
    """The panel itself, then those of its figure that have the same axis: by sharing it, or by their limits."""
    limits = getattr(axes, f"get_{name}lim")
    others = [one for one in axes.figure.axes if one is not axes and one.get_label() != "<colorbar>"]
    return [axes, *(one for one in others if np.allclose(getattr(one, f"get_{name}lim")(), limits()))]


def _label(axes: Axes, name: str) -> str:
    """What an axis is called; where its panel leaves that to another one, as it is there."""
    labels = (" ".join(getattr(one, f"get_{name}label")().split()) for one in _alongside(axes, name))
    return next(filter(None, labels), "Group" if _categories(axes, name) else f"Place along {name}")


def _categories(axes: Axes, name: str) -> dict[float, str]:
    """The names of an axis whose ticks have some, by their places."""
    from matplotlib.ticker import FixedLocator

    for one in _alongside(axes, name):
        axis = getattr(one, f"{name}axis")
        if isinstance(axis.get_major_locator(), FixedLocator):
            texts = (" ".join(label.get_text().split()) for label in axis.get_majorticklabels())
            found = dict(zip(map(float, axis.get_majorticklocs()), texts, strict=False))
            if any(_NAME.search(text) for text in found.values()):
                return found
    return {}


def _writer(named: dict[float, str]) -> Callable[[float], str]:
    """How a place along an axis is written: of a category, the name of the nearest tick within half a step."""

    def write(value: float) -> str:
        if not named:
            return words.number(0.0 if abs(value) < ROUNDING else float(value))
        nearest = min(named, key=lambda place: abs(place - value)) if math.isfinite(value) else math.nan
        return named[nearest] if abs(nearest - value) <= 0.5 else words.number(float(value))

    return write


def _colour_label(figure: Figure) -> str:
    """What colours mean, by the label of a colour bar."""
    bars: Iterable[Axes] = (axes for axes in figure.axes if axes.get_label() == "<colorbar>")
    labels = [axes.get_ylabel() or axes.get_xlabel() for axes in bars]
    return " ".join(next(filter(None, labels), "Value").split())


def _name(artist: Any, otherwise: str) -> str:
    label = str(artist.get_label())
    return " ".join(label.split()) if label and not label.startswith("_") else otherwise
