"""Gene sets from a GMT file, the format of MSigDB: a set a line, its name, a description and its genes, by tabs."""

from __future__ import annotations

import re
from pathlib import Path

from bdrp.data import delimited, unpacking
from bdrp.errors import DataError


def read_gmt(path: Path | str) -> dict[str, tuple[str, ...]]:
    """Genes by the name of their set, in the order of the file.

    Raises:
        DataError: the file cannot be read, a line has no gene, or a name stands twice.

    Warns:
        BdrpWarning: it ends within a line.
    """
    path = Path(path)
    data = delimited.decode(unpacking.read_bytes(path), path)
    if not unpacking.is_packed(path):
        delimited.warn_if_cut_short(data, path)
    lines = re.split("\r\n|\r|\n", data.decode())
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
