"""What a training step, a prediction and 100 draws cost beside the deterministic network's, and peak memory.

    python tests/benchmarks/costs.py [--root DATA] [--threads 2] [--device cpu] [--repeat 9] [--parts]

On GDSC2 where --root names its files, on the simulated screen otherwise. What is compared runs in turn, over and over;
figures are medians, and a ratio is the median of the ratios within one turn, so that a busy machine slows both sides.

A *step* is all that the training loop does for a block: loss, gradients, clipping, the optimiser. A *point pass*
predicts the same pairs by one network with one value of each weight: encode the drugs, and the lines that are named,
then mean and noise SD of each pair. It takes no variance and draws nothing: the least that a prediction can cost. It
encodes all drugs, as `last_layer` does; many draws encode those alone that are named, where that is fewer than half.
*One draw* is what the method itself takes for a single network. One hundred draws are compared with either.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pyro
import torch
from torch.utils.flop_counter import FlopCounterMode

from bdrp import inference
from bdrp.data import sources, splits
from bdrp.features import batch as features
from bdrp.features.batch import Pairs
from bdrp.fitted import saved_posterior_check
from bdrp.inference import last_layer, mc_dropout, variational
from bdrp.inference.hierarchical.grid import PAIRS_A_PASS, keep_named, keep_named_lines, sort_by_line
from bdrp.inference.hierarchical.predictor import add_loadings, network_term, rowwise_dot
from bdrp.inference.network.point import PointModel
from bdrp.inference.network.training_module import TrainingModule
from bdrp.inference.training.loop import Schedule
from bdrp.model.network import Encoded

NAMES = ("deterministic", "last_layer", "variational", "mc_dropout")
PAIRS = (1, 100, 1_000, 10_000, 32_000)
DRAWS = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--parts", action="store_true", help="also the parts of a step")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    screen = sources.load("gdsc2" if arguments.root else "simulated", arguments.root)
    batch = features.prepare(screen, splits.make(screen, "cell_line", seed=0)).to(arguments.device)
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        torch.manual_seed(0)
        trainings = {name: training(name, batch, arguments.device) for name in NAMES}
        clock = Clock(arguments.device, arguments.repeat)
        if arguments.parts:
            parts_of_a_step(trainings["last_layer"], clock)
        steps(trainings, clock)
        for one in trainings.values():
            one.fitted.learn_kriging(batch)
        predictions(trainings, batch, clock)
        draws(trainings, batch, clock)
        checks(trainings["last_layer"].fitted, batch, clock)
    print(f"\npeak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


class Clock:
    """Times alternatives in turn."""

    def __init__(self, device: str, repeat: int) -> None:
        self.device, self.repeat = device, repeat

    def __call__(self, calls: dict[str, Callable[[], Any]], repeat: int | None = None) -> dict[str, list[float]]:
        """Seconds of each call in each turn, after a warm-up."""
        times: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range((repeat or self.repeat) + 1):
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                if self.device != "cpu":
                    torch.cuda.synchronize()
                if turn:
                    times[name].append(time.perf_counter() - began)
        return times


def ratio(above: list[float], below: list[float]) -> float:
    """The median over turns."""
    return median(a / b for a, b in zip(above, below, strict=True))


def training(name: str, batch: Any, device: str) -> Any:
    """A method where its training of new lines is under way; `variational` with its posterior scale."""
    method: Any = replace(inference.make(name), lines="new").settle_block(len(batch.features.lines))
    fitted = method._assemble(batch.features, len(batch.train))
    layer = fitted.layer
    layer.leverage = torch.full((len(batch.features.compounds), len(batch.inputs.line_ids)), 0.2)
    fitted.to(torch.device(device))
    if name == "last_layer":
        made: Any = TrainingModule(method, fitted, batch, last_layer.negative_elbo(layer, batch), posterior=True)
    elif name == "variational":
        made = variational._VariationalTraining(method, fitted, batch)
    else:
        used = partial(mc_dropout.drop_weights, rate=method.rate) if name == "mc_dropout" else None
        made = TrainingModule(method, fitted, batch, partial(PointModel(layer.model, layer.guide, used), batch.inputs))
    made.begin_epoch(method.schedule().epochs - 1)
    made.module.train()
    return made


def steps(trainings: dict[str, Any], clock: Clock) -> None:
    """One step of each method on the same blocks."""
    blocks = list(trainings["deterministic"].blocks(torch.Generator().manual_seed(0)))
    limit = Schedule(1, 1).clip

    def stepped(one: Any) -> Callable[[], None]:
        optimiser, turn = torch.optim.AdamW(one.parameter_groups()), iter(blocks * 99)

        def step() -> None:
            optimiser.zero_grad()
            one.loss(next(turn)).backward()
            one.clip(limit)
            optimiser.step()

        return step

    took = clock({name: stepped(one) for name, one in trainings.items()}, repeat=3 * clock.repeat)
    block = blocks[0]
    print(
        f"\na step: {len(block.lines)} lines x {len(trainings['deterministic'].batch.inputs.drug_ids)} drugs, ", end=""
    )
    print(f"{len(block.line)} responses")
    for name, seconds in took.items():
        print(f"{name:28s} {1000 * median(seconds):8.1f} ms {ratio(seconds, took['deterministic']):8.2f}")


def parts_of_a_step(one: Any, clock: Clock) -> None:
    """Parts of the network, forward and backward."""
    network, inputs = one.fitted.network, one.batch.inputs
    block = next(iter(one.blocks(torch.Generator().manual_seed(0))))
    genes = inputs.genes[block.lines]
    encoded = network.encode(inputs, block.lines)
    free = type(encoded)(*(type(part)(*(x.detach().requires_grad_() for x in part)) for part in encoded))

    calls: dict[str, Callable[[], Any]] = {
        "encode drugs": lambda: sum(x.sum() for x in network.drugs(inputs.molecules)).backward(),
        "encode lines": lambda: sum(x.sum() for x in network.lines(genes)).backward(),
        "pairing and heads": lambda: sum(x.sum() for x in network.pairs(free, block.line, block.drug)).backward(),
    }
    for name, seconds in clock(calls).items():
        print(f"{name:28s} {1000 * median(seconds):8.1f} ms")


def some(batch: Any, many: int | None) -> Pairs:
    """So many pairs of the whole grid at random; None for all of it."""
    lines, drugs = len(batch.inputs.line_ids), len(batch.inputs.drug_ids)
    device = batch.inputs.genes.device
    cells = torch.arange(lines * drugs) if many is None else torch.randperm(lines * drugs)[:many]
    unknown = torch.full((len(cells),), torch.nan, device=device)
    return Pairs((cells // drugs).to(device), (cells % drugs).to(device), *[unknown] * 4)


@torch.no_grad()
def point_pass(fitted: Any, inputs: Any, pairs: Pairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and noise SD by one network with one value of each weight."""
    inputs, pairs = keep_named_lines(inputs, pairs)
    layer, ordered, found = fitted.layer, sort_by_line(pairs), []
    encoded, known = layer.encode(inputs), layer.coefficients(inputs)
    by_line, by_compound = (
        add_loadings(layer.model.by_line(encoded), known.loadings),
        layer.model.regressors(inputs.components),
    )
    left, right = torch.cat([by_compound, known.u], dim=1), torch.cat([known.v, by_line], dim=1)
    random = rowwise_dot(left, right, ordered.line, ordered.drug)
    for chunk in ordered.chunks(PAIRS_A_PASS):
        near = Encoded(encoded.drugs, encoded.lines.select(chunk.lines))
        terms = layer.model.terms(near, inputs, chunk.lines, chunk.line, chunk.drug)
        mean = network_term(terms, layer.guide.w_mean) + random[chunk.rows]
        found.append(torch.stack([mean, terms.log_noise(mean, terms.own + known.v[chunk.drug, 0]).exp()]))
    mean, sd = ordered.restore_order(torch.cat(found, dim=1))
    return mean.cpu(), sd.cpu()


