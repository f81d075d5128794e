"""The real names in the simulated screen: drugs with their structures, genes with their pathways and tissues."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import pandas as pd

RESISTANCE_MARK: Final = "+"
"""Behind a gene in drugs.csv: high expression goes with high ln IC50 (resistance); without it, with sensitivity."""


@cache
def _read(name: str) -> pd.DataFrame:
    with resources.files("bdrp.data.simulation").joinpath(name).open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)


def drugs() -> pd.DataFrame:
    """One row a drug.

    Columns: name, family (its class by target), target, pathway (the one it acts through), genes (published markers of
    its sensitivity or, with `RESISTANCE_MARK`, resistance, the strongest first), top_dose_um (the usual highest dose of
    such a drug in a screen, rounded), smiles (as drawn; salts with their counter-ion).
    """
    return _read("drugs.csv").copy()


def genes() -> pd.DataFrame:
    """One row a gene: symbol, role (pathway, marker of a tissue, or other), module (the pathway's or tissue's name)."""
    return _read("genes.csv").copy()


def pathways() -> tuple[str, ...]:
    """The names of the pathways, in the order of the gene table."""
    table = genes()
    return tuple(table.loc[table["role"] == "pathway", "module"].unique())


def markers(listed: str) -> dict[str, float]:
    """The genes of one cell of drugs.csv with the sign of their effect on ln IC50.

    >>> markers("BCL2;MCL1+")
    {'BCL2': -1.0, 'MCL1': 1.0}
    """
    genes = listed.split(";")
    return {gene.removesuffix(RESISTANCE_MARK): 1.0 if gene.endswith(RESISTANCE_MARK) else -1.0 for gene in genes}


def repressors() -> frozenset[str]:
    """Genes that mark resistance to a drug of their own pathway: they go down when the pathway goes up."""
    home = dict(zip(genes()["symbol"], genes()["module"], strict=True))
    return frozenset(
        gene
        for pathway, listed in zip(drugs()["pathway"], drugs()["genes"], strict=True)
        for gene, sign in markers(listed).items()
        if sign > 0 and home[gene] == pathway
    )
