"""What is downloaded, from where, and what it must be.

Checksums were published by several independent users of each address (none by the provider). The re-hosted workbooks
of 2026 are other bytes than those of 2023, so that each address has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

_RELEASE: Final = "https://cog.sanger.ac.uk/cancerrxgene/GDSC_release8.5"
_REHOSTED: Final = "https://cmp.cog.sanger.ac.uk/download"
_EXPRESSION: Final = "https://www.cancerrxgene.org/gdsc1000/GDSC1000_WebResources/Data/preprocessed"
_PASSPORTS: Final = "https://cog.sanger.ac.uk/cmp/download"
_CCLE: Final = "https://data.broadinstitute.org/ccle_legacy_data/pharmacological_profiling"
_MODELS: Final = "https://ndownloader.figshare.com/files/51065297"
_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Source:
    """One address of a file; `sha256` is "" where no checksum is known."""

    url: str
    sha256: str = ""


@dataclass(frozen=True)
class Item:
    """One file.

    Attributes:
        name: the name that it takes on the disk, by which the sources find it.
        what: what it is, in words.
        sources: addresses in the order they are tried.
        screens: the sources (of `bdrp.data.sources`) that read it.
        most: bytes; more is not this file.
        known: every sha256 that it may have where its address does not say which.
        by_hand: how to get it where it has no fixed address; then it is found by `pattern`, whoever named it.
        pattern: the file names that it may have then.
    """

    name: str
    what: str
    sources: tuple[Source, ...]
    screens: tuple[str, ...]
    most: int = 64 * _MIB
    known: tuple[str, ...] = ()
    by_hand: str = ""
    pattern: str = ""

    @property
    def checksums(self) -> tuple[str, ...]:
        """Every sha256 that this file may have; none where none is known."""
        return self.known + tuple(source.sha256 for source in self.sources if source.sha256)

    def at(self, base_url: str) -> Item:
        """The same file on a mirror, held to the same checksums."""
        mirror = Source(f"{base_url.rstrip('/')}/{self.name}")
        return replace(self, sources=(mirror,), known=self.checksums)


def _release(file: str, *, old: str, new: str) -> tuple[Source, ...]:
    return (Source(f"{_RELEASE}/{file}", old), Source(f"{_REHOSTED}/{file}", new))


_ITEMS: Final = (
    Item(
        "GDSC1_fitted_dose_response_27Oct23.xlsx",
        "GDSC1's fitted curves, release 8.5",
        _release(
            "GDSC1_fitted_dose_response_27Oct23.xlsx",
            old="837b0686500fde75179e490de08f034abd9f882d8b0253d637bafe83e156dafd",
            new="6dfad242263d93b6814cc51146b15346d3c69abe1aba834a0977ba9e3fd3b6a5",
        ),
        ("gdsc1",),
    ),
    Item(
        "GDSC2_fitted_dose_response_27Oct23.xlsx",
        "GDSC2's fitted curves, release 8.5",
        _release(
            "GDSC2_fitted_dose_response_27Oct23.xlsx",
            old="f950a7027be265f8a7a74220a27fd18cbd368485349bd8c2048e88bb1cd07560",
            new="0e99120a14a003dcbd3c27c020f1cfd35e38ee091067a2406f66c0d4dbc1c899",
        ),
        ("gdsc2",),
    ),
    Item(
        "screened_compounds_rel_8.5.csv",
        "the names and targets of GDSC's drugs",
        _release(
            "screened_compounds_rel_8.5.csv",
            old="d3cbb8b595980b36bf92d54af1da1dd995d2e2ce624c7cc70aacf2a754dce782",
            new="d3cbb8b595980b36bf92d54af1da1dd995d2e2ce624c7cc70aacf2a754dce782",
        ),
        ("gdsc1", "gdsc2"),
    ),
    Item(
        "model_list_20230923.csv",
        "Cell Model Passports' list of models, with tissues and patients",
        (Source(f"{_PASSPORTS}/model_list_20230923.csv"),),
        ("gdsc1", "gdsc2", "ccle", "ctrp"),
    ),
    Item(
        "Cell_line_RMA_proc_basalExp.txt.zip",
        "GDSC's basal expression",
        (Source(f"{_EXPRESSION}/Cell_line_RMA_proc_basalExp.txt.zip"),),
        ("gdsc1", "gdsc2", "ccle", "ctrp"),
        512 * _MIB,
    ),
    Item(
        "Model.csv",
        "DepMap's list of models, release 24Q4, which leads from its ids to COSMIC's",
        (Source(_MODELS, "b7a0c1385e6cef30132b56aff61f1261d11e3f490490b355c430d32ee0dbdcfa"),),
        ("ccle", "ctrp"),
    ),
    Item(
        "CCLE_NP24.2009_Drug_data_2015.02.24.csv",
        "CCLE's drug data",
        (Source(f"{_CCLE}/CCLE_NP24.2009_Drug_data_2015.02.24.csv"),),
        ("ccle",),
    ),
    Item(
        "Drug_sensitivity_AUC_(CTD^2).csv",
        "CTRPv2's table of areas",
        (),
        ("ctrp",),
        by_hand="choose 'Drug sensitivity AUC (CTD^2)' under https://depmap.org/portal/data_page/?tab=customDownloads",
        pattern="Drug_sensitivity_AUC_*CTD*",
    ),
    Item(
        "GDSC_drug_list.csv",
        "GDSC's drug list with PubChem ids (https://www.cancerrxgene.org/compounds, as CSV)",
        (Source("https://www.cancerrxgene.org/api/compounds?list=all&export=csv"),),
        (),  # only where the structures have to be made
    ),
)

FILES: Final[Mapping[str, Item]] = {item.name: item for item in _ITEMS}
"""Every file that is downloaded, by its name."""
