"""`bdrp compare export`: a finished comparison as files for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console

PAGE: Final = "docs/compare.md"
EXAMPLES: Final = (
    "bdrp compare export comparison",
    "bdrp compare export comparison --no-titles --out for-the-paper",
)


def run(
    comparison: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a finished comparison.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write, export within DIR if left out.", metavar="DIR")
    ] = None,
    titles: Annotated[bool, typer.Option(help="Whether figures bear what they show as a title.")] = True,
) -> None:
    """Write a comparison for a paper: CSV, LaTeX tables with booktabs, and each figure as SVG and as PDF."""
    from bdrp.report.comparison.export import check_place, export
    from bdrp.studies.saved_comparison import load_results

    place = comparison / "export" if out is None else out
    results = load_results(comparison)
    check_place(place, [comparison / "runs"])
    written = export(results, place, titles=titles)
    counts = {suffix: sum(path.suffix == suffix for path in written) for suffix in (".csv", ".tex", ".svg", ".pdf")}
    console.print_written(
        "export", place, note=f" ({', '.join(f'{many} {suffix[1:]}' for suffix, many in counts.items())})"
    )
    console.record(files=[path.name for path in written])
