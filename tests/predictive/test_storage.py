from __future__ import annotations

import errno
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyarrow import parquet

from bdrp.errors import DataError, OutputError
from bdrp.predictive import Normal, Predictions, PredictiveDistribution, Remapped, Shaped, StudentT, load
from bdrp.predictive.level_map import LevelMap, LevelMaps

KNOTS = [0.05, 0.25, 0.5, 0.75, 0.95], [0.1, 0.2, 0.55, 0.7, 0.9]


def student_t(base, dof=4.2):
    return StudentT(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, dof, unit=base.unit)


def shaped(base):
    shape = LevelMap((0.02, 0.3, 0.5, 0.8, 0.99), (0.05, 0.25, 0.6, 0.85, 0.97))
    return Shaped(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, shape, unit=base.unit)


MAPS = LevelMaps(LevelMap(*map(tuple, KNOTS)), "drug_id", (LevelMap((0.1, 0.9), (0.2, 0.85)),), {"D1": 0, "D3": 0})

FAMILIES = {
    "normal": lambda base: base,
    "student_t": student_t,
    "shaped": shaped,
    "remapped": lambda base: Remapped(base, *KNOTS),
    "remapped_shaped": lambda base: Remapped(shaped(base), *KNOTS),
    "remapped_student_t": lambda base: Remapped(student_t(base), *KNOTS),
    "remapped_by_drug": lambda base: Remapped.by_group(base, MAPS),
}


@pytest.fixture(params=FAMILIES)
def pred(request, make_normal):
    return FAMILIES[request.param](make_normal())


def rewrite(path, change=lambda frame: frame, header=lambda header: header):
    """Spoil a saved file: its table, its metadata, or both."""
    table = parquet.read_table(path)
    note = header(json.loads(table.schema.metadata[b"bdrp"]))
    spoiled = pa.Table.from_pandas(change(table.to_pandas()), preserve_index=False)
    parquet.write_table(spoiled.replace_schema_metadata({b"bdrp": json.dumps(note).encode()}), path)


def assert_same(one, other):
    y = one.mean + 0.3
    assert type(one) is type(other)
    assert (one.measure, one.unit) == (other.measure, other.unit)
    assert one.to_frame().equals(other.to_frame())
    for answer in ("cdf", "log_prob", "crps"):
        np.testing.assert_array_equal(getattr(one, answer)(y), getattr(other, answer)(y))
    np.testing.assert_array_equal(one.sample(3, 0), other.sample(3, 0))


def test_what_is_loaded_answers_bit_for_bit_as_what_was_saved(pred, tmp_path):
    pred.save(tmp_path / "deep" / "p.parquet")
    assert_same(pred, load(tmp_path / "deep" / "p.parquet"))
    assert_same(pred, PredictiveDistribution.load(str(tmp_path / "deep" / "p.parquet")))


@given(
    moments=hnp.arrays(np.float64, (3, 4), elements=st.floats(1e-3, 1e3)),
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=4, max_size=4),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_and_names_survive_the_round_trip(moments, names, tmp_path):
    keys = pd.DataFrame({"cell_line_id": names, "drug_id": names[::-1]})
    pred = Normal(keys, "auc_fraction", *moments)
    for saved in (make(pred) for make in FAMILIES.values()):
        saved.save(tmp_path / "p.parquet")
        assert_same(saved, load(tmp_path / "p.parquet"))


def test_measure_and_unit_stand_in_the_files_metadata(pred, tmp_path):
    pred.save(tmp_path / "p.parquet")
    header = json.loads(parquet.read_schema(tmp_path / "p.parquet").metadata[b"bdrp"])
    assert (header["measure"], header["unit"], header["family"]) == ("ln_ic50_um", "ln(µM)", pred.family)


def test_context_columns_stand_behind_and_are_ignored_on_loading(pred, tmp_path):
    context = pd.DataFrame({"drug_name": ["x"] * 50}, index=range(100, 150))
    pred.save(tmp_path / "p.parquet", context)
    assert list(pd.read_parquet(tmp_path / "p.parquet").columns)[-2:] == ["q95", "drug_name"]
    assert_same(pred, load(tmp_path / "p.parquet"))


