"""Which design of cross-attention can be read? Accuracy, weights that differ, causal genes, deletion.

    python tests/benchmarks/attention_designs.py --out attention [--seeds 0 1 2] [--gene-sets h.all.gmt] [--root data]

On the simulated screen (cell lines held out, fold 0), whose causal genes are known, every design of `DESIGNS` is fitted
once a seed, without a second fit: the RMSE and NLL of the test lines and the best validation score; the mean rank
correlation of the gene weights of two drugs; the AUROC with which a drug's weights find its causal genes, mean over
drugs; and by how much the prediction moves when the genes of largest weight, or as many at random, are set to their
training mean. With --root, softmax attention and slopes are read on GDSC2 too (published lines, fold 0). The parts that
no option offers live here: they were tried, and are not in the model.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from bdrp.data import sources, splits
from bdrp.data.sources.simulated import simulate
from bdrp.explain.differing import mean_rank_correlation
from bdrp.explain.gene_sets import read_gmt
from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.fitted.prepared import Prepared, prepare
from bdrp.inference.hierarchical.likelihood import Likelihood
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.last_layer import LastLayerFit, LastLayerMethod
from bdrp.inference.method import Runtime
from bdrp.model.architecture import Architecture
from bdrp.model.attention import CrossAttention
from bdrp.model.network import Encoded, Network

MODULES, DELETED = 48, (1, 3, 10, 30, 100, 300)


@dataclass(frozen=True)
class Design:
    """How the attention weights of a drug come about.

    Attributes:
        pairing: of the network.
        programs: "learned", the gene "sets" of a file, or "modules" of co-expressed genes (k-means).
        sharpness: what the logits are multiplied by.
        named: named targets and pathways ask too.
        entropy: penalty on the entropy of a drug's weights; on the mean weights over drugs, half as much again back.
        slopes: weights are the programs' shares in the expected squared slopes of the drug, and are not learned.
    """

    pairing: str = "attention"
    programs: str = "learned"
    sharpness: float = 1.0
    named: bool = False
    entropy: float = 0.0
    slopes: bool = False


DESIGNS = {
    "product alone; slopes read": Design("product"),
    "softmax": Design(),
    "softmax, 10 times sharper": Design(sharpness=10),
    "softmax, 30 times sharper": Design(sharpness=30),
    "sharper, entropy penalty": Design(sharpness=10, entropy=0.1),
    "sharper, targets ask": Design(sharpness=10, named=True),
    "gene sets": Design(programs="sets"),
    "gene sets, sharper, targets, penalty": Design(programs="sets", sharpness=10, named=True, entropy=0.1),
    "slopes over learned programs": Design(slopes=True),
    "slopes over gene sets": Design(programs="sets", slopes=True),
    "slopes over modules": Design(programs="modules", slopes=True),
}


class Programs(nn.Module):
    """Programs whose loadings are zero outside of their genes (M, G)."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.loadings = nn.Parameter(mask / mask.sum(1, keepdim=True).clamp(min=1).sqrt())

    @property
    def weight(self) -> Tensor:
        """(M, G)."""
        return self.loadings * self.mask

    def forward(self, genes: Tensor) -> Tensor:
        """(L, M)."""
        return genes @ self.weight.T


