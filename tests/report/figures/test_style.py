from __future__ import annotations

from bdrp.report.figures.style import short


def test_long_names_are_cut_and_short_ones_are_not():
    assert short("a" * 40) == "a" * 25 + "…"
    assert short("Nutlin-3a (-)") == "Nutlin-3a (-)"
    assert short("two\nlines") == "two lines"