def predictions(trainings: dict[str, Any], batch: Any, clock: Clock) -> None:
    """The whole distribution of `last_layer` beside a point pass."""
    point, full = trainings["deterministic"].fitted, trainings["last_layer"].fitted
    print("\n    pairs   point pass   last_layer.predict   ratio      pairs/s")
    for many in (*PAIRS, None):
        pairs = some(batch, many)
        took = clock(
            {
                "point": lambda pairs=pairs: point_pass(point, batch.inputs, pairs),
                "full": lambda pairs=pairs: full.predict(batch.inputs, pairs),
            }
        )
        a, b = median(took["point"]), median(took["full"])
        print(
            f"{len(pairs):9,d} {1000 * a:9.1f} ms {1000 * b:17.1f} ms {ratio(took['full'], took['point']):7.2f}"
            f" {len(pairs) / b:12,.0f}"
        )


def draws(trainings: dict[str, Any], batch: Any, clock: Clock) -> None:
    """One hundred draws beside a point pass, and beside one draw of the same method.

    Arithmetic is the limit where matrix products run at nearly the speed of one large product, whatever else is done.
    """
    point = trainings["deterministic"].fitted
    square = torch.randn(1024, 1024, device=clock.device)
    best = 2 * 1024**3 / median(clock({"product": lambda: square @ square})["product"]) / 1e9
    print(f"\na product of 1,024 x 1,024 matrices runs at {best:.0f} Gflop/s")
    print(f"{DRAWS} draws     pairs    seconds   / point pass   / one draw   Gflop a draw   Gflop/s")
    for name in ("variational", "mc_dropout"):
        fitted = trainings[name].fitted
        for many in PAIRS:
            pairs = some(batch, many)
            took = clock(
                {
                    "point": lambda pairs=pairs: point_pass(point, batch.inputs, pairs),
                    "one": lambda pairs=pairs, fitted=fitted: drawn(fitted, batch.inputs, pairs, 1),
                    "many": lambda pairs=pairs, fitted=fitted: drawn(fitted, batch.inputs, pairs, DRAWS),
                },
                repeat=max(1, clock.repeat // 3),
            )
            with FlopCounterMode(display=False) as counted:
                drawn(fitted, batch.inputs, pairs, 2)
            with FlopCounterMode(display=False) as less:
                drawn(fitted, batch.inputs, pairs, 1)
            work, seconds = (counted.get_total_flops() - less.get_total_flops()) / 1e9, median(took["many"])
            print(
                f"{name:12s} {len(pairs):8,d} {seconds:8.2f} s {ratio(took['many'], took['point']):12.1f}"
                f" {ratio(took['many'], took['one']):12.1f} {work:14.2f} {DRAWS * work / seconds:9.0f}"
            )


def drawn(fitted: Any, inputs: Any, pairs: Pairs, many: int) -> None:
    """What a prediction takes by so many networks."""
    if hasattr(fitted, "draws"):
        fitted.mixture_moments(inputs, pairs, many)
        return
    fitted.passes = many
    for _ in fitted.run_passes(*keep_named(inputs, pairs)):
        pass


def checks(fitted: Any, batch: Any, clock: Clock) -> None:
    """The check of the posterior that each fit ends with."""
    took = clock({"check": lambda: saved_posterior_check.check_posterior(fitted, batch, 0)}, repeat=1)
    print(f"\ncheck of the posterior {median(took['check']):6.2f} s")


if __name__ == "__main__":
    main()