class DesignedNetwork(Network):
    """A network whose attention logits are as a design has them."""

    def __init__(self, size: Architecture, design: Design, features: Features, mask: Tensor | None) -> None:
        super().__init__(size)
        self.design, self.layer_of = design, list[Any]()
        self.keys = torch.as_tensor(features.scalers["expression"].components).float()
        if mask is not None and size.has_attention:
            self.lines.programmes = Programs(mask)
        if design.named:
            self.named = nn.Linear(2 * len(features.compounds), size.heads * size.programmes)

    def encode(self, inputs: Inputs, lines: Tensor | None = None) -> Encoded:
        """Encode; then the logits."""
        encoded = super().encode(inputs, lines)
        drugs, design = encoded.drugs, self.design
        if not self.size.has_attention:
            return encoded
        offset, slope = drugs.offset, drugs.slope
        if design.named:
            offset = offset + self.named(torch.cat(inputs.relations[1:], 1).float()).view_as(offset)
        if design.slopes and self.layer_of:
            offset, slope = self._by_slopes(inputs)[:, None, :].expand_as(offset), torch.zeros_like(slope)
        drugs = drugs._replace(offset=design.sharpness * offset, slope=design.sharpness * slope)
        self.shares = torch.softmax(drugs.offset, -1)
        return encoded._replace(drugs=drugs)

    @torch.no_grad()
    def _by_slopes(self, inputs: Inputs) -> Tensor:
        """(D, M) log shares of programs in the expected squared effects."""
        known, loadings = self.layer_of[0].coefficients(inputs), self.lines.programmes.weight
        if isinstance(self.lines.programmes, Programs):  # the sum of its genes' shares
            square = (known.v[:, 1:] @ self.keys.T) ** 2 + known.v_variance[:, 1:] @ (self.keys**2).T
            square = square @ self.lines.programmes.mask.T
        else:
            along = self.keys.T / (self.keys**2).sum(0)[:, None] @ loadings.T
            along = along / along.norm(dim=0)
            square = (known.v[:, 1:] @ along) ** 2 + known.v_variance[:, 1:] @ along**2
        return (square / square.sum(1, keepdim=True) + 1e-8).log()


class DesignedLayer(LastLayer):
    """The model with a penalty on entropy among what is estimated."""

    def estimates_log_prior(self) -> Tensor:
        """See `LastLayer`."""
        prior, penalty = super().estimates_log_prior(), self.network.design.entropy
        if not penalty:
            return prior
        shares = self.network.shares
        each, mean = (-(p * (p + 1e-9).log()).sum(-1).mean() / math.log(p.shape[-1]) for p in (shares, shares.mean(0)))
        return prior - self.responses * penalty * (each - 1.5 * mean)


@dataclass(frozen=True)
class DesignedMethod(LastLayerMethod):
    """The last layer of a design."""

    name: ClassVar[str] = "last_layer"
    design: Design = field(default_factory=Design)
    mask: Tensor | None = field(default=None, compare=False, repr=False)

    def model(self, features: Features, responses: int) -> LastLayer:
        """See `NetworkMethod`."""
        size = self.architecture(features.widths["expression"], len(features.compounds))
        network = DesignedNetwork(size, self.design, features, self.mask)
        sizes = (len(features.compounds), len(features.lines), features.components)
        return DesignedLayer(network, Likelihood(self.likelihood, self.noise), sizes, responses)

    def _assemble(self, features: Features, responses: int) -> LastLayerFit:
        fitted = super()._assemble(features, responses)
        fitted.network.layer_of.append(fitted.layer)
        return fitted


def fit(prepared: Prepared, design: Design, seed: int, sets: dict[str, tuple[str, ...]]) -> LastLayerFit:
    """A design on a screen."""
    features, mask = prepared.batch.features, None
    if design.programs == "sets":
        mask = torch.tensor([[float(gene in set(genes)) for gene in features.genes] for genes in sets.values()])
        mask = mask[mask.sum(1) >= 3]
    if design.programs == "modules":
        profiles = prepared.batch.inputs.genes[prepared.batch.inputs.line_effect >= 0].T.numpy() + 1e-6
        unit = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
        found = KMeans(MODULES, n_init=2, random_state=seed).fit_predict(unit)
        mask = torch.as_tensor(np.eye(MODULES, dtype=np.float32)[found].T)
    size = {} if mask is None else {"programmes": len(mask)}
    method = DesignedMethod(pairing=design.pairing, design=design, mask=mask, **size)
    return method.fit(prepared.batch, Runtime(seed))


