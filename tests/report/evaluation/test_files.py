from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdrp.errors import OutputError
from bdrp.files.strict_json import parse, plain, text
from bdrp.report.words import printable

MARKED = '<meta name="generator" content="bdrp"><p>page</p>'


@pytest.fixture
def quick_page(monkeypatch):
    """A page that takes no time, for tests of the files."""
    monkeypatch.setattr("bdrp.report.evaluation.page.render_page", lambda *_, **__: MARKED)


def test_a_folder_that_may_not_be_written_is_refused_by_name(case, quick_page, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(OutputError, match=r"report could not be written to .*Permission denied.*Choose another place"):
        case.write(tmp_path)


def test_a_full_disk_leaves_the_old_report_whole_and_no_rest(case, quick_page, tmp_path, monkeypatch):
    case.write(tmp_path)
    (tmp_path / "report.html").unlink()
    old = (tmp_path / "scores.json").read_bytes()

    def refuse(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match="No space left on device.*Free some space"):
        case.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
    assert (tmp_path / "scores.json").read_bytes() == old


@pytest.mark.parametrize(("name", "mine"), [("scores.json", '{"point": 3}'), ("report.html", "<html>my thesis</html>")])
def test_what_is_no_report_is_not_replaced_and_a_report_is(case, quick_page, tmp_path, name, mine):
    case.write(tmp_path)
    case.write(tmp_path)
    (tmp_path / name).write_text(mine)
    with pytest.raises(OutputError, match=f"{name} .there is something else"):
        case.write(tmp_path)
    assert (tmp_path / name).read_text() == mine


def test_a_file_where_the_folder_should_be_is_refused(case, quick_page, tmp_path):
    (tmp_path / "taken").write_text("")
    for out in ("taken", "taken/below"):
        with pytest.raises(OutputError, match="A file stands where"):
            case.write(tmp_path / out)


def test_numbers_of_numpy_in_a_card_become_plain_json(case, quick_page, tmp_path):
    card = {"options": {"rate": np.float32(0.5), "steps": np.int64(7), "limits": np.array([1.0, np.nan]), "on": True}}
    case.write(tmp_path, model_card=card)
    assert json.loads((tmp_path / "scores.json").read_text())["model"]["options"] == {
        "rate": 0.5,
        "steps": 7,
        "limits": [1.0, None],
        "on": True,
    }


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(values, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
def test_anything_becomes_strict_json(value):
    found = plain(value, key=printable, other=str)
    assert parse(text(found).encode(), "it") == found
