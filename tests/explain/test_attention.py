"""Attention comes out readable and adds up."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

import bdrp
from bdrp.data import splits
from bdrp.data.sources.simulated import load
from bdrp.errors import BdrpWarning, DataError


@pytest.fixture(scope="module")
def screen():
    return load(seed=0)


@pytest.fixture(scope="module")
def model(screen):
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2}
    return bdrp.fit(screen, splits.make(screen, "cell_line"), options=small)


def test_weights_over_programmes_genes_and_atoms_sum_to_one(model, screen):
    read = model.attention(screen.drugs.iloc[:6], screen.expression.iloc[:4])
    assert read.programmes.shape == (6, 5)
    assert read.genes.shape == (6, screen.expression.shape[1])
    np.testing.assert_allclose(read.programmes.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(read.genes.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(read.atoms.groupby("drug_id")["weight"].sum(), 1, rtol=1e-5)


def test_every_atom_of_every_drug_is_listed_in_order(model, screen):
    drugs = screen.drugs.iloc[:6]
    read = model.attention(drugs, screen.expression.iloc[:2])
    for drug_id, smiles in drugs["smiles"].items():
        own = read.atoms[read.atoms["drug_id"] == drug_id]
        assert own["atom"].tolist() == list(range(Chem.MolFromSmiles(smiles).GetNumAtoms()))


def test_attention_of_one_pair_does_not_depend_on_the_others(model, screen):
    pair = pd.DataFrame({"cell_line_id": [screen.expression.index[3]], "drug_id": [screen.drugs.index[2]]})
    alone = model.attention(screen.drugs, screen.expression, pair)
    block = model.attention(screen.drugs.iloc[2:3], screen.expression.iloc[3:4])
    pd.testing.assert_frame_equal(alone.genes, block.genes, rtol=1e-5)


def test_top_genes_are_sorted(model, screen):
    top = model.attention(screen.drugs.iloc[:1], screen.expression.iloc[:3]).top_genes(screen.drugs.index[0], 5)
    assert len(top) == 5
    assert top.is_monotonic_decreasing


def test_a_method_without_attention_says_so(screen):
    plain = bdrp.fit(screen, splits.make(screen, "cell_line"), method="mean_effects")
    with pytest.raises(DataError, match="mean_effects has no attention"):
        plain.attention(screen.drugs, screen.expression)


def _fitted(screen, split, parts):
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return bdrp.fit(screen, split, options=small | parts)


def test_a_model_without_attention_says_so(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {"pairing": "concatenation"})
    with pytest.raises(DataError, match="no attention to read: it was fitted with pairing=concatenation. Allowed"):
        model.attention(tiny_screen.drugs, tiny_screen.expression)


def test_without_a_graph_genes_are_attended_to_and_no_atom_asks(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {"drug_encoder": "one_hot"})
    read = model.attention(tiny_screen.drugs, tiny_screen.expression)
    np.testing.assert_allclose(read.genes.sum(axis=1), 1, rtol=1e-5)
    assert read.atoms.empty
