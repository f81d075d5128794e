"""Folders that are incomplete, altered, foreign or forged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from bdrp.errors import ModelFolderError, OutputError
from bdrp.files import sealed_folder, strict_json
from bdrp.fitted.model import TrainedModel

FILES = [
    "calibration.json",
    "features.safetensors",
    "held_out.parquet",
    "held_out_predictions.parquet",
    "held_out_uncalibrated.parquet",
    "keys.json",
    "posterior.json",
    "posterior_rows.parquet",
    "weights.safetensors",
]

Spoil = Callable[[Path, str, Callable[[Any], Any]], None]


def refused(model: Path, what: str) -> None:
    with pytest.raises(ModelFolderError, match=what) as refusal:
        TrainedModel.load(model)
    assert len(str(refusal.value)) < 1500


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    refused(model_folder, f"{name} is missing. Restore it")


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_named(model_folder: Path, name: str) -> None:
    content = bytearray((model_folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (model_folder / name).write_bytes(content)
    refused(model_folder, f"{name} was altered. Its checksum differs")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named(model_folder: Path, name: str) -> None:
    content = (model_folder / name).read_bytes()
    (model_folder / name).write_bytes(content[: len(content) // 2])
    refused(model_folder, f"{name} was altered")


def test_a_foreign_file_is_named(model_folder: Path) -> None:
    (model_folder / "notes.txt").write_text("mine")
    (model_folder / "more").mkdir()
    refused(model_folder, r"more, notes.txt is foreign. Only what `bdrp fit` wrote")


def test_what_a_file_manager_hides_there_is_not_foreign(model_folder: Path) -> None:
    (model_folder / ".DS_Store").write_text("")
    assert TrainedModel.load(model_folder).manifest["method"] == "last_layer"


@pytest.mark.parametrize("how", ["link", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused(model_folder: Path, tmp_path: Path, how: str) -> None:
    weights, elsewhere = model_folder / "weights.safetensors", tmp_path / "elsewhere"
    shutil.move(weights, elsewhere)
    if how == "link":
        weights.symlink_to(elsewhere)
    elif how == "folder":
        weights.mkdir()
    else:
        os.mkfifo(weights)
    refused(model_folder, "weights.safetensors was altered")


def test_a_manifest_that_is_a_link_is_refused(model_folder: Path, tmp_path: Path) -> None:
    shutil.move(model_folder / "manifest.json", tmp_path / "manifest.json")
    (model_folder / "manifest.json").symlink_to(tmp_path / "manifest.json")
    refused(model_folder, "manifest.json is a link")


def test_a_flipped_bit_of_the_manifest_is_refused_wherever_it_is(model_folder: Path) -> None:
    path = model_folder / "manifest.json"
    content = path.read_bytes()
    named = content.index(b'"digest"'), content.index(b'"format"'), content.index(b'"centre"')
    places = [*(at + offset for at in named for offset in range(12)), *range(0, len(content), len(content) // 24)]
    for count, place in enumerate(places):
        flipped = bytearray(content)
        flipped[place] ^= 1 << count % 8
        path.write_bytes(flipped)
        with pytest.raises(ModelFolderError, match="manifest.json"):
            sealed_folder.opened(model_folder)
    path.write_bytes(content)
    assert sealed_folder.opened(model_folder)["method"] == "last_layer"


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest.update(centre=manifest["centre"] + 1e-9),
        lambda manifest: manifest.update(spread=manifest["spread"] * 2),
        lambda manifest: manifest.update(unit="ln nM"),
        lambda manifest: manifest["options"].update(width=17),
        lambda manifest: manifest["versions"].update(bdrp="0.0.9"),
        lambda manifest: manifest.update(seed=True),
        lambda manifest: manifest.update(note="mine"),
        lambda manifest: manifest.update(digest="0" * 64),
        lambda manifest: manifest.update(digest=None),
        lambda manifest: manifest.update(digest=manifest["digest"].upper()),
        lambda manifest: manifest.update(method=manifest.pop("method")),
    ],
)
def test_an_edited_manifest_is_refused(model_folder: Path, edit: Callable[[Any], Any]) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    edit(manifest)
    strict_json.write(model_folder / "manifest.json", manifest)
    refused(model_folder, "manifest.json was altered. Its digest differs from what it holds")


def test_a_manifest_without_its_digest_passes_for_no_earlier_one(model_folder: Path) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    strict_json.write(model_folder / "manifest.json", {k: v for k, v in manifest.items() if k != "digest"})
    refused(model_folder, "manifest.json was altered")
    strict_json.write(model_folder / "manifest.json", manifest | {"format": 1})
    refused(model_folder, "manifest.json was altered")


def test_a_folder_of_an_earlier_version_has_no_digest_and_is_read(model_folder: Path) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    earlier = {key: value for key, value in manifest.items() if key != "digest"} | {"format": 1}
    strict_json.write(model_folder / "manifest.json", earlier)
    assert TrainedModel.load(model_folder).manifest["method"] == "last_layer"


def test_the_digest_is_what_the_page_says_it_is(model_folder: Path) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    digest = manifest.pop("digest")
    whole = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    assert hashlib.sha256(whole.encode()).hexdigest() == digest


def test_an_earlier_model_that_is_saved_again_is_sealed_as_any(model_folder: Path, tmp_path: Path) -> None:
    model = TrainedModel.load(model_folder)
    with sealed_folder.writing(tmp_path / "again", overwrite=False) as place:
        place.joinpath("a").write_text("")
        sealed_folder.seal(place, dict(model.manifest) | {"format": 1})
    again = sealed_folder.opened(tmp_path / "again")
    assert (again["format"], list(again["files"])) == (2, ["a"])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "seen nothing"),
        (lambda path: path.write_text(""), "seen a file"),
        (lambda path: path.mkdir(), "seen a folder without manifest.json"),
    ],
)
def test_what_is_no_model_folder_is_told_apart(tmp_path: Path, make: Any, what: str) -> None:
    make(tmp_path / "m")
    refused(tmp_path / "m", f"There is no bdrp model at .*{what}")


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "3", "[]", "{}", '"x"', "[" * 100_000, "\x00", '{"format": 1}', '{"format": 1, "files": 3}'],
)
def test_a_manifest_that_is_none_is_refused(model_folder: Path, text: str) -> None:
    (model_folder / "manifest.json").write_text(text)
    refused(model_folder, "manifest.json is")


def test_a_manifest_that_is_no_text_is_refused(model_folder: Path) -> None:
    (model_folder / "manifest.json").write_bytes(b"\xff\xfe\x00")
    refused(model_folder, "manifest.json is not readable JSON")


@pytest.mark.parametrize("form", [4, 0, "1", None, 1.5, True])
def test_another_format_is_refused_with_both_named(model_folder: Path, spoil: Spoil, form: Any) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest.update(format=form, versions=None))
    refused(model_folder, f"of format {form!r}; this version reads format 2, and 1 of earlier versions")


@pytest.mark.parametrize("name", ["../keys.json", "/etc/passwd", "a/b", "", ".", ".."])
def test_names_in_the_manifest_do_not_lead_out_of_the_folder(model_folder: Path, spoil: Spoil, name: str) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest["files"].update({name: "0" * 64}))
    refused(model_folder, "is missing")


@pytest.mark.parametrize("value", [None, 3, [], "not a plain file"])
def test_checksums_of_another_kind_are_refused(model_folder: Path, spoil: Spoil, value: Any) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest["files"].update({"keys.json": value}))
    refused(model_folder, "keys.json was altered")


@pytest.mark.parametrize("field", ["measure", "method", "options", "centre", "spread"])
def test_a_manifest_that_lacks_something_is_refused_by_name(model_folder: Path, spoil: Spoil, field: str) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest.pop(field) and None)
    refused(model_folder, "does not hold together: its manifest must contain")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("measure", "ic50", "The model's measure is 'ic50'; this version knows ln_ic50_um"),
        ("measure", [1], "does not hold together"),
        ("method", "magic", "There is no method 'magic'"),
        ("method", None, "its manifest.method is 'None'"),
        ("method", "../training", "There is no method"),
        ("options", None, "its manifest.options is 'None'"),
        ("options", [1], "does not hold together"),
        ("options", {"width": 10**9}, "weights do not fit"),
        ("options", {"width": 10**18, "hidden": 10**18}, "weights do not fit"),
        ("options", {"width": 10**30}, "too large a number"),
        ("options", {"programmes": 10**9, "heads": 10**9}, "weights do not fit"),
        ("options", {"width": -1}, "width is -1"),
        ("options", {"width": float("nan")}, "it holds NaN"),
        ("options", {"width": "sixteen"}, "wrong kind"),
        ("options", {"colour": "red"}, "no option colour"),
        ("centre", float("nan"), "it holds NaN"),
        ("centre", "x", "does not hold together"),
        ("spread", float("inf"), "it holds Infinity"),
        ("spread", 0, "cannot be"),
        ("spread", -1.5, "cannot be"),
        ("spread", 10**400, "too large a number"),
        ("spread", None, "does not hold together"),
    ],
)
def test_a_forged_manifest_is_refused(model_folder: Path, spoil: Spoil, field: str, value: Any, what: str) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest.update({field: value}))
    refused(model_folder, what)


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys.pop("genes") and None,
        lambda keys: keys["genes"].pop() and None,
        lambda keys: keys.update(genes=3),
        lambda keys: keys["compounds"].append("x"),
        lambda keys: keys["lines"].pop() and None,
        lambda keys: keys["drug_ids"].append("x"),
        lambda keys: keys["drug_names"].pop() and None,
        lambda keys: keys.update(drug_ids=[], drug_names=[]),
        lambda keys: keys.update(limits={"D001": [1, 2, 3]}),
        lambda keys: keys.update(limits={"D001": ["a", "b"]}),
        lambda keys: keys.update(limits=[1]),
        lambda keys: [],
    ],
)
def test_forged_keys_are_refused(model_folder: Path, spoil: Spoil, change: Any) -> None:
    spoil(model_folder, "keys.json", change)
    refused(model_folder, "does not hold together|do not fit|Fit again")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(kind="magic"),
        lambda content: content.pop("kind") and None,
        lambda content: content.update(version=99),
        lambda content: [],
        lambda content: content.update(pairs="many"),
    ],
)
def test_a_forged_calibration_is_refused(model_folder: Path, spoil: Spoil, change: Any) -> None:
    spoil(model_folder, "calibration.json", change)
    refused(model_folder, "does not hold together|recalibration|calibration")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("figures") and None,
        lambda content: content.update(statistics=[]),
        lambda content: content["figures"].update(draws="many"),
        lambda content: content["figures"].update(rows=3),
        lambda content: content["figures"].update(rows=None),
        lambda content: content["figures"].update(colour=1),
        lambda content: content["statistics"][0].update(lower=None),
        lambda content: content["densities"][0].update(upper="high"),
        lambda content: content["densities"].append([1, 2]),
        lambda content: [],
    ],
)
def test_a_forged_check_of_the_posterior_is_refused(model_folder: Path, spoil: Spoil, change: Any) -> None:
    spoil(model_folder, "posterior.json", change)
    refused(model_folder, "does not hold together")


@pytest.mark.parametrize("name", ["features.safetensors", "weights.safetensors"])
@pytest.mark.parametrize("how", ["nan", "lost", "flat", "empty"])
def test_forged_tensors_are_refused(model_folder: Path, name: str, how: str) -> None:
    tensors = load_file(model_folder / name)
    floats = [key for key, value in tensors.items() if value.is_floating_point() and value.numel()]
    if how == "nan":
        tensors[floats[0]] = tensors[floats[0]] * torch.nan
    elif how == "lost":
        del tensors[floats[0]]
    elif how == "flat":
        tensors = {key: value.flatten()[:1] for key, value in tensors.items()}
    else:
        tensors = {}
    manifest = json.loads((model_folder / "manifest.json").read_text())
    save_file(tensors, model_folder / name)
    resealed(model_folder, manifest)
    refused(model_folder, "not finite|does not hold together|do not fit|Fit again")


def resealed(model: Path, manifest: dict[str, Any]) -> None:
    (model / "manifest.json").unlink()
    sealed_folder.seal(model, manifest)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04}q\x00.", b"PAR1"])
def test_files_that_are_something_else_are_refused(model_folder: Path, name: str, content: bytes) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    (model_folder / name).write_bytes(content)
    resealed(model_folder, manifest)
    with pytest.raises(ModelFolderError):
        TrainedModel.load(model_folder)


def test_a_held_out_part_of_other_pairs_is_refused(model_folder: Path) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    path = model_folder / "held_out.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
    resealed(model_folder, manifest)
    refused(model_folder, "held")


@pytest.mark.parametrize("name", ["notes.txt", ".DS_Store", "more/", "weights.safetensors/"])
def test_a_model_beside_which_something_else_lies_is_not_replaced_and_it_is_named(
    model_folder: Path, name: str
) -> None:
    place = model_folder / name.rstrip("/")
    if name.endswith("/"):
        place.unlink(missing_ok=True)
        place.mkdir()
    else:
        place.write_text("mine")
    with pytest.raises(OutputError, match=f"is not replaced: beside the model lie {place.name}, which are not"):
        sealed_folder.check_free(model_folder, overwrite=True)


def test_a_folder_with_another_manifest_is_not_replaced_and_what_lies_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "my web app"}')
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds no bdrp model.*In it lie manifest.json, thesis.txt. Choose"):
        sealed_folder.check_free(tmp_path, overwrite=True)


def test_a_model_that_was_altered_or_lost_a_file_may_be_replaced(model_folder: Path) -> None:
    (model_folder / "weights.safetensors").write_bytes(b"")
    (model_folder / "keys.json").unlink()
    sealed_folder.check_free(model_folder, overwrite=True)
    with pytest.raises(OutputError, match="is not empty"):
        sealed_folder.check_free(model_folder, overwrite=False)
    with pytest.raises(OutputError, match="lies in the model folder"):
        sealed_folder.check_free(model_folder / "inner", overwrite=True)


def test_nothing_in_a_folder_is_a_pickle(model_folder: Path) -> None:
    for path in model_folder.iterdir():
        start = path.read_bytes()[:9]
        if path.suffix == ".safetensors":  # eight bytes of the header's length, of which the first may be a pickle's
            assert start[8:] == b"{"
            continue
        assert start.startswith(b"PAR1") or path.suffix in (".json", ".md")
        assert not start.startswith(b"\x80")


def test_a_folder_that_may_not_be_read_is_told(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(ModelFolderError, match="cannot be read: Permission denied"):
        TrainedModel.load(model_folder)


def test_loading_changes_nothing_global(model_folder: Path) -> None:
    state = torch.random.get_rng_state()
    TrainedModel.load(str(model_folder))
    assert torch.equal(state, torch.random.get_rng_state())
