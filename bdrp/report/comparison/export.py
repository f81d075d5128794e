"""A finished comparison as files for a paper: CSV, LaTeX, and each figure as SVG and as PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bdrp import __version__
from bdrp.errors import ModelFolderError, OutputError
from bdrp.files import atomic, outputs, sealed_folder, strict_json, tables
from bdrp.report import fits, tex
from bdrp.report.comparison import page
from bdrp.report.comparison import tables as tabled
from bdrp.report.comparison.verdict import find_verdicts, tabulate
from bdrp.report.figures import paper

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.report.html.table import Table
    from bdrp.studies.comparison import ComparisonResults

MANIFEST: Final = "export.json"
"""Names every file of an export with its checksum, the screen and the version of bdrp."""


def export(results: ComparisonResults, out: Path | str, *, titles: bool = True) -> list[Path]:
    """Write a folder of CSV, LaTeX, SVG and PDF, whole or not at all; the same results make the same bytes.

    Args:
        results: of `bdrp.studies.saved_comparison.load_results`, or just gathered.
        out: a new folder, or that of an earlier export, which is replaced.
        titles: whether figures bear their claim as a title; papers say it in the caption.

    Returns:
        The files, by name.

    Raises:
        OutputError: the folder cannot be written, or holds something else than an unaltered export.
    """
    out = Path(out)
    check_place(out)
    with atomic.refusing("The export", out), atomic.replacing_folder(out) as beside:
        for name, frame in _frames(results):
            tables.write(frame, beside / f"{name}.csv", {})
        for name, table in _tables(results):
            _write_text(beside / f"{name}.tex", _HEAD + tex.write_table(table, name))
        for plot in page.list_plots(results):
            paper.write_svg(plot, beside / f"{plot.name}.svg", title=titles)
            paper.write_pdf(plot, beside / f"{plot.name}.pdf", title=titles)
        about = {"bdrp": __version__, "screen": strict_json.plain(dict(results.screen)), "titles": titles}
        sealed_folder.seal(beside, about, MANIFEST)
    return sorted(out.iterdir())


def check_place(out: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse a folder whose content would be lost: anything but an earlier export as it was written.

    Raises:
        OutputError: naming what is in the way.
    """
    outputs.refuse_model(out)
    outputs.guard_folder(out, inputs)
    if out.is_file() or out.is_symlink():
        raise OutputError(f"--out {out} is a file or a link. An export is a folder. Choose another name.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        files = sealed_folder.opened(out, MANIFEST)["files"]
        outputs.refuse_foreign(out, (*files, MANIFEST))
    except ModelFolderError as error:
        altered = (out / MANIFEST).is_file()
        seen = "an export that was altered since" if altered else "files that no export wrote"
        raise OutputError(
            f"The folder {out} is not replaced: it holds {seen}. Allowed: a new folder, or an export as it was "
            "written. Choose another --out, or move your files elsewhere."
        ) from error


_HEAD: Final = "% Needs \\usepackage{booktabs,tabularx}; names beyond Latin letters need XeLaTeX or LuaLaTeX.\n"


def _frames(results: ComparisonResults) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tidy tables with every digit, by the name of their file; what is empty is left out."""
    import pandas as pd

    best = [asdict(each) for each in find_verdicts(results)]
    joined = [{**each, **{key: "; ".join(each[key]) for key in ("apart_from", "not_apart_from")}} for each in best]
    named = {
        "best": pd.DataFrame(joined),
        "metrics": results.intervals,
        "metrics-by-fold": results.metrics,
        "differences": results.evidence,
        "tests": results.tests,
        "risk": results.risk,
        "fits": results.runs,
    }
    yield from ((name, frame.rename(columns={"figure": "metric"})) for name, frame in named.items() if len(frame))


def _tables(results: ComparisonResults) -> Iterator[tuple[str, Table]]:
    """The tables of the page, by the name of their file."""
    yield "best", tabulate(find_verdicts(results))
    found = {
        "Metrics": tabled.metrics(results),
        "Coverage": tabled.coverage(results),
        "Differences": tabled.differences(results, page.HEADLINE),
        "All differences": tabled.differences(results),
        "Densities": tabled.densities(results),
        "Ranking of errors": tabled.rankings(results),
    }
    for what, parts in found.items():
        for table in parts:
            split = table.title.removeprefix("Split ").removesuffix(": all metrics")
            yield _slug(f"{what} {split}"), replace(table, title=f"{what}, split {split}")
    yield "costs", replace(fits.costs(results.runs), title="Cost of a fit", caption="Medians over fits")


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


def _write_text(path: Path, text: str) -> None:
    with atomic.replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
