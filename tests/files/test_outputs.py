"""No result goes over an input, into a model folder, or over what is not an earlier result of its kind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from bdrp.errors import OutputError
from bdrp.files import outputs

MANIFEST = {"format": 1, "method": "ridge", "versions": {}, "files": {"weights.safetensors": "0"}}


def never(_: Path) -> bool:
    return False


def always(_: Path) -> bool:
    return True


def model(place: Path, **changed: object) -> Path:
    place.mkdir()
    (place / "manifest.json").write_text(json.dumps(MANIFEST | changed))
    (place / "weights.safetensors").write_text("")
    return place


def test_a_free_place_and_an_earlier_result_are_taken(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    outputs.guard(
        {tmp_path / "new": never, tmp_path / "deep" / "er": never, tmp_path / "old": always}, [tmp_path / "in"]
    )


@pytest.mark.parametrize("how", ["itself", "./", "..", "link", "hard link", "linked folder", "linked out"])
def test_an_input_is_known_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/p").write_text("mine")
    read, out = Path("in/p"), Path("in/p")
    if how == "./":
        out = Path(f"{os.curdir}/in/{os.curdir}/p").absolute()
    elif how == "..":
        out = Path("in/../in/p")
    elif how == "link":
        read = Path("linked")
        read.symlink_to("in/p")
    elif how == "hard link":
        out = Path("hard")
        out.hardlink_to("in/p")
    elif how == "linked folder":
        Path("elsewhere").symlink_to("in")
        out = Path("elsewhere/p")
    elif how == "linked out":
        out = Path("linked")
        out.symlink_to("in/p")
    with pytest.raises(OutputError, match="an input of the same command.*Choose another out"):
        outputs.guard({out: always}, [read])
    assert Path("in/p").read_text() == "mine"


def test_an_input_in_another_case_is_known_where_the_disk_knows_it(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("")
    if not (tmp_path / "P.CSV").exists():
        pytest.skip("upper and lower case are two files here")
    with pytest.raises(OutputError, match="an input"):
        outputs.guard({tmp_path / "P.CSV": always}, [tmp_path / "p.csv"])


def test_one_refusal_names_everything_in_the_way(tmp_path: Path) -> None:
    for name in ("read", "mine", "yours"):
        (tmp_path / name).write_text("")
    results = {tmp_path / name: never for name in ("read", "mine", "yours", "free")}
    with pytest.raises(OutputError, match=r"read .an input.*mine, .*yours .there is something else") as refusal:
        outputs.guard(results, [tmp_path / "read"])
    assert "free" not in str(refusal.value)


@pytest.mark.parametrize("inside", ["new.parquet", "weights.safetensors", "sub/deeper/new.parquet"])
def test_nothing_goes_into_a_model_folder(tmp_path: Path, inside: str) -> None:
    place = model(tmp_path / "m")
    with pytest.raises(OutputError, match="within the model folder .*m, which holds nothing but the model"):
        outputs.guard({place / inside: always})
    with pytest.raises(OutputError, match="lies in the model folder"):
        outputs.refuse_model(place / inside)
    outputs.refuse_model(place)


def test_a_model_that_is_read_is_a_model_although_it_is_spoilt(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(OutputError, match="within .*m, an input"):
        outputs.guard({tmp_path / "m" / "new": always}, [tmp_path / "m"])


def test_what_cannot_be_read_and_what_is_a_link_is_nobodys_result(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_text("no Parquet")
    (tmp_path / "p.xlsx").write_text("no workbook")
    (tmp_path / "p.csv").write_bytes(b"\xff\xfe")
    own = outputs.has_columns(["a"])
    for name in ("p.parquet", "p.xlsx", "p.csv"):
        with pytest.raises(OutputError, match="there is something else"):
            outputs.guard({tmp_path / name: own})
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="a link"):
        outputs.guard({tmp_path / "link": always})


def test_tables_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for path in tmp_path.iterdir():
        assert outputs.has_columns("ab")(path)
        assert not outputs.has_columns("abc")(path)
        assert not outputs.has_columns("a", foreign="b")(path)


def test_a_folder_is_not_written_over_an_input_that_lies_in_it(tmp_path: Path) -> None:
    place = model(tmp_path / "m")
    outputs.guard_folder(place, [tmp_path / "elsewhere"])
    for read in (place, place / "weights.safetensors", tmp_path / "m" / ".." / "m" / "weights.safetensors"):
        with pytest.raises(OutputError, match="is an input of the same command and would be lost"):
            outputs.guard_folder(place, [read])


@pytest.mark.parametrize("changed", [{"method": None}, {"files": []}, {"files": None}])
def test_only_a_manifest_of_a_model_makes_a_folder_a_model(tmp_path: Path, changed: dict[str, object]) -> None:
    assert outputs.sealed_names(model(tmp_path / "m")) == {"manifest.json", "weights.safetensors"}
    assert (outputs.sealed_names(model(tmp_path / "other", **changed)) is None) == ("files" in changed)
    (tmp_path / "app").mkdir()
    for text in ('{"name": "my web app"}', "[" * 100_000, "", "3"):
        (tmp_path / "app" / "manifest.json").write_text(text)
        assert outputs.sealed_names(tmp_path / "app") is None


@pytest.mark.parametrize("name", ["thesis.txt", ".git", ".part-0.parquet", "sub"])
def test_a_folder_that_is_made_again_is_refused_while_anything_else_lies_in_it(tmp_path: Path, name: str) -> None:
    for own in ("plan.json", "part-1.parquet", ".part-1.parquet.0-1.part.parquet"):
        (tmp_path / own).touch()
    outputs.refuse_foreign(tmp_path, ("plan.json", "part-*.parquet"))
    outputs.refuse_foreign(tmp_path / "nowhere", ())
    (tmp_path / name).mkdir() if name == "sub" else (tmp_path / name).touch()
    with pytest.raises(OutputError, match=f"what would be lost: {name}. Only"):
        outputs.refuse_foreign(tmp_path, ("plan.json", "part-*.parquet"))


def test_a_link_under_an_own_name_is_not_ones_own(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "plan.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(OutputError, match=r"plan\.json"):
        outputs.refuse_foreign(tmp_path / "made", ("plan.json",))
