"""Attention comes out readable and adds up."""

from __future__ import annotations

import copy
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
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2, "pairing": "attention"}
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
    small = {"epochs": 1, "width": 8, "hidden": 8, "programmes": 5, "heads": 2, "factors": 2, "pairing": "attention"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return bdrp.fit(screen, split, options=small | parts)


@pytest.fixture(scope="module")
def tiny_model(tiny_screen, tiny_split):
    return _fitted(tiny_screen, tiny_split, {})


@pytest.fixture
def network(tiny_model, tiny_screen):
    """A model to be given weights by hand, and its network of 2 heads, 5 programs and 50 genes."""
    model = copy.deepcopy(tiny_model)
    return model, model.fitted.network


@pytest.mark.parametrize("pairing", ["product", "concatenation"])
def test_a_model_without_attention_says_so(tiny_screen, tiny_split, pairing):
    model = _fitted(tiny_screen, tiny_split, {"pairing": pairing})
    with pytest.raises(DataError, match=f"no attention to read: it was fitted with pairing={pairing}. Allowed"):
        read_attention(model, tiny_screen.drugs, tiny_screen.expression)


def test_without_a_graph_genes_are_attended_to_and_no_atom_asks(tiny_screen, tiny_split):
    model = _fitted(tiny_screen, tiny_split, {"drug_encoder": "one_hot"})
    read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    np.testing.assert_allclose(read.genes.sum(axis=1), 1, rtol=1e-5)
    assert read.atoms.empty


@pytest.mark.parametrize("drugs", [1, 12])
def test_attention_that_tells_no_drugs_apart_says_so_where_it_is_read(tiny_model, tiny_screen, drugs):
    with pytest.warns(
        BdrpWarning, match=f"nothing of single drugs .asked for {drugs}.: .* times the uniform one"
    ) as seen:
        read = read_attention(tiny_model, tiny_screen.drugs.iloc[:drugs], tiny_screen.expression)
    (warning,) = seen
    assert f"{read.times_uniform:.2f} times" in str(warning.message)
    assert ("rank correlation" in str(warning.message)) == (drugs > 1)
    assert warning.filename == __file__


class Given(torch.nn.Module):
    """Answers with the first rows of a table, whatever it is asked."""

    def __init__(self, table) -> None:
        super().__init__()
        self.table = torch.as_tensor(np.asarray(table), dtype=torch.float32)

    def forward(self, asked: torch.Tensor) -> torch.Tensor:
        return self.table[: len(asked)]


PROGRAMS = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.1, 0.6, 0.1, 0.1, 0.1]])  # of head 0 and head 1, for every drug


def _set_programs(network, slope=0.0):
    """Attention that is known: logits whose softmax is `PROGRAMS`, where the activity has no part in them."""
    many = 100
    network.drugs.offset = Given(np.tile(np.log(PROGRAMS).ravel(), (many, 1)))
    network.drugs.slope = Given(np.full((many, PROGRAMS.size), slope))


def test_weights_that_were_set_are_read_as_the_mean_over_heads(network, tiny_screen):
    model, net = network
    _set_programs(net)
    read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    np.testing.assert_allclose(read.programs, np.tile([0.3, 0.4, 0.1, 0.1, 0.1], (12, 1)), rtol=1e-5)
    assert list(read.programs.columns) == [f"program {at}" for at in range(5)]
    assert list(read.programs.index) == list(tiny_screen.drugs.index)


