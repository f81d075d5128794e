from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pandas as pd
import pytest

from bdrp.errors import DataError, OutputError
from bdrp.files import sealed_json
from bdrp.report.comparison.export import export
from bdrp.report.comparison.verdict import find_verdicts
from bdrp.report.html.table import Column, Table, columns_of
from bdrp.report.tex import write_table
from bdrp.studies.saved_comparison import load_results

TABLES = ("runs", "metrics", "intervals", "evidence", "tests", "risk")


def test_a_verdict_is_the_lowest_value_and_what_evidence_says_of_each_other(found, hostile_name):
    (crps,) = [each for each in find_verdicts(found) if (each.split, each.metric) == ("pair", "crps")]
    assert (crps.method, crps.value, crps.lower, crps.upper, crps.unit) == ("ridge", 0.5, 0.45, 0.55, "ln(µM)")
    assert crps.apart_from == ("mean_effects",)  # "worse on both" of mean_effects beside ridge
    assert crps.not_apart_from == (hostile_name,)
    assert crps.evidence == f"not told apart from {hostile_name}"


def test_evidence_counts_whichever_of_two_methods_stands_first(found):
    turned = found.evidence.rename(columns={"method": "other", "other": "method"})
    turned["evidence"] = turned["evidence"].replace("worse on both", "better on both")
    for results in (found, replace(found, evidence=turned)):
        assert {each.apart_from for each in find_verdicts(results) if each.metric == "crps"} == {("mean_effects",)}


def test_one_method_alone_is_told_apart_from_none(found):
    mine = found.intervals[found.intervals["method"] == "ridge"]
    alone = replace(found, intervals=mine, evidence=pd.DataFrame())
    assert {each.evidence for each in find_verdicts(alone)} == {"the only method"}
    assert find_verdicts(replace(found, intervals=pd.DataFrame())) == []


def test_results_that_were_saved_are_read_back(found, tmp_path):
    found.save(tmp_path)
    again = load_results(tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name), check_dtype=False, check_like=True)
    assert (again.notes, again.screen) == (found.notes, found.screen)
    for one, other in zip(again.ranks, found.ranks, strict=True):
        pd.testing.assert_frame_equal(one.ranks, other.ranks)
        assert (one.metric, one.split, one.distance, one.blocks) == (other.metric, other.split, 0.5, 12)
    assert find_verdicts(again) == find_verdicts(found)


def test_a_folder_without_a_finished_comparison_is_refused_with_what_to_do(found, tmp_path):
    with pytest.raises(DataError, match="no finished comparison in .*: seen nothing. .* Run the same `bdrp compare`"):
        load_results(tmp_path / "nowhere")
    found.save(tmp_path)
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(DataError, match=r"comparison\.json was altered"):
        load_results(tmp_path)
    sealed_json.write(tmp_path / "comparison.json", {})
    with pytest.raises(DataError, match=r"seen a comparison\.json without bdrp, notes"):
        load_results(tmp_path)
    (tmp_path / "comparison.json").unlink()
    with pytest.raises(DataError, match=r"seen a folder without comparison\.json"):
        load_results(tmp_path)


@pytest.mark.parametrize("how", ["digit", "table of another"])
def test_a_comparison_that_was_altered_is_not_exported(found, tmp_path, how):
    found.save(tmp_path)
    if how == "digit":
        path = tmp_path / "comparison.json"
        path.write_text(path.read_text().replace("0.5", "0.4", 1))
    else:
        replace(found, metrics=found.metrics.assign(value=1.0)).save(tmp_path / "other")
        (tmp_path / "other" / "figures.parquet").replace(tmp_path / "figures.parquet")
    with pytest.raises(DataError, match=r"altered|not written with the tables beside it"):
        load_results(tmp_path)


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    """The same results twice, the second time without titles."""
    folder = tmp_path_factory.mktemp("export")
    return [
        {path.name: path for path in export(made, folder / name, titles=t)} for name, t in (("a", True), ("b", False))
    ]


def test_every_table_and_figure_is_a_file(exported):
    with_titles, _ = exported
    kinds = pd.Series([name.rpartition(".")[2] for name in with_titles]).value_counts()
    assert kinds.to_dict() == {"csv": 7, "tex": 8, "svg": 7, "pdf": 7, "json": 1}
    assert {name[:-4] for name in with_titles if name.endswith(".svg")} == {
        name[:-4] for name in with_titles if name.endswith(".pdf")
    }


def test_csv_holds_every_digit_and_tex_what_the_page_shows(exported, made):
    metrics = pd.read_csv(exported[0]["metrics.csv"])
    assert metrics["value"].tolist() == made.intervals["value"].tolist()
    assert list(metrics) == ["split", "method", "metric", "value", "lower", "upper"]
    tex = exported[0]["metrics-by-cell-line.tex"].read_text()
    assert r"ridge & 1.000 (0.950 to 1.050) & 1.500 (1.450 to 1.550) & 0.500 (0.450 to 0.550)" in tex
    assert [tex.count(rf"\{rule}") for rule in ("toprule", "midrule", "bottomrule")] == [1, 1, 1]


def test_hostile_names_are_text_in_every_file(exported):
    for path in exported[0].values():
        if path.suffix == ".tex":
            body = re.sub(r"(?m)^%.*\n|^ *\\begin.tabular.*\n", "", path.read_text(encoding="utf-8"))
            bare = re.sub(r"\\[a-z]+(\{[a-z]+\}|\{\})?|\\[&%$#_{},\\]", "", body)
            assert not set("#%^~<>|`") & set(bare.replace("``", "")) and body.isprintable() is False
            assert "\x00" not in body and "\x1b" not in body
        if path.suffix == ".svg":
            assert "<script" not in path.read_text(encoding="utf-8")
    assert r"\$x\textasciicircum{}2\$" in exported[0]["metrics-by-cell-line.tex"].read_text(encoding="utf-8")


