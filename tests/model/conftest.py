from __future__ import annotations

import pytest
import torch

from bdrp.features import molecules
from bdrp.features.batch import Inputs
from bdrp.features.drugs import DrugRelations
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network

SMILES = ("CCO", "c1ccccc1", "C", "N.N.Cl[Pt]Cl", "CC(=O)Nc1ccc(O)cc1", "[Na+].[Cl-]", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C")
LINES = 5


@pytest.fixture(scope="session")
def size() -> Architecture:
    """A network of a few thousand weights, with cross-attention."""
    return Architecture(
        genes=20, pairing="attention", width=16, hidden=16, programmes=6, heads=2, value_width=3, factors=2
    )


@pytest.fixture
def network(size: Architecture) -> Network:
    """The same weights in every test, ready to predict; heads that start at zero are drawn too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Network(size)
        for parameter in made.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


@pytest.fixture(scope="session")
def drugs() -> MoleculeGraphs:
    """Seven molecules, some without a bond."""
    return molecules.graphs(SMILES)


@pytest.fixture(scope="session")
def genes() -> torch.Tensor:
    """(5, 20) standardised expression."""
    return torch.randn(LINES, 20, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def inputs(drugs: MoleculeGraphs, genes: torch.Tensor) -> Inputs:
    """The molecules and the lines together, none of them trained on."""
    return Inputs(
        SMILES,
        tuple("abcde"),
        drugs,
        {"expression": genes},
        torch.zeros(LINES, 0),
        torch.full((len(SMILES),), -1),
        torch.full((LINES,), -1),
        torch.full((len(SMILES),), torch.nan),
        DrugRelations.unrelated(len(SMILES), 1),
    )
