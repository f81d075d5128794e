"""Whether two cell lines of one name can be one line: by tissue, by id, and by names that are known to mislead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pandas as pd

from bdrp.data.identifiers import line_name_key, split_ids

HOMONYMS: Final = frozenset({"TT", "KMH2"})
"""Names that two lines share but for their punctuation: TT (thyroid) and T.T (oesophagus), KM-H2 (lymphoma) and KMH-2
(thyroid), as Cellosaurus warns of both."""
_ORGANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "adrenal": "adrenal",
        "bladder|urinary|urothelial": "bladder",
        "bone|osteosarcoma|ewing|soft tissue|rhabdo|muscle": "bone or soft tissue",
        "breast|brca": "breast",
        "nervous|brain|cns|glioma|glioblastoma|blastoma|autonomic": "nervous system",
        "cervix|cervical": "cervix",
        "endometri|uterus|uterine": "uterus",
        "esophag|oesophag": "esophagus",
        "haemato|hemato|blood|leukemia|leukaemia|lymphoma|lymphoid|myeloid|myeloma": "blood",
        "head and neck|head neck|upper aero": "head and neck",
        "kidney|renal": "kidney",
        "large intestine|colon|colorectal|bowel|rectum|coad": "bowel",
        "liver|hepato|biliary|cholangio|gallbladder": "liver or bile ducts",
        "lung|nsclc|sclc|luad": "lung",
        "ovar": "ovary",
        "pancrea": "pancreas",
        "prostate": "prostate",
        "skin|melanoma": "skin",
        "stomach|gastric": "stomach",
        "thyroid": "thyroid",
        "vulva": "vulva",
    }
)
"""Organs by the words that sources have for them. Words of two organs, or of none, say nothing, and organs that one
source calls by the other's name are one: sarcomas, the nervous system, liver and bile ducts."""
_ID_KINDS: Final = (r"ACH-\d{6}", r"SIDM\d{5}", r"CVCL_[A-Z0-9]{4}")
"""Ids of which a line has one."""


def contradiction(mine: pd.Series, theirs: pd.Series) -> str:
    """Why two lines of one name are not one, in words; "" where nothing speaks against it.

    Args:
        mine: a row of a screen's cell lines: name, tissue; its label is the id.
        theirs: the row of another screen.
    """
    if line_name_key(mine["name"]) in HOMONYMS and _letters(mine["name"]) != _letters(theirs["name"]):
        return f"{mine['name']} is not {theirs['name']}"
    here, there = organ(str(mine["tissue"])), organ(str(theirs["tissue"]))
    if here and there and here != there:
        return f"{mine['name']} is of {mine['tissue']}, {theirs['name']} of {theirs['tissue']}"
    for kind in _ID_KINDS:
        ours, others = ({one for one in split_ids(row.name) if re.fullmatch(kind, one)} for row in (mine, theirs))
        if ours and others and not ours & others:
            return f"{mine['name']} is {min(ours)}, {theirs['name']} {min(others)}"
    return ""


def organ(tissue: str) -> str:
    """The organ that a tissue's name says; "" where it says none, or several.

    >>> organ("Large Intestine"), organ("COAD/READ"), organ("unknown"), organ("peritoneum")
    ('bowel', 'bowel', '', '')
    """
    found = {name for words, name in _ORGANS.items() if re.search(words, tissue.lower())}
    return found.pop() if len(found) == 1 else ""


def _letters(name: object) -> str:
    return re.sub(r"\s", "", str(name).upper())
