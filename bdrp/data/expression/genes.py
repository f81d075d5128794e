"""What genes are called: symbols, Entrez and Ensembl ids, both in one header, and what spreadsheets make of them."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning

_ENSEMBL: Final = r"ENS[A-Z]{0,6}G\d{11}"
_VERSIONED: Final = re.compile(rf"({_ENSEMBL})(\.\d+)?(_PAR_Y)?")
_ANOTHER_ID: Final = re.compile(
    rf"(?P<symbol>[^|()\s]+?)(?:\s*\((?:\d+|{_ENSEMBL}(?:\.\d+)?)\)|\|(?:\d+|{_ENSEMBL}(?:\.\d+)?))"
)
"""`TP53 (7157)` and `HSPA5 (ENSG00000044574)`, as DepMap has them, and `TP53|7157`, as TCGA has."""
_ID_BEFORE: Final = re.compile(rf"{_ENSEMBL}(?:\.\d+)?[|_](?P<symbol>[^|()\s]+)")
_R_NUMBER: Final = re.compile(r"X(\d+)")
_RENAMED: Final = ((re.compile(r"SEPT(\d+)"), "SEPTIN"), (re.compile(r"MARCH(\d+)"), "MARCHF"))
"""Symbols that HGNC gave new names in 2020, for spreadsheets took the old ones for dates."""
_MOUSE: Final = re.compile(r"[A-Z][a-z]+[a-z0-9-]*")
_MONTHS: Final = {
    **dict.fromkeys(("mar", "mrz", "mär", "maerz", "mars", "marzo", "mrt", "march", "märz"), 3),
    **dict.fromkeys(("sep", "sept", "set", "september", "septembre"), 9),
    **dict.fromkeys(("dec", "dez", "déc", "dic", "december"), 12),
    **dict.fromkeys(("apr", "april", "avr"), 4),
    **dict.fromkeys(("oct", "okt", "ott"), 10),
    **dict.fromkeys(("nov", "feb", "fev", "fév"), 11),
}
_FAMILIES: Final = {3: "MARCH{0}/MARCHF{0}", 9: "SEPT{0}/SEPTIN{0}", 12: "DEC{0}/DELEC{0}"}
_WORD: Final = r"(?P<month>[A-Za-zéäû]{3,9})\.?"
_DATES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<day>\d{{1,2}})[-./ ]{{1,2}}{_WORD}(?:[-./ ]\d{{2,4}})?",
        rf"{_WORD}[-./ ](?P<day>\d{{1,2}})",
        r"\d{4}-(?P<number>\d{2})-(?P<day>\d{2})(?:[ T]00:00:00)?",
    )
)
_NUMERIC_DATE: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](?:\d{4}|\d{2})")
_SERIAL: Final = re.compile(r"(\d{5})(?:\.0)?")
_FLOAT: Final = re.compile(r"\d(?:\.\d+)?E\+\d{1,2}", re.IGNORECASE)
"""2.31E+13: the RIKEN clone 2310009E13."""
FEW_NUMBERS: Final = 0.2
"""Share of names that are numbers from which they are Entrez ids, and 44805 no date; chosen."""

MARKERS: Final = frozenset(
    """ABCB1 ABL1 ACTB ACTG1 AKT1 AKT2 AKT3 ALK APC AR ARID1A ATM ATR AURKA AURKB AXIN2 AXL B2M BAP1 BAX BCL2 BCL2L1
    BCL2L11 BIRC5 BRAF BRCA1 BRCA2 BRD4 BTK CASP3 CASP8 CCNA2 CCNB1 CCND1 CCND2 CCNE1 CD19 CD274 CD4 CD44 CD8A CDC20
    CDH1 CDH2 CDK1 CDK2 CDK4 CDK6 CDK7 CDK9 CDKN1A CDKN1B CDKN2A CHEK1 CHEK2 COL1A1 CREBBP CTNNB1 CXCR4 DHFR DNMT1
    DNMT3A DUSP6 E2F1 EED EEF1A1 EGFR EP300 EPCAM EPHA2 ERBB2 ERBB3 ERBB4 ERCC1 ESR1 EZH2 FAS FBXW7 FGFR1 FGFR2 FGFR3
    FLT3 FN1 FOS FOXA1 GAPDH GATA3 HDAC1 HDAC2 HIF1A HRAS HSP90AA1 HSP90AB1 IDH1 IDH2 IGF1R IL6 INSR JAK1 JAK2 JAK3
    JUN KDR KEAP1 KIT KRAS KRT18 KRT19 KRT8 LCK LDHA MAP2K1 MAP2K2 MAPK1 MAPK14 MAPK3 MCL1 MCM2 MDM2 MDM4 MET MGMT
    MITF MKI67 MLH1 MMP9 MSH2 MSH6 MTOR MYC MYCL MYCN NF1 NF2 NFE2L2 NFKB1 NOTCH1 NQO1 NRAS NTRK1 PARP1 PCNA PDGFRA
    PDGFRB PGR PIK3CA PIK3CB PIK3CD PIK3R1 PLK1 PML PRKDC PTEN PTK2 RAD51 RAF1 RB1 RELA RET ROS1 RPL13A RPLP0 RPS6
    RRM1 RRM2 SLFN11 SMAD4 SMARCA4 SMARCB1 SMO SOX2 SRC STAT1 STAT3 STAT5A STK11 SYK TBP TERT TGFBR2 TOP1 TOP2A TP53
    TP63 TSC1 TSC2 TSPAN6 TUBB TYMS VEGFA VHL VIM WEE1 WT1 XIAP YAP1 YWHAZ ZEB1""".split()
)
"""Genes that most tables hold and no cell line is called by; chosen."""


def gene_name(name: str) -> str:
    """The symbol of a header that also holds an id, or an Ensembl id without its version; else the name as it is.

    >>> gene_name("TP53 (7157)"), gene_name("TP53|7157"), gene_name("ENSG00000141510.18"), gene_name("HLA-A")
    ('TP53', 'TP53', 'ENSG00000141510', 'HLA-A')
    """
    for pattern in (_ANOTHER_ID, _ID_BEFORE):
        if (found := pattern.fullmatch(name)) and found["symbol"] not in ("?", "NA"):
            return found["symbol"]
    return versioned[1] if (versioned := _VERSIONED.fullmatch(name)) else name


def joining_key(name: str) -> str:
    """What names of one gene share: no id or version beside it, upper case, R's dots, and HGNC's names of 2020.

    >>> joining_key("Sept9") == joining_key("SEPTIN9"), joining_key("HLA.A") == joining_key("HLA-A (3105)")
    (True, True)
    """
    key = gene_name(name.strip()).upper().replace(".", "-")
    if number := _R_NUMBER.fullmatch(key):
        return number[1]
    for pattern, family in _RENAMED:
        if found := pattern.fullmatch(key):
            return family + found[1]
    return key


def count_genes(names: Iterable[str], known: Collection[str] = ()) -> int:
    """How many names are surely genes: Ensembl ids, `SYMBOL (ENTREZ)`, well-known symbols, or `known` joining keys."""
    return sum(
        _VERSIONED.fullmatch(name) is not None
        or gene_name(name) != name
        or name.upper() in MARKERS
        or joining_key(name) in known
        for name in names
    )


def name_genes(columns: Sequence[str], notices: list[str], keep: Collection[str] = ()) -> list[str]:
    """Every column by its gene's name alone; what would then be called alike, and `keep`, stays as it is."""
    named = [column if column in keep else gene_name(column) for column in columns]
    counts = Counter(named)
    named = [column if counts[name] > 1 else name for column, name in zip(columns, named, strict=True)]
    changed = [f"{column} as {name}" for column, name in zip(columns, named, strict=True) if column != name]
    if changed:
        notices.append(f"{len(changed):,} genes are called by their name alone ({listed(changed, 3)}).")
    return named


