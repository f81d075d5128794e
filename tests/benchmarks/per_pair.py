"""What training and predicting cost beside the ways that others take: pair by pair, draw by draw.

    OMP_NUM_THREADS=1 python tests/benchmarks/per_pair.py [--root DATA] [--pairs 10000] [--repeat 3]

Everything runs in one process on one thread, in turn, in seconds of its CPU; a ratio is the median of the ratios within
one turn. On GDSC2 where --root names its files, on the simulated screen otherwise.

*Training* is whole steps: a loss, gradients, the optimiser. `last_layer` trains on grid blocks. Beside it stand its own
network with a molecule and a profile encoded for each pair of a batch, as per-pair methods do, its loss left out; and
the graph isomorphism network of GraphDRP (Nguyen et al. 2022, IEEE/ACM Transactions on Computational Biology and
Bioinformatics 19, 146), written from its description: five GIN layers of 32 with batch norm, three convolutions along
735 genes, batches of 1,024 pairs that PyTorch Geometric collates from one graph a pair. *Predicting* is the whole
distribution of some pairs: closed form, 100 passes of MC dropout, and 100 draws by the loop of Pyro's `Predictive`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyro
import torch
from costs import drawn, some, training
from pyro.infer import Predictive
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, global_add_pool

from bdrp.data import sources, splits
from bdrp.features import batch as features
from bdrp.features.atom_classes import AtomClasses, Step
from bdrp.features.molecules import MoleculeGraphs
from bdrp.inference.hierarchical.grid import keep_named
from bdrp.inference.hierarchical.likelihood import Responses
from bdrp.inference.hierarchical.model import Block
from bdrp.model.network import Encoded

GENES: Final = 735
"""Mutations and copy numbers that GraphDRP reads of a line."""
ATOM_FEATURES: Final = 78
"""That GraphDRP reads of an atom; their number alone matters for the cost."""
BATCH: Final = 1_024
DRAWS: Final = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path)
    parser.add_argument("--pairs", type=int, default=10_000, help="how many are predicted")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    screen = sources.load("gdsc2" if given.root else "simulated", given.root)
    batch = features.prepare(screen, splits.make(screen, "cell_line", seed=0))
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        torch.manual_seed(0)
        steps = {"last_layer, grid blocks": grid_steps(batch), "its network, pair by pair": pair_steps(batch)}
        report("training", in_turn(steps | {"GraphDRP's GIN": gin_steps(batch)}, given.repeat))
        fitted = {name: training(name, batch, "cpu").fitted for name in ("last_layer", "mc_dropout")}
        for one in fitted.values():
            one.learn_kriging(batch)
        ways = predictions(fitted, batch, some(batch, given.pairs))
        report(f"the distribution of {given.pairs:,} pairs", in_turn(ways, given.repeat))


Work = Callable[[], int]
"""Does some work, and says on how many pairs."""


def in_turn(calls: dict[str, Work], repeat: int) -> dict[str, list[float]]:
    """Pairs a CPU second of each call in each turn, after one that warms up."""
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeat + 1):
        for name, call in calls.items():
            began = time.process_time()
            pairs = call()
            if turn:
                rates[name].append(pairs / (time.process_time() - began))
    return rates


def report(what: str, rates: dict[str, list[float]]) -> None:
    """A row a way; the first is what the others are compared with."""
    first = next(iter(rates.values()))
    print(f"\n{what:38s} {'pairs a CPU second':>22s}   the first is so many times as fast")
    for name, each in rates.items():
        times = median(a / b for a, b in zip(first, each, strict=True))
        print(f"{name:38s} {median(each):22,.0f}   {times:10.1f}", flush=True)


def grid_steps(batch: Any) -> Work:
    """Whole steps of `last_layer`, a grid block each; ten a call."""
    made = training("last_layer", batch, "cpu")
    optimiser = torch.optim.AdamW(made.parameter_groups())
    blocks = forever(lambda: made.blocks(torch.Generator().manual_seed(0)))

    def step() -> int:
        pairs = 0
        for _ in range(10):
            block = next(blocks)
            optimiser.zero_grad()
            made.loss(block).backward()
            made.clip(1.0)
            optimiser.step()
            pairs += len(block.line)
        return pairs

    return step


def pair_steps(batch: Any) -> Work:
    """Steps of the same network over a batch of pairs, each with its own molecule and profile to encode."""
    network = training("last_layer", batch, "cpu").fitted.network
    optimiser = torch.optim.AdamW(network.parameters())
    chosen = forever(lambda: torch.randperm(len(batch.train)).split(BATCH))

    def step() -> int:
        rows = batch.train.select(next(chosen))
        molecules = batch.inputs.molecules.select(rows.drug)
        molecules.__dict__["classes"] = Apart(molecules)
        optimiser.zero_grad()
        each = torch.arange(len(rows))
        states = Encoded(network.drugs(molecules), network.lines(batch.inputs.genes[rows.line]))
        sum(part.square().mean() for part in network.pairs(states, each, each)).backward()
        optimiser.step()
        return len(rows)

    return step


class Apart(AtomClasses):
    """Every atom a class of its own, as in a network that computes each pair by itself."""

    def __init__(self, molecules: MoleculeGraphs) -> None:
        super().__init__(molecules.atoms, molecules.bonds, molecules.bond_features)
        self.atom_features, self.start = molecules.atoms, torch.arange(len(molecules.atoms))

    def step(self, number: int) -> Step:
        """Each atom from what it was, over all bonds."""
        return Step(self.start, self.start, self.bonds, self.kind)


class GraphIsomorphism(nn.Module):
    """GraphDRP with GIN: a graph of atoms beside convolutions along the genes of a line."""

    def __init__(self) -> None:
        super().__init__()
        widths = [ATOM_FEATURES, *[32] * 5]
        self.graph = nn.ModuleList(
            GINConv(nn.Sequential(nn.Linear(before, 32), nn.ReLU(), nn.Linear(32, 32))) for before in widths[:-1]
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(32) for _ in self.graph)
        self.drug = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Dropout(0.2))
        channels = [1, 32, 64, 128]
        self.line = nn.Sequential(
            *(
                layer
                for before, after in zip(channels, channels[1:], strict=False)
                for layer in (nn.Conv1d(before, after, 8), nn.ReLU(), nn.MaxPool1d(3))
            ),
            nn.Flatten(),
            nn.LazyLinear(128),
        )
        wide = (nn.Linear(256, 1_024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1_024, 128), nn.ReLU(), nn.Dropout(0.5))
        self.pair = nn.Sequential(*wide, nn.Linear(128, 1), nn.Sigmoid())

    def forward(self, data: Any) -> Tensor:
        """(N, 1) responses between 0 and 1."""
        atoms = data.x
        for layer, norm in zip(self.graph, self.norms, strict=True):
            atoms = norm(layer(atoms, data.edge_index).relu())
        drug = self.drug(global_add_pool(atoms, data.batch))
        return self.pair(torch.cat([drug, self.line(data.genes[:, None])], dim=1))


def gin_steps(batch: Any) -> Work:
    """Steps of that network over batches that its loader collates."""
    graphs, lines = list(drawn_graphs(batch.inputs.molecules)), torch.rand(len(batch.inputs.line_ids), 1, GENES)
    rows = batch.train

    class Rows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, at: int) -> Data:
            x, bonds = graphs[int(rows.drug[at])]
            return Data(x=x, edge_index=bonds, genes=lines[rows.line[at]], y=torch.rand(1))

    batches = forever(lambda: DataLoader(Rows(), batch_size=BATCH, shuffle=True))
    model = GraphIsomorphism()
    model(next(batches))  # the width of its last layer of genes is known then
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> int:
        data = next(batches)
        optimiser.zero_grad()
        nn.functional.mse_loss(model(data), data.y[:, None]).backward()
        optimiser.step()
        return len(data.y)

    return step


def drawn_graphs(molecules: MoleculeGraphs) -> Iterator[tuple[Tensor, Tensor]]:
    """Each molecule's bonds, with random features of its atoms."""
    for drug in range(len(molecules)):
        one = molecules.select(torch.tensor([drug]))
        yield torch.rand(len(one.atoms), ATOM_FEATURES), one.bonds


