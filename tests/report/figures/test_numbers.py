"""The table of a figure: what it shows is what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp.report.figures.numbers import ROWS, tabulate
from bdrp.report.figures.plot import Plot


def tables(draw):
    return tabulate(Plot("a-figure", "It shows.", "", draw).figure())


def columns(table):
    return {column.label: [row[at] for row in table.rows] for at, column in enumerate(table.columns)}


def test_lines_bands_and_ranges_are_read_with_their_labels_and_units():
    def draw(figure):
        axes = figure.subplots()
        axes.fill_between([0.5, 0.9], [0.4, 0.8], [0.6, 1.0], label="by chance")
        axes.plot([0.5, 0.9], [0.45, 0.85], label="this model")
        axes.vlines([0.5, 0.9], [0.1, np.nan], [0.2, np.nan])
        axes.plot([0, 1], [0, 1])  # guides the eye
        axes.set(xlabel="level", ylabel="coverage")

    (table,) = tables(draw)
    assert columns(table) == {
        "Drawn": ["this model", "this model", "by chance", "by chance", "range"],
        "level": ["0.500", "0.900", "0.500", "0.900", "0.500"],
        "coverage": ["0.450", "0.850", "0.400", "0.800", "0.100"],
        "to": ["", "", "0.600", "1.000", "0.200"],
    }


def test_groups_have_their_names_on_every_panel_that_shares_their_axis():
    def draw(figure):
        left, right = figure.subplots(1, 2)
        left.plot([88.0, 95.0], [0, 1], "o")
        left.plot([85.0, 90.0], [0, 0])
        left.set_yticks([0, 1], ["Liver", "Skin"])
        left.set(xlabel="inside (%)", ylim=(-0.5, 1.5))
        right.barh([0, 1], [3.0, 2.5])
        right.set_yticks([])
        right.set(xlabel="width", ylim=(-0.5, 1.5))

    left, right = tables(draw)
    assert columns(left) == {
        "Group": ["Liver", "Skin", "Liver"],
        "Drawn": ["point", "point", "range"],
        "inside (%)": ["88.000", "95.000", "85.000"],
        "to": ["", "", "90.000"],
    }
    assert columns(right) == {"Group": ["Liver", "Skin"], "width": ["3.000", "2.500"]}
    assert (left.title, right.title) == ("inside (%)", "width")


def test_histograms_steps_hexagons_and_pictures_are_read():
    def draw(figure):
        bars, steps, hexagons, cells = figure.subplots(2, 2).ravel()
        bars.hist([0.1, 0.2, 0.7], [0, 0.5, 1])
        steps.stairs([2.0, 3.0], [0, 1, 2])
        found = hexagons.hexbin([0, 0, 1], [0, 0, 1], gridsize=2, mincnt=1)
        figure.colorbar(found, label="pairs")
        cells.imshow([[0.25, -0.5]])
        cells.set_xticks([0, 1], ["EGFR", "TP53"])

    bars, steps, hexagons, cells = map(columns, tables(draw))
    assert list(bars.values()) == [["0.000", "0.500"], ["0.500", "1.000"], ["2.000", "1.000"]]
    assert list(steps.values()) == [["0.000", "1.000"], ["1.000", "2.000"], ["2.000", "3.000"]]
    assert sorted(hexagons["pairs"]) == ["1.000", "2.000"]
    assert cells["Group"] == ["EGFR", "TP53"] and cells["pairs"] == ["0.250", "−0.500"]


def test_long_series_are_thinned_evenly_with_their_ends_and_the_caption_says_so():
    def draw(figure):
        figure.subplots().plot(np.arange(1001), np.arange(1001) ** 2)

    (table,) = tables(draw)
    places = [int(row[0].replace(",", "")) for row in [(row[0].split(".")[0],) for row in table.rows]]
    assert len(table.rows) == ROWS and (places[0], places[-1]) == (0, 1000)
    assert max(np.diff(places)) - min(np.diff(places)) <= 1
    assert table.caption == "60 of 1,001 marks, evenly thinned."


def test_a_figure_of_words_alone_has_no_table():
    assert tables(lambda figure: figure.subplots().text(0, 0, "nothing")) == ()


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_every_figure_of_a_report_has_its_numbers_on_the_page(make_case, tmp_path):
    page = make_case().write(tmp_path / "report").read_text(encoding="utf-8")
    figures = page.count('<figure id="figure-')
    assert figures > 10 and page.count('<details class="numbers">') == figures
    assert page.count("<details") == page.count("</details>")