def test_a_program_is_shared_among_genes_by_the_size_of_their_loadings_not_by_their_sign(network, tiny_screen):
    model, net = network
    _set_programs(net)
    loadings = np.zeros((5, 50), dtype=np.float32)
    loadings[0, :2] = [3.0, -1.0]  # three quarters and a quarter of program 0
    loadings[1:, 2:6] = 7 * np.eye(4)  # all of one gene, whatever the scale
    with torch.no_grad():
        net.lines.programmes.weight.copy_(torch.as_tensor(loadings))
    read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    expected = [0.3 * 0.75, 0.3 * 0.25, 0.4, 0.1, 0.1, 0.1, *[0.0] * 44]
    np.testing.assert_allclose(read.genes, np.tile(expected, (12, 1)), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(read.loadings, loadings)
    top = read.top_genes(tiny_screen.drugs.index[0], 2)
    assert list(top.index) == [model.features.genes[2], model.features.genes[0]]
    np.testing.assert_allclose(top, [0.4, 0.225], rtol=1e-5)


def test_weights_follow_the_activity_of_the_line_and_are_averaged_over_the_pairs_of_a_drug(network, tiny_screen):
    model, net = network
    _set_programs(net, slope=0.7)
    lines = tiny_screen.expression.iloc[:3]
    with torch.no_grad():
        activity = net.encode(model.features.inputs(tiny_screen.drugs, {"expression": lines}))[1].activity.numpy()
    logits = np.log(PROGRAMS) + 0.7 * activity[:, None, :]  # (lines, heads, programs)
    weights = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    read = read_attention(model, tiny_screen.drugs, lines)
    np.testing.assert_allclose(read.programs, np.tile(weights.mean(axis=(0, 1)), (12, 1)), rtol=1e-4)
    alone = read_attention(model, tiny_screen.drugs, lines.iloc[1:2])
    np.testing.assert_allclose(alone.programs, np.tile(weights[1].mean(axis=0), (12, 1)), rtol=1e-4)
    assert not np.allclose(alone.programs, read.programs, rtol=1e-3)


def test_atoms_have_the_weights_that_were_set_within_their_molecule(network, tiny_screen):
    model, net = network
    drugs = tiny_screen.drugs.iloc[:3]
    sizes = [Chem.MolFromSmiles(smiles).GetNumAtoms() for smiles in drugs["smiles"]]
    of_heads = np.log(np.stack([np.arange(1.0, sum(sizes) + 1), np.ones(sum(sizes))], axis=1))
    net.drugs.ask = Given(of_heads)  # head 0: atoms weigh as 1, 2, 3, ...; head 1: all alike
    read = read_attention(model, drugs, tiny_screen.expression)
    for drug, first, size in zip(drugs.index, np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
        rising = np.arange(first + 1, first + size + 1)
        expected = (rising / rising.sum() + 1 / size) / 2
        own = read.atoms[read.atoms["drug_id"] == drug]
        np.testing.assert_allclose(own["weight"], expected, rtol=1e-5)


def test_drugs_and_lines_in_another_order_have_the_same_weights(tiny_model, tiny_screen):
    drugs, lines = tiny_screen.drugs, tiny_screen.expression
    order = np.random.default_rng(0).permutation(len(drugs))
    read = read_attention(tiny_model, drugs, lines)
    moved = read_attention(tiny_model, drugs.iloc[order], lines.iloc[::-1])
    assert list(moved.genes.index) == list(drugs.index[order])
    for name in ("programs", "genes"):
        pd.testing.assert_frame_equal(getattr(moved, name).loc[drugs.index], getattr(read, name), rtol=1e-5)
    pd.testing.assert_frame_equal(moved.loadings, read.loadings)
    keys = ["drug_id", "atom"]
    pd.testing.assert_frame_equal(
        moved.atoms.sort_values(keys, ignore_index=True), read.atoms.sort_values(keys, ignore_index=True), rtol=1e-5
    )


def test_a_drug_without_a_pair_is_left_out_and_several_passes_read_what_one_does(tiny_model, tiny_screen, monkeypatch):
    pairs = tiny_screen.responses[["cell_line_id", "drug_id"]]
    pairs = pairs[pairs["drug_id"] != tiny_screen.drugs.index[0]]
    read = read_attention(tiny_model, tiny_screen.drugs, tiny_screen.expression, pairs)
    assert list(read.genes.index) == list(tiny_screen.drugs.index[1:])
    assert set(read.atoms["drug_id"]) == set(tiny_screen.drugs.index[1:])
    monkeypatch.setattr("bdrp.explain.attention.PAIRS_A_PASS", 7)
    again = read_attention(tiny_model, tiny_screen.drugs, tiny_screen.expression, pairs)
    pd.testing.assert_frame_equal(again.programs, read.programs, rtol=1e-5)


class Planted(torch.nn.Module):
    """Logits of D drugs that attend to the first program, to the second, and so on in turn."""

    def __init__(self, heads: int, programs: int) -> None:
        super().__init__()
        self.heads, self.programs = heads, programs

    def forward(self, summary: torch.Tensor) -> torch.Tensor:
        own = torch.arange(len(summary)) % self.programs
        return 5 * torch.nn.functional.one_hot(own, self.programs).float().repeat(1, self.heads)


def test_attention_that_looks_elsewhere_for_each_drug_is_read_without_a_warning(network, tiny_screen):
    model, network = network
    network.drugs.offset = Planted(network.size.heads, network.size.programmes)
    with torch.no_grad():  # every program has ten genes of its own
        network.lines.programmes.weight.copy_(torch.eye(5).repeat_interleave(10, dim=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_attention(model, tiny_screen.drugs, tiny_screen.expression)
    assert read.times_uniform > 1.5
    assert read.rank_correlation <= 0.9
    tops = [set(read.top_genes(drug).index) for drug in tiny_screen.drugs.index[:5]]
    assert tops == [set(model.features.genes[10 * at : 10 * at + 10]) for at in range(5)]


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
