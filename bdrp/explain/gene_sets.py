"""Gene sets from a GMT file, the format of MSigDB: a set a line, its name, a description and its genes, by tabs."""

from __future__ import annotations

from pathlib import Path

from bdrp.errors import DataError
from bdrp.files import inputs


def read_gmt(path: Path | str) -> dict[str, tuple[str, ...]]:
    """Genes by the name of their set, in the order of the file.

    Raises:
        DataError: the file cannot be read, a line has no gene, or a name stands twice.
    """
    try:
        lines = inputs.read_text(Path(path)).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The gene sets {path} cannot be read: {error}. Give a GMT file.") from error
    sets: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        name, *rest = line.split("\t")
        genes = tuple(dict.fromkeys(gene.strip() for gene in rest[1:] if gene.strip()))
        if not line.strip():
            continue
        if not name.strip() or not genes or name in sets:
            seen = "a name that stands twice" if name in sets else "no name" if not name.strip() else "no gene"
            raise DataError(
                f"Line {number} of {path} has {seen}. A line of a GMT file is a name, a description and genes, with "
                "tabs between. Correct the line."
            )
        sets[name] = genes
    if not sets:
        raise DataError(f"{path} holds no gene set. A GMT file has one a line. Give another file.")
    return sets
