from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba

from bdrp import report
from bdrp.evaluation import PosteriorCheck, Scores, posterior_check, score
from bdrp.predictive import Normal, PosteriorDraws
from bdrp.report.figures import numbers, svg
from bdrp.report.figures.plot import Plot

HOSTILE = """</title><script>alert('x')</script> & "$x^2$" <!-- -- > 'DejaVu Sans' \x00\x1b\u2028 日本"""


@dataclass(frozen=True)
class Case:
    """Predictions, what was observed, and their scores."""

    pred: Normal
    observed: pd.DataFrame
    scores: Scores
    before: Scores | None

    def write(self, out: Path, **more: Any) -> Path:
        """The report of this case, written into `out`."""
        given = {"split_summary": SPLIT, "model_card": CARD, "before": self.before, **more}
        return report.write(self.scores, self.pred, self.observed, out=out, **given)


@pytest.fixture(scope="session")
def checked() -> PosteriorCheck:
    """The check of a posterior on 60 rows, some of which it leans on."""
    rng = np.random.default_rng(0)
    noise, response = np.linspace(0.5, 2.0, 60), rng.normal(0, 1.5, 60)
    mean = 0.3 * response + rng.standard_normal((400, 60))
    density = -0.5 * ((response - mean) / noise) ** 2 - np.log(noise)
    drawn = PosteriorDraws(mean, mean + noise * rng.standard_normal(mean.shape), density)
    rows = pd.DataFrame({"cell_line_id": [f"L{i % 9}" for i in range(60)], "drug_id": "D", "response": response})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its own future when it is imported
        return posterior_check(drawn, rows, of_rows=5000)


SPLIT = {
    "by": "cell_line",
    "seed": 3,
    "fold": 0,
    "folds": 5,
    "description": "Fold 0 of 5 over 60 patients.",
    "parts": {part: {"pairs": 4321, "cell_lines": 51, "drugs": 17} for part in ("train", "calibration", "test")},
}
CARD = {
    "method": "last_layer",
    "options": {"rank": 32, "widths": [64, 32]},
    "seed": 3,
    "versions": {"bdrp": "0.1.0", "torch": "2.13.0"},
    "screen": "simulated",
    "checksums": {"responses.csv": "sha256:" + "0123456789abcdef" * 4},
    "recalibration": {"kind": "variance_scaling", "factor": 1.25},
}


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """A Normal that is `stretch` times as narrow as its errors, for lines x drugs pairs; one a shape, not to change."""

    @functools.cache
    def make(
        lines=30, drugs=20, tissues=5, stretch=1.0, limits=True, pairs=None, names=None, recalibrated=True
    ) -> Case:
        rng = np.random.default_rng(0)
        n = pairs or lines * drugs
        line, drug = np.divmod(np.arange(n), drugs)
        keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug]})
        effects = rng.normal(0, 2, drugs)[drug] + rng.normal(0, 0.5, line.max() + 1)[line]
        noise, doubt = rng.uniform(0.3, 1.5, drugs)[drug] * rng.uniform(0.6, 1.4, n), rng.uniform(0.05, 0.3, n)
        mean = effects + rng.normal(0, 0.4, n)
        pred = Normal(keys, "ln_ic50_um", mean, noise, doubt, unit="ln(µM)")
        response = mean + stretch * pred.std * rng.normal(size=n)
        observed = keys.assign(
            response=response,
            lower_limit=-5.0 if limits else np.nan,
            upper_limit=1.0 if limits else np.nan,
            tissue=[(names or "Tissue {}").replace("{}", str(i % tissues)) for i in line],
            drug_name=[(names or "Drug {}").replace("{}", str(i)) for i in drug],
            mean_effects=effects + 0.2 * rng.normal(size=n),
            structure_key=[f"K{max(i, 1)}" for i in drug],
        )
        earlier = score(pred.scale(0.7), observed) if recalibrated else None
        return Case(pred, observed, score(pred, observed), earlier)

    return make


@pytest.fixture(scope="session")
def case(make_case: Callable[..., Case]) -> Case:
    """600 well calibrated pairs."""
    return make_case()


