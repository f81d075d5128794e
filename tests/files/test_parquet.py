"""Parquet: pages with checksums, and files that grow beyond what may be read."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as arrow

from bdrp.files import parquet

LARGEST = 2 * 1024**3


def frame(rows: int = 400) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"line": [f"L{at % 7}" for at in range(rows)], "value": values, "count": range(rows)})


def test_a_table_comes_back_with_its_metadata(tmp_path: Path) -> None:
    parquet.write(frame(), tmp_path / "t.parquet", {b"bdrp": b"note"})
    table = parquet.read(tmp_path / "t.parquet", LARGEST)
    pd.testing.assert_frame_equal(table.to_pandas(), frame())
    assert table.schema.metadata[b"bdrp"] == b"note"


def test_a_name_that_is_no_utf_8_is_written_and_read(tmp_path: Path) -> None:
    path = Path(str(tmp_path / "caf") + "\udce9.parquet")
    parquet.write(frame(), path, {})
    assert len(parquet.read(path, LARGEST).to_pandas()) == 400


def test_no_flipped_bit_of_a_page_is_read_as_another_value(tmp_path: Path) -> None:
    parquet.write(frame(), tmp_path / "t.parquet", {})
    whole = (tmp_path / "t.parquet").read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    chance = random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[chance.randrange(4, len(whole) - footer)] ^= 1 << chance.randrange(8)
        (tmp_path / "d.parquet").write_bytes(damaged)
        try:
            found = parquet.read(tmp_path / "d.parquet", LARGEST).to_pandas()
        except parquet.NotParquetError:
            continue
        pd.testing.assert_frame_equal(found, frame())  # a bit of a page's header that says nothing


def test_a_damaged_footer_of_others_is_refused_in_words(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "t.parquet", index=False)  # by pandas: no checksum stands before its footer
    whole = (tmp_path / "t.parquet").read_bytes()
    chance = random.Random(1)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole) - 1500, len(whole))] ^= 1 << chance.randrange(8)
        (tmp_path / "d.parquet").write_bytes(damaged)
        try:
            found = parquet.read(tmp_path / "d.parquet", LARGEST)
        except parquet.NotParquetError as error:
            assert any(words in str(error) for words in ("cannot be read as Parquet", "unpacks to more", "its account"))
        else:
            found.to_pandas()  # what is let through can be used


@pytest.mark.parametrize("joined", [False, True])
def test_no_flipped_bit_of_a_footer_is_read_as_anything_else(tmp_path: Path, joined: bool) -> None:
    parquet.write(frame(), tmp_path / "t.parquet", {b"bdrp": b'{"dof": 4.5}'})
    if joined:
        (tmp_path / "t.parquet").rename(tmp_path / "part.parquet")
        parquet.join([tmp_path / "part.parquet"], tmp_path / "t.parquet", {})
    whole = (tmp_path / "t.parquet").read_bytes()
    expected = parquet.read(tmp_path / "t.parquet", LARGEST)
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    chance = random.Random(2)
    for at in chance.sample(range(len(whole) - footer, len(whole)), 150):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        (tmp_path / "d.parquet").write_bytes(damaged)
        for reader in (lambda path: parquet.read(path, LARGEST), parquet.read_part, parquet.read_metadata):
            with pytest.raises(parquet.NotParquetError):
                reader(tmp_path / "d.parquet")
    assert parquet.read(tmp_path / "t.parquet", LARGEST).equals(expected)


def test_others_read_what_is_sealed_and_what_they_write_is_read(tmp_path: Path) -> None:
    parquet.write(frame(), tmp_path / "t.parquet", {b"bdrp": b"note"})
    theirs = arrow.read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), frame())
    arrow.write_table(theirs.slice(0, 5), tmp_path / "fewer.parquet")
    assert parquet.read(tmp_path / "fewer.parquet", LARGEST).num_rows == 5


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff" * 7 + b"PAR1", b"PAR1" * 5])
def test_what_is_too_short_for_a_footer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(parquet.NotParquetError):
        parquet.read(tmp_path / "t.parquet", LARGEST)


def test_one_long_text_that_stands_often_is_counted_as_often(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000, np.int32)), pa.array(["x" * 100_000]))
    arrow.write_table(pa.table({"line": texts}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 50_000
    with pytest.raises(parquet.NotParquetError, match="unpacks to more than 104,857,600 bytes"):
        parquet.read(tmp_path / "bomb.parquet", 100 * 1024**2)
    with pytest.raises(parquet.NotParquetError, match="more than 268,435,456 bytes, more than any table of its size"):
        parquet.read(tmp_path / "bomb.parquet", LARGEST)


def test_equal_numbers_are_counted_by_their_rows(tmp_path: Path) -> None:
    arrow.write_table(pa.table({"value": pa.array(np.zeros(2_000_000))}), tmp_path / "bomb.parquet")
    with pytest.raises(parquet.NotParquetError, match="unpacks to more than 1,048,576 bytes"):
        parquet.read(tmp_path / "bomb.parquet", 1024**2)


def test_lists_and_records_are_no_cells(tmp_path: Path) -> None:
    arrow.write_table(pa.table({"line": [["a", "b"], ["c"]]}), tmp_path / "t.parquet")
    with pytest.raises(parquet.NotParquetError, match="its column 'line' holds lists or records"):
        parquet.read(tmp_path / "t.parquet", LARGEST)


def test_joined_parts_are_row_groups_with_checksums_of_the_columns_that_were_written(tmp_path: Path) -> None:
    whole = frame(900)
    parts = [tmp_path / f"{start}.parquet" for start in (0, 300, 600)]
    for start, part in zip((0, 300, 600), parts, strict=True):
        parquet.write(whole.iloc[start : start + 300].reset_index(drop=True), part, {b"bdrp": b"part"})
    parquet.join(parts, tmp_path / "t.parquet", {b"bdrp": b"all"})
    table = parquet.read(tmp_path / "t.parquet", LARGEST)
    pd.testing.assert_frame_equal(table.to_pandas(), whole)
    assert table.schema.metadata[b"bdrp"] == b"all" and table.schema == arrow.read_schema(parts[0])
    assert arrow.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3
    damaged = bytearray((tmp_path / "t.parquet").read_bytes())
    damaged[len(damaged) // 3] ^= 1
    (tmp_path / "t.parquet").write_bytes(damaged)
    with pytest.raises(parquet.NotParquetError):
        parquet.read(tmp_path / "t.parquet", LARGEST)