def test_titles_are_left_out_where_they_are_not_wanted(exported):
    with_titles, without = (
        {name: path.read_text() for name, path in each.items() if name.endswith(".svg")} for each in exported
    )
    claims = "CRPS over the methods"
    drawn = re.compile(rf"<text[^>]*>[^<]*{claims}")
    assert drawn.search(with_titles["crps-by-method.svg"]) and not drawn.search(without["crps-by-method.svg"])
    for name in with_titles:
        tall, low = (float(re.search(r'height="([\d.]+)pt"', each[name])[1]) for each in (with_titles, without))
        assert low < tall


def test_pdf_embeds_its_fonts_and_bears_no_date(exported):
    for path in exported[0].values():
        if path.suffix == ".pdf":
            content = path.read_bytes()
            assert b"/Type3" not in content and b"CreationDate" not in content


def test_the_same_results_make_the_same_bytes_over_an_earlier_export(made, exported):
    out = exported[0]["export.json"].parent
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    export(made, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert json.loads(before["export.json"])["titles"] is True


def test_a_folder_with_anything_else_is_left_as_it_is(found, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="it holds files that no export wrote"):
        export(found, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_export_that_was_edited_is_not_written_over(exported, made):
    out = exported[1]["export.json"].parent
    (out / "best.tex").write_text("edited")
    with pytest.raises(OutputError, match="an export that was altered since"):
        export(made, out)
    assert (out / "best.tex").read_text() == "edited"


def test_an_export_that_is_kept_under_version_control_is_not_written_over(made, tmp_path):
    out = tmp_path / "paper"
    export(made, out)
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("ref")
    with pytest.raises(OutputError, match=r"what would be lost: \.git"):
        export(made, out)
    assert (out / ".git" / "HEAD").read_text() == "ref"


def test_every_table_is_latex_whose_rows_have_as_many_cells_as_columns(exported):
    """By a strict parser of LaTeX: braces and environments close, and nothing of a name is taken for markup."""
    walker = pytest.importorskip("pylatexenc.latexwalker")
    found = 0
    for name, path in exported[0].items():
        if name.endswith(".tex"):
            text = path.read_text(encoding="utf-8")
            nodes, _, _ = walker.LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
            for tabular in environments(nodes, "tabular"):
                found += 1
                columns = tabular.nodeargd.argnlist[-1].nodelist[0].chars
                assert set(columns) <= {"l", "r"}
                assert set(cells(tabular.nodelist)) == {len(columns)}, name
            for tabular in environments(nodes, "tabularx"):
                found += 1
                (columns,) = {line.count(r"\arraybackslash}X") for line in text.splitlines() if "{tabularx}{" in line}
                assert set(cells(tabular.nodelist)) == {columns}, name
    assert found == sum(path.read_text(encoding="utf-8").count(r"\begin{tabular") for path in tex_of(exported)) > 5


def test_latex_compiles_every_table_and_breaks_wide_ones_within_the_line(exported, tmp_path):
    engine = shutil.which("pdflatex") or shutil.which("xelatex") or shutil.which("tectonic")
    if engine is None:
        pytest.skip("no LaTeX is installed")
    numbers = ("Difference", "from", "to", "P(better)", "P(equal)", "P(worse)")
    columns = (Column("Metric: methods", "words"), *columns_of(*numbers), Column("Evidence", "words"))
    rows = tuple(
        (f"CRPS: mean_effects less {name}", *[-0.214] * 6, "worse over folds alone") for name in [*"abcdefgh"] * 2
    )
    wide = write_table(Table("Differences", columns, rows), "wide")
    hostile = [path.read_text(encoding="utf-8") for path in tex_of(exported)]
    begin = r"\documentclass{article}\usepackage{booktabs,tabularx}\begin{document}"
    page = "\n".join([begin, wide, r"\clearpage\typeout{HOSTILE}", *hostile, r"\end{document}"])
    # pdfLaTeX knows Latin letters alone, as the head of each file says.
    latin = "".join(char if ord(char) < 0x250 else "?" for char in page)
    (tmp_path / "paper.tex").write_text(latin, encoding="utf-8")
    flags = ["--print"] if engine.endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    ran = subprocess.run([engine, *flags, "paper.tex"], cwd=tmp_path, capture_output=True, timeout=120, check=False)
    said = ran.stdout.decode(errors="replace")
    assert ran.returncode == 0 and (tmp_path / "paper.pdf").exists(), said[-2000:]
    assert wide.count(r"\begin{table}") == 2 and wide.count(r"\label") == 1
    assert "Overfull" not in said.split("HOSTILE")[0] and "too large for page" not in said.split("HOSTILE")[0]


def tex_of(exported):
    return [path for name, path in exported[0].items() if name.endswith(".tex")]


def environments(nodes, name):
    for node in nodes:
        inside = getattr(node, "nodelist", None) or []
        if getattr(node, "environmentname", "") == name:
            yield node
        else:
            yield from environments(inside, name)


def cells(nodes):
    """How many cells each row has."""
    count = 1
    for node in nodes:
        if getattr(node, "specials_chars", "") == "&":
            count += 1
        if getattr(node, "macroname", "") == "\\":
            yield count
            count = 1