class Drawn:
    """A figure that was drawn and not rendered, read through its artists; panels are numbered in drawing order."""

    def __init__(self, plot: Plot) -> None:
        self.figure = plot.figure()
        self.panels = self.figure.axes

    rgba = staticmethod(to_rgba)

    def line(self, label: str, panel: int = 0) -> np.ndarray:
        """The points of the line of that label, (N, 2)."""
        (found,) = [line for line in self.panels[panel].lines if line.get_label() == label]
        return np.asarray(found.get_xydata(), dtype=float)

    def lines(self, colour: str, panel: int = 0) -> list[list[tuple[float, float]]]:
        """The points of every line of a colour, in drawing order."""
        found = [line for line in self.panels[panel].lines if line.get_color() == colour]
        return [[tuple(map(float, point)) for point in line.get_xydata()] for line in found]

    def ranges(self, colour: str, panel: int = 0) -> list[list[tuple[float, float]]]:
        """Both ends of every range of a colour that was drawn with others at once, in drawing order."""
        ends = (
            (color, segment)
            for each in self.panels[panel].collections
            if isinstance(each, LineCollection)
            for color, segment in zip(each.get_colors(), each.get_segments(), strict=True)
        )
        return [[tuple(map(float, end)) for end in segment] for color, segment in ends if same(color, colour)]

    def dots(self, colour: str, panel: int = 0) -> list[tuple[float, float]]:
        """Every point of a colour that was drawn with others at once, in drawing order."""
        points = (
            (color, point)
            for each in self.panels[panel].collections
            if isinstance(each, PathCollection)
            for color, point in zip(each.get_facecolors(), each.get_offsets(), strict=True)
        )
        return [tuple(map(float, point)) for color, point in points if same(color, colour)]

    def across(self, panel: int = 0) -> list[tuple[str, float]]:
        """Lines across the whole panel: ("x" or "y", where)."""
        axes, found = self.panels[panel], []
        for line in axes.lines:
            of_data = line.get_transform().contains_branch_seperately(axes.transData)
            if not all(of_data):
                found.append(("x", float(line.get_xdata()[0])) if of_data[0] else ("y", float(line.get_ydata()[0])))
        return found

    def band(self, label: str, panel: int = 0) -> np.ndarray:
        """Where a filled band begins and ends at each x, (N, 3)."""
        (found,) = [each for each in self.panels[panel].collections if each.get_label() == label]
        points = pd.DataFrame(found.get_paths()[0].vertices, columns=["x", "y"]).groupby("x")["y"]
        return points.agg(["min", "max"]).reset_index().to_numpy()

    def segments(self, panel: int = 0, label: str | None = None, colour: str | None = None) -> list[list[list[float]]]:
        """The straight bars of `hlines` and `vlines` as [[x, y], [x, y]], those with an end that is no number apart."""
        chosen = [each for each in self.panels[panel].collections if hasattr(each, "get_segments")]
        chosen = [each for each in chosen if label is None or each.get_label() == label]
        chosen = [each for each in chosen if colour is None or to_rgba(each.get_color()[0], 1) == to_rgba(colour)]
        found = [segment for each in chosen for segment in each.get_segments()]
        return [segment.tolist() for segment in found if len(segment) and np.isfinite(segment).all()]

    def bars(self, panel: int = 0, label: str | None = None) -> np.ndarray:
        """The x, y, width and height of each bar, (N, 4)."""
        found = [each for each in self.panels[panel].containers if label is None or each.get_label() == label]
        boxes = [bar.get_bbox().bounds for each in found for bar in each.patches]
        return np.asarray(boxes, dtype=float)

    def steps(self, label: str, panel: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Heights, edges and base of `stairs`."""
        (found,) = [each for each in self.panels[panel].patches if each.get_label() == label]
        values, edges, base = found.get_data()
        return values, edges, np.broadcast_to(0.0 if base is None else base, values.shape)

    def names(self, panel: int = 0, axis: str = "y") -> dict[float, str]:
        """What is written at the ticks of an axis."""
        ticks = getattr(self.panels[panel], f"{axis}axis")
        texts = [label.get_text() for label in ticks.get_ticklabels()]
        return dict(zip(map(float, ticks.get_ticklocs()), texts, strict=True))

    def texts(self, panel: int = 0) -> list[str]:
        """What is written into a panel."""
        return [text.get_text() for text in self.panels[panel].texts]

    @property
    def legend(self) -> dict[str, Any]:
        """The colour of each entry of the legend, with its opacity."""
        found = [
            each for legend in self.figure.legends for each in zip(legend.texts, legend.legend_handles, strict=True)
        ]
        return {text.get_text(): colour_of(handle) for text, handle in found}

    @property
    def labelled(self) -> dict[str, Any]:
        """The colour of each artist that has a label, in any panel."""
        artists = [artist for axes in self.panels for artist in (*axes.lines, *axes.patches, *axes.collections)]
        bars = [bars for axes in self.panels for bars in axes.containers]
        found = {artist.get_label(): colour_of(artist) for artist in artists}
        found |= {each.get_label(): colour_of(each.patches[0]) for each in bars if each.patches}
        return {label: colour for label, colour in found.items() if label and not label.startswith("_")}

    @property
    def words(self) -> list[str]:
        """All that is written in the figure."""
        texts = self.figure.findobj(lambda artist: hasattr(artist, "get_text"))
        return [text.get_text() for text in texts if text.get_text()]

    def outside(self) -> list[str]:
        """Artists with data beyond the limits of their panel; there should be none."""
        return [
            f"panel {number}: {artist} {name} {low:g} to {high:g}, axis {sorted(limits)}"
            for number, axes in enumerate(self.panels)
            if axes.get_label() != "<colorbar>"
            for artist, points in data_of(axes)
            for name, limits, values in zip("xy", (axes.get_xlim(), axes.get_ylim()), points, strict=True)
            for low, high in [(np.min(values, initial=np.inf), np.max(values, initial=-np.inf))]
            if low < min(limits) - 1e-9 or high > max(limits) + 1e-9
        ]


def same(rgba: np.ndarray, colour: str) -> bool:
    """Whether a colour is this one, whatever its opacity."""
    return tuple(rgba[:3]) == to_rgba(colour)[:3]


def colour_of(artist: Any) -> Any:
    """The colour that a reader sees of a line, a marker, a bar or a band."""
    colour = artist.get_color() if hasattr(artist, "get_color") else artist.get_facecolor()
    colour = colour[0] if np.ndim(colour) == 2 else colour
    if hasattr(artist, "get_fill") and not artist.get_fill():
        colour = artist.get_edgecolor()
    return to_rgba(colour, artist.get_alpha())


def data_of(axes: Any) -> Iterator[tuple[Any, tuple[np.ndarray, np.ndarray]]]:
    """Every artist of a panel with its finite x and y, where they are in the units of the panel's axes."""
    for artist in (*axes.lines, *axes.patches, *axes.collections, *axes.texts):
        if hasattr(artist, "xycoords"):
            names = [artist.xycoords] * 2 if isinstance(artist.xycoords, str) else artist.xycoords
            of_data = [name == "data" for name in names]
        else:
            of_data = artist.get_transform().contains_branch_seperately(axes.transData)
        points = np.asarray(points_of(artist), dtype=float).reshape(-1, 2)
        finite = np.isfinite(points)
        yield artist, tuple(points[finite[:, k], k] if of_data[k] else np.empty(0) for k in range(2))


def points_of(artist: Any) -> Any:
    """Where an artist is drawn, (N, 2)."""
    if hasattr(artist, "get_xydata"):
        return artist.get_xydata()
    if hasattr(artist, "get_patch_transform"):
        return artist.get_patch_transform().transform(artist.get_path().vertices)
    if hasattr(artist, "get_text"):
        return getattr(artist, "xy", artist.get_position())
    if artist.get_array() is not None:  # hexagons: one path, drawn at every centre
        return artist.get_offsets()
    return [point for path in artist.get_paths() for point in path.vertices]


@pytest.fixture(scope="session")
def drawn() -> type[Drawn]:
    """`drawn(plot)`: the figure of a plot, to be read through its artists."""
    return Drawn


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages whose figures are their claims alone, for what a page says: nineteen parts in twenty of its time is SVG."""
    monkeypatch.setattr(svg, "render", lambda plot: f"<svg><title>{escape(plot.title)}</title></svg>")
    monkeypatch.setattr(numbers, "tabulate", lambda plot: ())


@pytest.fixture(scope="session")
def hostile_name() -> str:
    """A name that no page, figure or file may take for anything but text."""
    return HOSTILE