def test_context_that_does_not_fit_is_refused(pred, tmp_path):
    with pytest.raises(DataError, match="names already taken: mean"):
        pred.save(tmp_path / "p.parquet", pd.DataFrame({"mean": np.zeros(50)}))
    with pytest.raises(DataError, match="3 rows for 50 pairs"):
        pred.save(tmp_path / "p.parquet", pd.DataFrame({"new": np.zeros(3)}))


@pytest.mark.parametrize(
    ("change", "header", "message"),
    [
        (lambda f: f.drop(columns=["q05", "mean"]), dict, "the columns mean, q05 are missing"),
        (lambda f: f.assign(mean=f["mean"].where(f.index != 3)), dict, r"non-finite values among 50 \(rows 3\)"),
        (lambda f: f.assign(aleatoric_std=-1.0), dict, "aleatoric SD is negative"),
        (lambda f: f.assign(q50=f["q50"] + 0.1), dict, "column q50 contradicts"),
        (lambda f: f.assign(mean="high"), dict, "its content is not usable"),
        (lambda f: f, lambda h: h | {"format": 2}, "this version reads format 1"),
        (lambda f: f, lambda h: h | {"family": "student"}, "family must be one of normal, student_t, shaped, remapped"),
        (lambda f: f, lambda h: h | {"measure": None}, "metadata"),
        (lambda f: f, lambda h: h | {"family": "remapped", "shape": {}}, "its content is not usable"),
        (lambda f: f, lambda h: [], "metadata"),
    ],
)
def test_altered_files_are_refused(make_normal, tmp_path, change, header, message):
    path = tmp_path / "p.parquet"
    make_normal().save(path)
    rewrite(path, change, header)
    with pytest.raises(DataError, match=message):
        load(path)


@pytest.mark.parametrize("dof", [float("nan"), float("inf"), 2.0, -3, "many", None, True, [4.2]])
def test_forged_degrees_of_freedom_are_refused(make_normal, tmp_path, dof):
    path = tmp_path / "p.parquet"
    student_t(make_normal()).save(path)
    rewrite(path, header=lambda h: h | {"shape": {"dof": dof}})
    with pytest.raises(DataError, match="its content is not usable: A Student-t's degrees of freedom are|it holds"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"members": {"D1": 4}},
        {"members": ["D1"]},
        {"members": {"D1": "0"}},
        {"by": "tissue"},
        {"by": ["drug_id"]},
        {"groups": [{}]},
        {"groups": 3},
        {"groups": [{"levels": [0.1], "remapped": [0.2]}]},
        {"base": {"family": "remapped", "shape": {}}},
        {"base": None},
        {"base": {"family": "student_t", "shape": {}}},
    ],
)
def test_forged_maps_by_group_are_refused(make_normal, tmp_path, change):
    path = tmp_path / "p.parquet"
    FAMILIES["remapped_by_drug"](make_normal()).save(path)
    rewrite(path, header=lambda h: h | {"shape": h["shape"] | change})
    with pytest.raises(DataError, match="its content is not usable"):
        load(path)


def test_remapped_files_from_before_there_were_other_bases_are_read(make_normal, tmp_path):
    path, pred = tmp_path / "p.parquet", Remapped(make_normal(), *KNOTS)
    pred.save(path)
    rewrite(path, header=lambda h: h | {"shape": {k: h["shape"][k] for k in ("levels", "remapped")}})
    assert_same(pred, load(path))


@pytest.mark.parametrize(
    "shape",
    [{}, None, [], {"levels": [0.2, 0.1], "remapped": [0.1, 0.2]}, {"levels": [0.1, 0.9], "remapped": [0.1, 0.8]}],
)
def test_shapes_that_are_missing_or_others_are_refused(make_normal, tmp_path, shape):
    path = tmp_path / "p.parquet"
    shaped(make_normal()).save(path)
    rewrite(path, header=lambda h: h | {"shape": shape})
    with pytest.raises(DataError, match=r"its content is not usable|contradicts the moments"):
        load(path)


@pytest.mark.parametrize("shape", [{}, None, [], {"dof": 9.0}])
def test_degrees_of_freedom_that_are_missing_or_others_are_refused(make_normal, tmp_path, shape):
    path = tmp_path / "p.parquet"
    student_t(make_normal()).save(path)
    rewrite(path, header=lambda h: h | {"shape": shape})
    with pytest.raises(DataError, match=r"its content is not usable|contradicts the moments"):
        load(path)


