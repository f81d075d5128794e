from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bdrp.errors import OutputError
from bdrp.fitted.card import Card, CardSection, CardTable
from bdrp.report import card


@pytest.fixture
def described(hostile_name) -> Card:
    """A card with a hostile name wherever a name can stand."""
    table = CardTable("By tissue", ("tissue", "pairs"), ((hostile_name, "3"),))
    known = CardSection("Known failures", (f"Too narrow for {hostile_name}.",), (("file", hostile_name),), (table,))
    return Card(
        f"Model card: {hostile_name}", (CardSection("What it is not for", ("Not for clinical decisions.",)), known)
    )


def test_the_page_stands_alone_and_escapes_hostile_names(described, tmp_path):
    html = card.write(described, tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<script" not in html and html.count("&lt;script&gt;") >= 4
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    assert "What it is not for:" in html and "Not for clinical decisions." in html
    HTMLParser().feed(html)


def test_a_card_replaces_a_card_and_nothing_else(described, tmp_path):
    for name in ("card.md", "card.html"):
        first = card.write(described, tmp_path / name).read_bytes()
        assert card.write(described, tmp_path / name).read_bytes() == first
        (tmp_path / name).write_text("my notes")
        with pytest.raises(OutputError, match="something else, no earlier result"):
            card.write(described, tmp_path / name)


def test_another_suffix_is_refused_with_those_that_there_are(described, tmp_path):
    with pytest.raises(OutputError, match=r"as '.pdf'.* Allowed are .html and .md. Name the file card.html"):
        card.write(described, tmp_path / "card.pdf")