def predictions(fitted: dict[str, Any], batch: Any, pairs: Any) -> dict[str, Work]:
    """Ways to the distribution of the same pairs."""

    def closed_form() -> int:
        fitted["last_layer"].predict(batch.inputs, pairs)
        return len(pairs)

    def passes() -> int:
        drawn(fitted["mc_dropout"], batch.inputs, pairs, DRAWS)
        return len(pairs)

    return {
        "last_layer, closed form": closed_form,
        f"mc_dropout, {DRAWS} passes": passes,
        f"Pyro's Predictive, {DRAWS} draws": predictive_loop(fitted["last_layer"].layer, batch, pairs),
    }


def predictive_loop(layer: Any, batch: Any, pairs: Any) -> Work:
    """Draws of every weight, and a pass of the model with each."""
    inputs, few = keep_named(batch.inputs, pairs)
    zero, no = torch.zeros(len(few)), torch.zeros(len(few), dtype=torch.bool)
    seen = Responses(zero, no, no, zero)
    block = Block(torch.arange(len(inputs.line_ids)), few.line, few.drug, seen, no)
    predictive = Predictive(layer.model, guide=layer.guide, num_samples=DRAWS)

    @torch.no_grad()
    def draw() -> int:
        predictive(inputs, block)
        return len(few)

    return draw


def forever(made: Callable[[], Any]) -> Iterator[Any]:
    """What is made, one after the other, over and over."""
    while True:
        yield from made()


if __name__ == "__main__":
    main()