def test_foreign_files_are_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(DataError, match="without bdrp's metadata"):
        load(tmp_path / "foreign.parquet")
    (tmp_path / "text.parquet").write_text("cell_line_id,drug_id")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load(tmp_path / "text.parquet")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match="Seen: nothing"):
        load(tmp_path / "no.parquet")
    with pytest.raises(DataError, match="Seen: a folder"):
        load(tmp_path)


def test_a_truncated_file_is_refused(pred, tmp_path):
    path = tmp_path / "p.parquet"
    pred.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load(path)


def test_a_place_that_cannot_be_written_to_is_an_output_error(pred, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"):
        pred.save(tmp_path / "file" / "p.parquet")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_leaves_the_old_file_and_no_debris(pred, tmp_path, monkeypatch, number):
    path = tmp_path / "p.parquet"
    pred.save(path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(parquet, "write_table", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        pred[:3].save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["p.parquet"]


def test_predictions_are_not_written_over_a_folder(tmp_path):
    pred = Normal(pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]}), "ln_ic50_um", [0.0], [1.0], [1.0])
    with pytest.raises(OutputError, match="a folder stands there"):
        pred.save(tmp_path)


def test_predictions_come_back_with_their_context(make_normal, tmp_path):
    context = pd.DataFrame({"drug_similarity": [0.1, np.nan, 1.0, 0.5], "tissue": ["lung", "", "skin", "ünknown"]})
    predictions = Predictions(make_normal()[:4], context)
    predictions.save(tmp_path / "p.parquet")
    again = Predictions.load(tmp_path / "p.parquet")
    assert again.distribution.to_frame().equals(predictions.distribution.to_frame())
    pd.testing.assert_frame_equal(again.context, context)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_copy_to_look_at_holds_the_same_numbers_and_is_not_read(tmp_path, suffix):
    keys = pd.DataFrame({"cell_line_id": ["=a", "b"], "drug_id": ["c", "d"]})
    pred = Normal(keys, "ln_ic50_um", [0.1, -0.2], [1.0, 2.0], [1.0, 0.5])
    pred.save(tmp_path / f"p{suffix}")
    read = pd.read_csv(tmp_path / "p.csv") if suffix == ".csv" else pd.read_excel(tmp_path / "p.xlsx")
    assert read["cell_line_id"].tolist() == ["'=a", "b"]
    pd.testing.assert_frame_equal(read.iloc[:, 2:], pred.to_frame().iloc[:, 2:], rtol=1e-12)
    with pytest.raises(DataError, match="a copy to look at"):
        load(tmp_path / f"p{suffix}")
    pred.save(tmp_path / f"p{suffix}")  # an earlier copy is replaced


def test_a_copy_to_look_at_says_concentrations_and_a_table_for_programs_does_not(tmp_path):
    keys = pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["c"]})
    pred = Normal(keys, "ln_ic50_um", [-1.6903279808], [1.0], [1.0], unit="ln(µM)")
    pred.save(tmp_path / "p.csv")
    pred.save(tmp_path / "p.parquet")
    read = pd.read_csv(tmp_path / "p.csv")
    assert list(read)[2:6] == ["predicted_um", "low_um", "high_um", "mean"] and read["mean"][0] == -1.6903279808
    assert read[["predicted_um", "low_um", "high_um"]].to_numpy().tolist() == [[0.184, 0.018, 1.89]]
    assert list(pd.read_parquet(tmp_path / "p.parquet")) == list(pred.to_frame())


def test_a_name_that_is_too_long_is_an_output_error(tmp_path):
    pred = Normal(pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]}), "ln_ic50_um", [0.0], [1.0], [1.0])
    with pytest.raises(OutputError, match="File name too long"):
        pred.save(tmp_path / f"{'p' * 260}.parquet")


def test_an_unknown_suffix_and_another_table_are_refused(tmp_path):
    pred = Normal(pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]}), "ln_ic50_um", [0.0], [1.0], [1.0])
    with pytest.raises(OutputError, match=r"cannot be written as '.txt'.*Allowed are .parquet, .csv, .xlsx"):
        pred.save(tmp_path / "p.txt")
    for name in ("drugs.csv", "drugs.parquet"):
        (tmp_path / name).write_text("drug_id,smiles\na,C\n")
        with pytest.raises(OutputError, match=f"{name} .there is something else"):
            pred.save(tmp_path / name)
        assert (tmp_path / name).read_text() == "drug_id,smiles\na,C\n"
