from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdrp.report.words import by, count, heading, number, percent, printable, spaced


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.12345, "0.123"),
        (-1.5, "−1.500"),
        (0.0, "0.000"),
        (0.00031, "0.0003"),
        (2e-5, "2e−05"),
        (1234.5, "1,234"),
        (12_345, "12,345"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (None, "–"),
        ("words", "words"),
    ],
)
def test_numbers_read_as_people_write_them(value, written):
    assert number(value) == written


def test_percentages_keep_their_sign_on_the_same_line():
    assert percent(0.8957) == "89.6\u202f%"
    assert percent(None) == percent(float("nan")) == "–"


def test_nouns_agree_with_their_number():
    assert (count(1, "pair"), count(31_000, "pair"), count(2, "study", "studies")) == (
        "1 pair",
        "31,000 pairs",
        "2 studies",
    )


def test_names_of_the_code_are_written_as_words():
    assert (spaced("kept_at_10"), by("cell_line"), heading("within_drug")) == (
        "kept at 10",
        "by cell line",
        "Within drug",
    )
    assert (spaced(7), by("pair"), heading("")) == ("7", "by pair", "")


def test_a_name_does_not_turn_the_text_around_it_about():
    assert printable("rtl\u202egpj \u2066x\u2069") == "rtl gpj  x "


@given(st.text())
def test_printable_text_holds_no_control_character_and_can_be_encoded(text):
    written = printable(text)
    assert len(written) == len(text)
    assert written.encode("utf-8").decode("utf-8") == written
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in written)
