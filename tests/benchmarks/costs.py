"""What a training step costs by part, how fast distributions are predicted, and peak memory.

    python tests/benchmarks/costs.py [--root DATA] [--threads 2] [--device cpu]

On GDSC2 where --root names its files, on the simulated screen otherwise. Medians over repetitions in one run.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pyro
import torch

from bdrp import inference
from bdrp.data import sources, splits
from bdrp.features import batch as features
from bdrp.features.batch import Pairs
from bdrp.inference.last_layer import _Svi


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    screen = sources.load("gdsc2" if arguments.root else "simulated", arguments.root)
    batch = features.prepare(screen, splits.make(screen, "cell_line", seed=0)).to(arguments.device)
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        measure(batch, arguments.device)
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def measure(batch: Any, device: str) -> None:
    """Parts of a step, then prediction."""
    method = inference.make("last_layer")
    fitted = method._assemble(batch.features, len(batch.train))
    fitted.to(torch.device(device))
    trainable = _Svi(method, fitted, batch)
    network, inputs = fitted.model.network, batch.inputs
    block = next(iter(trainable.blocks(torch.Generator().manual_seed(0))))
    optimiser = torch.optim.AdamW(trainable.parameter_groups())
    genes = inputs.genes[block.lines]
    encoded = network.encode(inputs.molecules, genes)
    free = type(encoded)(*(type(part)(*(x.detach().requires_grad_() for x in part)) for part in encoded))

    def svi() -> None:
        optimiser.zero_grad()
        trainable.loss(block).backward()
        optimiser.step()

    def plain() -> None:
        optimiser.zero_grad()
        terms = fitted.model.terms(network.encode(inputs.molecules, genes), inputs, block.lines, block.line, block.drug)
        mean = terms.offset + terms.features @ fitted.guide.w_mean
        error = (block.seen.response - mean) ** 2 / (2 * terms.log_noise(mean)).exp() + 2 * terms.log_noise(mean)
        error.mean().backward()
        optimiser.step()

    parts: dict[str, Callable[[], Any]] = {
        "encode drugs": lambda: sum(x.sum() for x in network.drugs(inputs.molecules)).backward(),
        "encode lines": lambda: sum(x.sum() for x in network.lines(genes)).backward(),
        "attention": lambda: (
            network.attention(free.drugs.at(block.drug), free.lines.activity[block.line]).sum().backward()
        ),
        "attention and heads": lambda: sum(x.sum() for x in network.pairs(free, block.line, block.drug)).backward(),
        "deterministic step, whole": plain,
        "SVI step, whole": svi,
    }
    print(f"block: {len(block.lines)} lines x {len(inputs.drug_ids)} drugs, {len(block.line)} responses")
    took = {name: clock(step, device) for name, step in parts.items()}
    for name, seconds in took.items():
        print(f"{name:28s} {1000 * seconds:8.1f} ms")
    print(f"SVI / deterministic step     {took['SVI step, whole'] / took['deterministic step, whole']:8.2f}")
    predict(fitted, inputs, device)


def predict(fitted: Any, inputs: Any, device: str) -> None:
    """Pairs a second once drugs and lines are encoded."""
    lines, drugs = len(inputs.line_ids), len(inputs.drug_ids)
    line = torch.arange(lines, device=device).repeat_interleave(drugs)
    drug = torch.arange(drugs, device=device).repeat(lines)
    unknown = torch.full((len(line),), torch.nan, device=device)
    pairs = Pairs(line, drug, unknown, unknown, unknown)
    encoded = fitted.encode(inputs)
    seconds = clock(lambda: fitted.moments(encoded, inputs, pairs), device)
    whole = clock(lambda: fitted.predict(inputs, pairs), device)
    print(f"predictive moments, encoded  {len(line) / seconds:12,.0f} pairs/s")
    print(f"whole predict, with encoding {len(line) / whole:12,.0f} pairs/s")


def clock(step: Callable[[], Any], device: str, repeat: int = 7) -> float:
    """Median seconds after one warm-up."""
    times = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        step()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return median(times[1:])


if __name__ == "__main__":
    main()
