"""GMT files."""

from __future__ import annotations

import gzip

import pytest

from bdrp.errors import BdrpWarning, DataError
from bdrp.explain.gene_sets import read_gmt


def test_a_line_is_a_name_a_description_and_genes(tmp_path):
    file = tmp_path / "sets.gmt"
    file.write_text("ONE\thttp://a\tEGFR\tTP53\tEGFR\n\nTWO\t\tKRAS\t\n")
    assert read_gmt(file) == {"ONE": ("EGFR", "TP53"), "TWO": ("KRAS",)}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("ONE\tabout\n", "Line 1 of .* has no gene"),
        ("ONE\ta\tEGFR\nONE\tb\tTP53\n", "Line 2 of .* has a name that stands twice"),
        ("\ta\tEGFR\n", "Line 1 of .* has no name"),
        ("\n", "is empty"),
    ],
)
def test_what_is_no_gmt_file_is_refused(tmp_path, text, match):
    file = tmp_path / "sets.gmt"
    file.write_text(text)
    with pytest.raises(DataError, match=match):
        read_gmt(file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_gmt(tmp_path / "none.gmt")


def test_it_is_read_as_tables_are(tmp_path):
    file, text = tmp_path / "sets.gmt", "ONE\t\tEGFR\tTP53\r\nTWO\tµ\tKRAS\r\n"
    for content in (text.encode("utf-16"), text.encode("latin-1"), gzip.compress(text.encode())):
        file.write_bytes(content)
        assert read_gmt(file) == {"ONE": ("EGFR", "TP53"), "TWO": ("KRAS",)}
    file.write_text("ONE\t\tEGFR\tTP5")
    with pytest.warns(BdrpWarning, match="ends within a line"):
        read_gmt(file)