def second_copies(columns: Collection[str]) -> list[str]:
    """Ensembl ids of the Y chromosome's copy of a gene that also stands as that of X (`_PAR_Y`)."""
    bare = {match[1] for name in columns if (match := _VERSIONED.fullmatch(name)) and not match[3]}
    return [name for name in columns if (match := _VERSIONED.fullmatch(name)) and match[3] and match[1] in bare]


def spreadsheet_dates(columns: Sequence[str]) -> dict[str, str]:
    """Names that a spreadsheet made of a gene's, with what they may have been ("" where that is not told)."""
    numbers = sum(name.isdecimal() for name in columns)
    found = {name: what for name in columns if (what := _read_date(name)) is not None}
    if numbers <= FEW_NUMBERS * len(columns):
        found |= {name: what for name in columns if (what := _read_serial(name)) is not None}
    return found


def warn_of_dates(found: dict[str, str], where: str) -> None:
    """Warn of genes that lost their names to a spreadsheet."""
    shown = [f"{name}, perhaps {what}" if what else name for name, what in found.items()]
    warnings.warn(
        f"{where} has {len(found):,} genes whose names a spreadsheet turned into dates or numbers "
        f"({listed(shown, 8)}). They are left out: what they were is a guess. Export the table again with the names of "
        "genes as text, or rename these columns.",
        BdrpWarning,
        stacklevel=4,
    )


def look_like_mouse(columns: Collection[str]) -> bool:
    """Whether most names are written as symbols of the mouse (Trp53, Brca1)."""
    words = [name for name in columns if name[:1].isalpha() and not name.startswith("ENS")]
    return len(words) >= 5 and sum(_MOUSE.fullmatch(name) is not None for name in words) > 0.5 * len(words)


def _read_date(name: str) -> str | None:
    for pattern in _DATES:
        if found := pattern.fullmatch(name.strip()):
            parts = found.groupdict()
            month = int(parts["number"]) if "number" in parts else _MONTHS.get(parts["month"].lower(), 0)
            return _of_family(month, int(parts["day"])) if month else None
    if found := _NUMERIC_DATE.fullmatch(name.strip()):
        first, second = int(found[1]), int(found[2])
        return (_of_family(first, second) or _of_family(second, first)) if max(first, second) <= 31 else None
    return "" if _FLOAT.fullmatch(name.strip()) else None


def _read_serial(name: str) -> str | None:
    """Days since 1899-12-30, as spreadsheets count them; only those of months that genes are named like."""
    found = _SERIAL.fullmatch(name.strip())
    if found is None:
        return None
    day = date(1899, 12, 30) + timedelta(days=int(found[1]))
    return _of_family(day.month, day.day) or None if 1990 <= day.year <= 2040 else None


def _of_family(month: int, day: int) -> str:
    return _FAMILIES[month].format(day) if month in _FAMILIES else ""
