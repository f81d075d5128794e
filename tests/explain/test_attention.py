"""Attention comes out readable and adds up."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem

import bdrp
from bdrp.data import splits
from bdrp.data.sources.simulated import load
from bdrp.errors import BdrpWarning, DataError
from bdrp.explain import Attention, read_attention

pytestmark = pytest.mark.filterwarnings("ignore:Attention says next to nothing:bdrp.errors.BdrpWarning")


@pytest.fixture(scope="module")
def screen():
    return load(seed=0)


@pytest.fixture(scope="module")
def model(screen):
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2}
    return bdrp.fit(screen, splits.make(screen, "cell_line"), options=small)


def test_weights_over_programs_genes_and_atoms_sum_to_one(model, screen):
    read = read_attention(model, screen.drugs.iloc[:6], screen.expression.iloc[:4])
    assert read.programs.shape == (6, 5)
    assert read.genes.shape == (6, screen.expression.shape[1])
    np.testing.assert_allclose(read.programs.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(read.genes.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(read.atoms.groupby("drug_id")["weight"].sum(), 1, rtol=1e-5)


def test_every_atom_of_every_drug_is_listed_in_order(model, screen):
    drugs = screen.drugs.iloc[:6]
    read = read_attention(model, drugs, screen.expression.iloc[:2])
    for drug_id, smiles in drugs["smiles"].items():
        own = read.atoms[read.atoms["drug_id"] == drug_id]
        assert own["atom"].tolist() == list(range(Chem.MolFromSmiles(smiles).GetNumAtoms()))


def test_attention_of_one_pair_does_not_depend_on_the_others(model, screen):
    pair = pd.DataFrame({"cell_line_id": [screen.expression.index[3]], "drug_id": [screen.drugs.index[2]]})
    alone = read_attention(model, screen.drugs, screen.expression, pair)
    block = read_attention(model, screen.drugs.iloc[2:3], screen.expression.iloc[3:4])
    pd.testing.assert_frame_equal(alone.genes, block.genes, rtol=1e-5)


def test_top_genes_are_sorted(model, screen):
    top = read_attention(model, screen.drugs.iloc[:1], screen.expression.iloc[:3]).top_genes(screen.drugs.index[0], 5)
    assert len(top) == 5
    assert top.is_monotonic_decreasing


def test_a_method_without_attention_says_so(screen):
    plain = bdrp.fit(screen, splits.make(screen, "cell_line"), method="mean_effects")
    with pytest.raises(DataError, match="mean_effects has no attention"):
        read_attention(plain, screen.drugs, screen.expression)


def _fitted(screen, split, parts):
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return bdrp.fit(screen, split, options=small | parts)


def test_a_model_without_attention_says_so(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {"pairing": "concatenation"})
    with pytest.raises(DataError, match="no attention to read: it was fitted with pairing=concatenation. Allowed"):
        read_attention(model, tiny_screen.drugs, tiny_screen.expression)


def test_without_a_graph_genes_are_attended_to_and_no_atom_asks(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {"drug_encoder": "one_hot"})
    read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    np.testing.assert_allclose(read.genes.sum(axis=1), 1, rtol=1e-5)
    assert read.atoms.empty


@pytest.mark.parametrize("drugs", [1, 12])
def test_attention_that_tells_no_drugs_apart_says_so_where_it_is_read(tiny_screen, tiny_split, drugs):
    model = _fitted(tiny_screen, tiny_split, {})
    with pytest.warns(
        BdrpWarning, match=f"nothing of single drugs .asked for {drugs}.: .* times the uniform one"
    ) as seen:
        read = read_attention(model, tiny_screen.drugs.iloc[:drugs], tiny_screen.expression)
    (warning,) = seen
    assert f"{read.times_uniform:.2f} times" in str(warning.message)
    assert ("rank correlation" in str(warning.message)) == (drugs > 1)
    assert warning.filename == __file__


class Planted(torch.nn.Module):
    """Logits of D drugs that attend to the first program, to the second, and so on in turn."""

    def __init__(self, heads: int, programs: int) -> None:
        super().__init__()
        self.heads, self.programs = heads, programs

    def forward(self, summary: torch.Tensor) -> torch.Tensor:
        own = torch.arange(len(summary)) % self.programs
        return 5 * torch.nn.functional.one_hot(own, self.programs).float().repeat(1, self.heads)


def test_attention_that_looks_elsewhere_for_each_drug_is_read_without_a_warning(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {})
    network = model.fitted.network
    network.drugs.offset = Planted(network.size.heads, network.size.programmes)
    with torch.no_grad():  # every program has ten genes of its own
        network.lines.programmes.weight.copy_(torch.eye(5).repeat_interleave(10, dim=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    assert read.times_uniform > 1.5
    assert read.rank_correlation <= 0.9
    tops = [set(read.top_genes(drug).index) for drug in tiny_screen.drugs.index[:5]]
    assert tops == [set(tiny_screen.expression.columns[10 * at : 10 * at + 10]) for at in range(5)]


def test_rank_correlation_is_the_mean_over_pairs_of_drugs_and_uniform_is_one():
    weights = np.random.default_rng(0).dirichlet(np.ones(9), 5)
    genes = pd.DataFrame(weights, columns=[f"G{at}" for at in range(9)])
    read = Attention(programs=genes, genes=genes, loadings=genes, atoms=pd.DataFrame())
    pairs = genes.T.corr("spearman").to_numpy()[np.triu_indices(5, 1)]
    np.testing.assert_allclose(read.rank_correlation, pairs.mean(), rtol=1e-12)
    np.testing.assert_allclose(read.times_uniform, 9 * np.median(weights.max(axis=1)), rtol=1e-12)
    flat = replace(read, programs=genes * 0 + 1 / 9, genes=genes * 0 + 1 / 9)
    np.testing.assert_allclose([flat.rank_correlation, flat.times_uniform], 1, rtol=1e-12)
    assert np.isnan(replace(read, genes=genes.iloc[:1]).rank_correlation)