@torch.no_grad()
def gene_weights(fitted: LastLayerFit, inputs: Inputs, attention: bool) -> pd.DataFrame:
    """(D, G): softmax weights shared among genes by their loadings, mean over lines and heads; or those of slopes."""
    network, features = fitted.network.eval(), fitted.features
    if attention:
        encoded = network.encode(inputs)
        by_line = [CrossAttention.weights(encoded.drugs, activity[None]).mean(1) for activity in encoded.lines.activity]
        loadings = network.lines.programmes.weight.abs()
        weights = torch.stack(by_line).mean(0) @ (loadings / loadings.sum(1, keepdim=True).clamp(min=1e-9))
    else:
        known, keys = fitted.layer.coefficients(inputs), torch.as_tensor(features.scalers["expression"].components)
        mean, variance = known.v[:, 1:].double(), known.v_variance[:, 1:].double()
        weights = (mean @ keys.T.double()) ** 2 + variance @ (keys.T.double() ** 2)
        weights = weights / weights.sum(1, keepdim=True)
    return pd.DataFrame(weights.numpy(), index=list(inputs.drug_ids), columns=list(features.genes))


def recovery(weights: pd.DataFrame, causal: Any) -> np.ndarray:
    """AUROC with which each drug's weights find its genes."""
    found = {drug: weights.columns.isin(causal[drug]) for drug in weights.index}
    return np.array([roc_auc_score(y, weights.loc[drug]) for drug, y in found.items() if y.any()])


