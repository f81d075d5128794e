"""Cross-attention read out: which gene programs a drug attends to, through which genes, and with which atoms.

Attention is where the network looks, not what causes a response (Jain & Wallace 2019), and it is no part of the default
model, for it explained nothing: near uniform, the same for all drugs, and causal genes found by chance, in every design
that learned its weights (docs/attention.md). `read_attention` measures both on the drugs asked for and warns. What
expression does to each drug is read by `bdrp.explain.slopes`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bdrp.data.profiles import EXPRESSION, Profiles, name_profiles
from bdrp.errors import BdrpWarning, DataError
from bdrp.explain.differing import ALIKE, mean_rank_correlation
from bdrp.features.batch import Inputs, Pairs
from bdrp.features.batch import pairs as as_pairs
from bdrp.fitted.known import find_ids
from bdrp.fitted.model import TrainedModel, cross_drugs_and_lines
from bdrp.inference.method import HasNetwork
from bdrp.model.attention import CrossAttention
from bdrp.model.network import Network

NEAR_UNIFORM: Final = 1.5  # chosen: below, no program stands out
PAIRS_A_PASS = 65_536  # chosen: bounds the memory of a pass over H x M weights a pair


@dataclass(frozen=True)
class Attention:
    """Attention of D drugs, averaged over the heads and over the pairs of each drug.

    Attributes:
        programs: (D, M) weights; rows sum to one. Index drug_id.
        genes: (D, G) weights; each program's weight is shared among genes by the size of their loadings; rows sum to
            one.
        loadings: (M, G) signed weights of the genes in each program's activity.
        atoms: a row an atom; drug_id, atom (position in the canonical SMILES as RDKit reads it) and weight, the share
            of the atom in the drug's query, which sums to one over a drug. No row where the network reads drugs
            otherwise than as graphs.
    """

    programs: pd.DataFrame
    genes: pd.DataFrame
    loadings: pd.DataFrame
    atoms: pd.DataFrame

    def top_genes(self, drug_id: str, most: int = 10) -> pd.Series:
        """The genes that a drug attends to most, with their weights, largest first.

        They are no finding about the drug where `read_attention` warned: other drugs then have the same genes.

        Raises:
            DataError: there is no drug of that id.
        """
        [drug_id] = find_ids([drug_id], self.genes.index.to_series(), "drug")
        return self.genes.loc[drug_id].nlargest(most)

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the gene weights of two drugs, mean over pairs of drugs; NaN for a single drug."""
        return mean_rank_correlation(self.genes)

    @property
    def times_uniform(self) -> float:
        """How many times the uniform weight the largest program weight of a drug is, median over drugs."""
        return float(self.programs.max(axis=1).median() * self.programs.shape[1])


def read_attention(
    model: TrainedModel, drugs: pd.DataFrame, profiles: Profiles | pd.DataFrame, pairs: pd.DataFrame | None = None
) -> Attention:
    """Which gene programs, genes and atoms the cross-attention of a model weighs.

    Args:
        model: fitted by a method with a network.
        drugs: as in `TrainedModel.predict`.
        profiles: as in `TrainedModel.predict`.
        pairs: cell_line_id and drug_id; every line with every drug if None. A drug without a pair is left out.

    Raises:
        DataError: the model has no attention, or as in `TrainedModel.predict`.

    Warns:
        BdrpWarning: the weights hardly differ between the drugs, or from uniform ones.
    """
    if not isinstance(model.fitted, HasNetwork):
        raise DataError(
            f"{model.manifest['method']} has no attention to read. Fit last_layer with pairing=attention for that."
        )
    network, tables = model.fitted.network, name_profiles(profiles)
    if not isinstance(network.pairing, CrossAttention):
        raise DataError(
            f"This model has no attention to read: it was fitted with pairing={network.size.pairing}. Allowed: models "
            "whose pairing is attention. Fit one of these with the option pairing=attention, or read what "
            "expression does to each drug in this one with read_slopes."
        )
    pairs = cross_drugs_and_lines(drugs, tables[EXPRESSION]) if pairs is None else pairs
    inputs = model.features.inputs(drugs, tables)
    rows = as_pairs(pairs[["cell_line_id", "drug_id"]], inputs)
    found = _read(network, inputs, rows, model.features.genes)
    _warn_if_alike(found)
    return found


@torch.no_grad()
def _read(network: Network, inputs: Inputs, pairs: Pairs, genes: tuple[str, ...]) -> Attention:
    network.eval()
    device = next(network.parameters()).device
    inputs, pairs = inputs.to(device), pairs.to(device)
    used = torch.unique(pairs.drug).cpu()
    drug_ids = np.asarray(inputs.drug_ids, dtype=object)
    by_program = _by_program(network, inputs, pairs)[used]
    loadings = network.lines.programmes.weight.cpu()
    share = loadings.abs() / loadings.abs().sum(1, keepdim=True)
    names = [f"program {m}" for m in range(len(loadings))]
    ids = list(drug_ids[used.numpy()])
    return Attention(
        programs=pd.DataFrame(by_program.numpy(), index=ids, columns=names),
        genes=pd.DataFrame((by_program @ share).numpy(), index=ids, columns=list(genes)),
        loadings=pd.DataFrame(loadings.numpy(), index=names, columns=list(genes)),
        atoms=_atoms(network, inputs, set(ids)),
    )


def _warn_if_alike(found: Attention) -> None:
    correlation, times = found.rank_correlation, found.times_uniform
    if not correlation > ALIKE and times >= NEAR_UNIFORM:  # a single drug has no correlation
        return
    seen = f"a drug's largest program weight is {times:.2f} times the uniform one"
    if not math.isnan(correlation):
        seen += f", and the gene weights of two drugs have a mean rank correlation of {correlation:.4f}"
    warnings.warn(
        f"Attention says next to nothing of single drugs (asked for {len(found.genes)}): {seen}. Worth reading are at "
        f"least {NEAR_UNIFORM} times and at most {ALIKE}. Take no gene or program for a finding about a drug.",
        BdrpWarning,
        stacklevel=3,
    )


def _by_program(network: Network, inputs: Inputs, pairs: Pairs) -> Tensor:
    """(D, M) mean over pairs and heads."""
    drugs, lines = network.encode(inputs)
    total = torch.zeros(len(inputs.drug_ids), network.size.programmes, device=pairs.drug.device)
    for line, drug in zip(pairs.line.split(PAIRS_A_PASS), pairs.drug.split(PAIRS_A_PASS), strict=True):
        weights = CrossAttention.weights(drugs.select(drug), lines.activity[line])
        total.index_add_(0, drug, weights.mean(1))
    count = torch.bincount(pairs.drug, minlength=len(total)).clamp(min=1)
    return (total / count[:, None]).cpu()


def _atoms(network: Network, inputs: Inputs, wanted: set[str]) -> pd.DataFrame:
    if network.size.drug_encoder != "graph":
        return pd.DataFrame({"drug_id": pd.Series(dtype=object), "atom": np.zeros(0, np.int64), "weight": np.zeros(0)})
    molecules = inputs.molecules
    weight = network.drugs.atom_weights(network.drugs.graph(molecules), molecules).mean(1).cpu().numpy()
    molecule = molecules.molecule.cpu().numpy()
    first = np.searchsorted(molecule, molecule)
    frame = pd.DataFrame(
        {
            "drug_id": np.asarray(inputs.drug_ids, dtype=object)[molecule],
            "atom": np.arange(len(molecule)) - first,
            "weight": weight.astype(float),
        }
    )
    return frame[frame["drug_id"].isin(wanted)].reset_index(drop=True)
