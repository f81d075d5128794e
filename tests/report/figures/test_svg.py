from __future__ import annotations

import re
from xml.etree import ElementTree

from bdrp.report.figures.plot import Plot
from bdrp.report.figures.svg import READER_FONTS, render


def named(text):
    def draw(figure):
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], label=text)
        axes.set_xlabel(text)

    return Plot("a-line", f"Claim of {text}.", "", draw)


def test_the_same_numbers_give_the_same_bytes():
    assert render(named("x")) == render(named("x"))


def test_figures_of_two_names_share_no_internal_name():
    def clipped(name):
        def draw(figure):
            figure.subplots().plot([0, 1], [0, 1])

        return set(re.findall(r'id="([^"]+)"', render(Plot(name, "", "", draw))))

    assert clipped("one") and not clipped("one") & clipped("two")


def test_the_claim_is_the_title_and_the_label_for_those_who_do_not_see():
    root = ElementTree.fromstring(render(named("this & that")))
    assert root.attrib["aria-label"] == root.find("title").text == "Claim of this & that."
    assert root.attrib["role"] == "img"


def test_the_figure_takes_its_size_and_its_font_from_the_page():
    svg = render(named("x"))
    head = svg[: svg.index(">")]
    assert "viewBox" in head and "width" not in head and "height" not in head
    assert READER_FONTS in svg
    assert "xlink" not in svg and "<metadata>" not in svg and "xmlns" not in svg


def test_hostile_text_is_drawn_as_text(hostile_name):
    svg = render(named(hostile_name.replace("\x00", " ").replace("\x1b", " ")))
    root = ElementTree.fromstring(svg)
    assert "script" not in {element.tag for element in root.iter()}
    assert any("<script>alert('x')" in "".join(element.itertext()) for element in root.iter("text"))
    assert "日本" in svg  # the reader's browser has the glyphs that the layout's font lacks