@torch.no_grad()
def deletion(
    fitted: LastLayerFit, inputs: Inputs, lines: Tensor, rankings: dict[str, pd.DataFrame], counts: Sequence[int]
) -> pd.DataFrame:
    """Root mean square change of predictions, in the measure's unit, when the top genes of a drug are at their mean.

    Returns:
        A row a count, a column a ranking.
    """
    genes, changes = inputs.genes[lines], []
    for drug in range(0, len(inputs.drug_ids), max(1, len(inputs.drug_ids) // 40)):
        shown = [genes]
        for table in rankings.values():
            order = torch.as_tensor(np.argsort(-table.to_numpy()[drug]).copy())
            shown += [genes.index_fill(1, order[:count], 0.0) for count in counts]
        mean = _predicted(fitted, inputs, torch.cat(shown), drug).reshape(len(shown), -1)
        changes.append(((mean[1:] - mean[0]) ** 2).mean(1).reshape(len(rankings), -1))
    return pd.DataFrame(np.sqrt(np.mean(changes, axis=0)).T, index=list(counts), columns=list(rankings))


def _predicted(fitted: LastLayerFit, inputs: Inputs, genes: Tensor, drug: int) -> np.ndarray:
    """(L,) mean of a drug on new lines of this expression (L, G)."""
    size, keys = len(genes), torch.as_tensor(fitted.features.scalers["expression"].components).float()
    shown = replace(
        inputs,
        line_ids=tuple(map(str, range(size))),
        lines={"expression": genes},
        components=genes @ keys,
        line_effect=torch.full((size,), -1),
    )
    nothing = torch.full((size,), torch.nan, dtype=torch.float64)
    pairs = Pairs(torch.arange(size), torch.full((size,), drug), *[nothing] * 4)
    return np.asarray(fitted.posterior_of(shown, pairs).moments.mean)


def accuracy(fitted: LastLayerFit, prepared: Prepared) -> dict[str, float]:
    """Of the test part, and of the validation part as training saw it."""
    test = prepared.batch.test
    pred = fitted.predict(prepared.batch.inputs, test)
    error = pred.mean - test.response.numpy()
    return {
        "validation": fitted.history["best_score"],
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "NLL": -float(np.mean(pred.log_prob(test.response.numpy()))),
    }


def targets_percentile(weights: pd.DataFrame, drugs: pd.DataFrame, shuffles: int = 200) -> tuple[float, float, float]:
    """Mean percentile of the genes named as a drug's targets; mean and 95 % point where drugs change places."""
    names = [
        [gene for gene in str(text).replace(";", ",").replace(" ", "").split(",") if gene in weights.columns]
        for text in drugs.loc[weights.index, "target"]
    ]
    percent = np.stack([rankdata(row) / weights.shape[1] for row in weights.to_numpy()])
    at = [weights.columns.get_indexer(genes) for genes in names]
    with_target = [position for position, places in enumerate(at) if len(places)]
    rng = np.random.default_rng(0)

    def mean(order: Sequence[int]) -> float:
        return float(np.mean([percent[i, at[j]].mean() for i, j in zip(order, with_target, strict=True)]))

    null = [mean(rng.permutation(with_target).tolist()) for _ in range(shuffles)]
    return mean(with_target), float(np.mean(null)), float(np.quantile(null, 0.95))


def on_simulated(seeds: Sequence[int], sets: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """A row a design and seed."""
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        simulation = simulate(seed, repeats=2)
        prepared = prepare(simulation.screen, splits.make(simulation.screen, "cell_line", seed=seed))
        for name, design in DESIGNS.items():
            if design.programs == "sets" and not sets:
                continue
            fitted, inputs = fit(prepared, design, seed, sets), prepared.batch.inputs
            weights = gene_weights(fitted, inputs, design.pairing == "attention")
            found = recovery(weights, simulation.truth.causal_genes)
            lines = torch.unique(prepared.batch.test.line)
            moved = deletion(fitted, inputs, lines, {"top": weights, "random": _random(weights)}, [30]).loc[30]
            figures = {"rank correlation": mean_rank_correlation(weights), "AUROC": found.mean(), **moved}
            rows.append({"design": name, "seed": seed, **accuracy(fitted, prepared), **figures})
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1), flush=True)
    return pd.DataFrame(rows)


def on_gdsc2(root: Path, out: Path) -> None:
    """Correlations of weights between drugs, deletion curves and annotated targets, by softmax and by slopes."""
    screen = sources.load("gdsc2", root)
    prepared = prepare(screen, splits.make(screen, "cell_line", fold=0, partition="published"))
    inputs, weights = prepared.batch.inputs, {}
    for name in ("softmax", "product alone; slopes read"):
        fitted = fit(prepared, DESIGNS[name], 0, {})
        print(name, accuracy(fitted, prepared), flush=True)
        weights["slopes" if DESIGNS[name].pairing == "product" else name] = gene_weights(
            fitted, inputs, DESIGNS[name].pairing == "attention"
        )
    lines = torch.unique(prepared.batch.test.line)[::5]
    rankings = weights | {"random": _random(weights["slopes"])}
    deletion(fitted, inputs, lines, rankings, DELETED).rename_axis("genes").to_csv(out / "deletion.csv")
    pairs = {}
    for name, table in weights.items():
        ranks = np.corrcoef(table.rank(axis=1).to_numpy())
        pairs[name] = ranks[np.triu_indices(len(ranks), 1)]
        print(name, "rank correlation", pairs[name].mean(), "targets", targets_percentile(table, screen.drugs))
    pd.DataFrame(pairs).to_csv(out / "correlation.csv", index=False, float_format="%.5f")


def _random(weights: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).random(weights.shape), weights.index, weights.columns)


def main() -> None:
    """Measure, print and keep the tables that docs/attention_figure.py draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--gene-sets", type=Path, help="GMT; designs of gene sets are left out without it")
    parser.add_argument("--root", type=Path, help="of GDSC2")
    arguments = parser.parse_args()
    arguments.out.mkdir(exist_ok=True)
    if arguments.root is not None:
        on_gdsc2(arguments.root, arguments.out)
    sets = {} if arguments.gene_sets is None else read_gmt(arguments.gene_sets)
    table = on_simulated(arguments.seeds, sets)
    table.to_csv(arguments.out / "designs.csv", index=False)
    print(table.groupby("design", sort=False).mean().drop(columns="seed").round(3).to_string())


if __name__ == "__main__":
    main()
