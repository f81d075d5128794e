"""How near the guide of the last layer comes to the true posterior, where that can be known.

    python tests/benchmarks/posterior_quality.py [--lines 40] [--drugs 6] [--replications 100]

A small screen with a network, prior scales and noise that stay fixed, so that only w, v and u are unknown. With noise
of one level the posterior is a normal distribution in closed form; with noise that follows the mean, NUTS draws from
it. Printed, a row a covariance of w: SD of the guide over that of the truth, distance of the means in true SDs, the
same of the predicted means of all pairs, simulation-based calibration, and coverage of 90 % intervals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.infer import MCMC, NUTS, TraceMeanField_ELBO
from torch import Tensor

from bdrp.evaluation.simulation_based import ranks, uniformity
from bdrp.features import molecules
from bdrp.features.batch import Inputs
from bdrp.features.drugs import DrugRelations
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.likelihood import Likelihood, Responses
from bdrp.inference.hierarchical.model import Block, LastLayer
from bdrp.inference.hierarchical.predictor import Terms
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network

SMILES = ["CCO", "c1ccccc1C", "CC(=O)NC", "CCN(CC)CC", "O=C(O)c1ccccc1", "CC(C)Cc1ccc(cc1)C", "C1CCNCC1", "CCOC(C)=O"]
OFF = 1e-4  # the prior scale of a part that is switched off


@dataclass
class Problem:
    """A model of which only w, v and u are unknown, its terms, and where each weight stands in one long vector.

    Attributes:
        design: (n, W) what each of all W weights multiplies in each mean. scale: (W,) their prior SDs.
        active: (W,) the weights that are not switched off.
    """

    model: LastLayer
    inputs: Inputs
    block: Block
    terms: Terms
    design: Tensor
    scale: Tensor

    @property
    def active(self) -> Tensor:
        return self.scale > 10 * OFF


@contextmanager
def quickly() -> Iterator[None]:
    """Pyro as the method runs it: local parameters, no validation, its own random numbers."""
    local = pyro.settings.context(module_local_params=True)
    with torch.random.fork_rng(devices=[]), local, pyro.validation_enabled(False):
        yield


def problem(
    lines: int = 20,
    drugs: int = 3,
    *,
    parts: str = "wvu",
    noise: tuple[float, ...] = (-0.9, 0.0, 0.0),
    seed: int = 0,
) -> Problem:
    """Every line with every drug; `parts` are the unknown ones, w always; `noise` as `Terms.noise` has it."""
    torch.manual_seed(seed)
    size = Architecture(20, 4, 1, 4, 3, 1, 2, 2, gene_dropout=0, drug_dropout=0, pairing="attention")  # six features
    model = LastLayer(Network(size), Likelihood(), (drugs, lines, 2), lines * drugs).eval().requires_grad_(False)
    model.log_compound_scale.copy_(torch.tensor([0.8, 0.3, 0.3] if "v" in parts else [OFF] * 3).log())
    model.log_line_scale.copy_(torch.tensor([0.3, 0.2, 0.2] if "u" in parts else [OFF] * 3).log())
    inputs = Inputs(
        tuple(SMILES[:drugs]),
        tuple(map(str, range(lines))),
        molecules.graphs(SMILES[:drugs]),
        {"expression": torch.randn(lines, 20)},
        torch.randn(lines, 2),
        torch.arange(drugs),
        torch.arange(lines),
        torch.full((drugs,), torch.nan),
        DrugRelations.unrelated(drugs, drugs),
    )
    line, drug = torch.cartesian_prod(torch.arange(lines), torch.arange(drugs)).unbind(1)
    block = _block(torch.arange(lines), line, drug)
    encoded = model.network.encode(inputs)
    terms = model.terms(encoded, inputs, block.lines, line, drug)
    # An untrained network's features hardly differ between pairs; a trained one's do.
    told = 0.3 * (terms.features - terms.features.mean(0)) / terms.features.std(0)
    terms = terms._replace(features=told, noise=torch.tensor(noise).expand(len(line), 3))
    model.network.encode = lambda inputs, lines=None: encoded  # type: ignore[method-assign]
    model.terms = lambda *_: terms  # type: ignore[method-assign]
    return Problem(model, inputs, block, terms, _design(terms, block), _scales(model))


def measured(response: Tensor) -> Responses:
    """Responses without limits."""
    never = torch.zeros(len(response), dtype=torch.bool)
    return Responses(response, never, never, response)


def structural(model: LastLayer) -> Callable[..., None]:
    """The model with loadings that structure alone says, so that the mean is linear in what is unknown."""
    still = torch.zeros(model.compounds, len(model.log_line_scale) - 1)
    conditioned: Callable[..., None] = poutine.condition(model, {"loadings": still})
    return conditioned


def exact(task: Problem, response: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of all weights given responses, for noise that does not follow the mean; conjugacy."""
    design, scale = task.design.double(), task.scale.double()
    precision = (-2 * task.terms.log_noise(task.terms.own, task.terms.own)).exp().double()
    covariance = torch.linalg.inv(torch.diag(scale**-2) + design.T @ (precision[:, None] * design))
    return covariance @ design.T @ (precision * (response - task.terms.offset).double()), covariance


def simulated(task: Problem) -> tuple[Tensor, Tensor]:
    """Weights from the prior, (W,), and responses, (n,)."""
    weights = task.scale * torch.randn(len(task.scale))
    mean = task.terms.offset + task.design @ weights
    own = task.terms.own + _intercepts(task, weights)
    sd = task.terms.log_noise(mean, own).exp()
    return weights, mean + sd * torch.randn_like(mean)


def fitted(task: Problem, guide: Guide, response: Tensor, steps: int, rate: float = 0.1, particles: int = 1) -> None:
    """Fit the guide by SVI as the method does, from where it stands; its second half of steps is averaged."""
    elbo = TraceMeanField_ELBO(num_particles=particles)
    model, some = structural(task.model), poutine.block(guide, hide=["loadings"])
    block = task.block._replace(seen=measured(response))
    weights = [part for name, part in guide.named_parameters() if not name.startswith("g_")]
    optimiser = torch.optim.Adam(weights, lr=rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    total = [torch.zeros_like(weight) for weight in weights]
    for step in range(steps):
        optimiser.zero_grad()
        elbo.differentiable_loss(model, some, task.inputs, block).backward()
        optimiser.step()
        fall.step()
        if step >= steps // 2:
            for part, weight in zip(total, weights, strict=True):
                part += weight.detach() / (steps - steps // 2)
    with torch.no_grad():
        for part, weight in zip(total, weights, strict=True):
            weight.copy_(part)


def approximate(guide: Guide) -> tuple[Tensor, Tensor]:
    """Mean and covariance of all weights in the guide."""
    w = guide.w()
    within = w.covariance_matrix if hasattr(w, "covariance_matrix") else torch.diag(w.variance)
    rest = torch.cat([guide.v_log_scale.exp().flatten(), _line_sds(guide).flatten()])
    mean = torch.cat([guide.w_mean, guide.v_mean.flatten(), guide.u_mean.flatten()])
    return mean.detach().double(), torch.block_diag(within, torch.diag(rest**2)).detach().double()


def nuts(task: Problem, response: Tensor, draws: int, warmup: int, seed: int = 0) -> Tensor:
    """(S, W) draws of the true posterior."""
    block = task.block._replace(seen=measured(response))
    torch.manual_seed(seed)
    # u is held at 0 rather than switched off by its scale, which would make the posterior stiff.
    still = {} if task.active[-1] else {"u": torch.zeros(task.model.lines, len(task.model.log_line_scale))}
    kernel = NUTS(poutine.condition(structural(task.model), still), jit_compile=False, max_tree_depth=6)
    chain = MCMC(kernel, num_samples=draws, warmup_steps=warmup, disable_progbar=True)
    chain.run(task.inputs, block)
    drawn = chain.get_samples() | {name: value.expand(draws, *value.shape) for name, value in still.items()}
    return torch.cat([drawn[name].reshape(draws, -1) for name in ("w", "v", "u")], dim=1).double()


def repeated(task: Problem, times: int) -> Problem:
    """R replications as one problem of R times the weights, lines and compounds that share nothing: fitted at once."""
    one, terms, block = task.model, task.terms, task.block
    lines, drugs = one.lines, one.compounds
    sizes = (times * drugs, times * lines, 2)
    model = LastLayer(one.network, Likelihood(), sizes, times * one.responses).eval().requires_grad_(False)
    model.weight_scale = torch.ones(times * len(one.weight_scale))
    model.log_compound_scale.copy_(one.log_compound_scale)
    model.log_line_scale.copy_(one.log_line_scale)
    many = Terms(
        torch.block_diag(*[terms.features] * times),
        terms.by_compound.repeat(times, 1),
        terms.by_line.repeat(times, 1),
        *(part.repeat(times, *[1] * (part.ndim - 1)) for part in (terms.offset, terms.own, terms.noise)),
    )
    model.terms = lambda *_: many  # type: ignore[method-assign]
    inputs = replace(
        task.inputs,
        drug_ids=tuple(map(str, range(times * drugs))),
        line_ids=tuple(map(str, range(times * lines))),
        lines={"expression": task.inputs.genes.repeat(times, 1)},
        components=task.inputs.components.repeat(times, 1),
        drug_effect=torch.arange(times * drugs),
        line_effect=torch.arange(times * lines),
    )
    shift = torch.arange(times).repeat_interleave(len(block.line))
    line, drug = block.line.repeat(times) + lines * shift, block.drug.repeat(times) + drugs * shift
    every = _block(torch.arange(times * lines), line, drug)
    return Problem(model, inputs, every, many, task.design, task.scale)


def calibrated(
    task: Problem, kind: str, replications: int, steps: int, draws: int = 99
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of the true weights (R, W) and of the true means of all pairs (R, n) among posterior draws."""
    simulations = [simulated(task) for _ in range(replications)]
    whole = repeated(task, replications)
    guide = Guide(whole.model, kind)
    if kind == "full":  # what is unrelated is not to be related by the noise of the descent
        width = len(task.model.weight_scale)
        within = torch.block_diag(*[torch.ones(width, width)] * replications)
        guide.w_factor.register_hook(lambda gradient: gradient * within)
    fitted(whole, guide, torch.cat([response for _, response in simulations]), steps)
    truth = torch.stack([weights for weights, _ in simulations]).double()
    w, v, u = (part.reshape(draws, replications, -1) for part in _draws(guide, draws))
    sample, design = torch.cat([w, v, u], dim=2).transpose(0, 1).double(), task.design.double()
    return ranks(truth.numpy(), sample.numpy()), ranks((truth @ design.T).numpy(), (sample @ design.T).numpy())


def _block(lines: Tensor, line: Tensor, drug: Tensor) -> Block:
    return Block(lines, line, drug, measured(torch.zeros(len(line))), torch.zeros(len(line), dtype=torch.bool))


def _line_sds(guide: Guide) -> Tensor:
    """(L, 1 + R) SDs of u; its correlations are those of the start, none here."""
    return guide.u_scale_tril(torch.arange(len(guide.u_mean))).diagonal(dim1=1, dim2=2)


def _draws(guide: Guide, draws: int) -> tuple[Tensor, Tensor, Tensor]:
    v, u = (guide.v_mean, guide.v_log_scale.exp()), (guide.u_mean, _line_sds(guide))
    with torch.no_grad():
        drawn = (mean + scale * torch.randn(draws, *mean.shape) for mean, scale in (v, u))
        return guide.w().sample((draws,)), *drawn


def _design(terms: Terms, block: Block) -> Tensor:
    rows, lines, drugs = len(block.line), int(block.line.max()) + 1, int(block.drug.max()) + 1
    v = torch.zeros(rows, drugs, terms.by_compound.shape[1])
    u = torch.zeros(rows, lines, terms.by_line.shape[1])
    v[torch.arange(rows), block.drug] = terms.by_compound[block.line]
    u[torch.arange(rows), block.line] = terms.by_line[block.drug]
    return torch.cat([terms.features, v.flatten(1), u.flatten(1)], dim=1)


def _scales(model: LastLayer) -> Tensor:
    v = model.compound_scale(torch.arange(model.compounds)).flatten()
    return torch.cat([model.weight_scale, v, model.log_line_scale.exp().repeat(model.lines)])


def _intercepts(task: Problem, weights: Tensor) -> Tensor:
    """(n,) the drawn intercept of each pair's compound."""
    start, regressors = len(task.model.weight_scale), task.terms.by_compound.shape[1]
    return weights[start:][: task.model.compounds * regressors].reshape(-1, regressors)[task.block.drug, 0]


KINDS = ("full", "low_rank", "diagonal")


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--drugs", type=int, default=6, choices=range(2, len(SMILES) + 1))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--draws", type=int, default=500)
    asked = parser.parse_args()
    size = {"lines": asked.lines, "drugs": asked.drugs}
    with quickly():
        print("| truth | covariance of w | SD ratio: least, median, most | largest distance of a mean | "
              "predicted means: SD ratio, least, median, most | largest distance |")  # fmt: skip
        print("| --- | --- | --- | --- | --- | --- |")
        for parts in ("w", "wvu"):
            for kind in KINDS:
                print(
                    f"| conjugate, {parts} | {kind} | {_beside(*_conjugate(problem(**size, parts=parts), kind, asked))}"
                )
        sampled = _sampled(problem(**size, parts="wv", noise=(-0.9, 0.3, -0.15)), asked)
        print(f"| NUTS, wv, noise follows the mean | full | {_beside(*sampled)}", flush=True)
        print(
            "\n| unknown | covariance of w | ranks of | chi-square | if uniform | p | spread | 90 % interval covers |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for parts in ("w", "wvu"):
            for kind in (
                "full",
                "diagonal",
            ):  # the low rank would be shared by all replications, which are fitted as one
                _print_ranks(problem(**size, parts=parts), parts, kind, asked)


Moments = tuple[Tensor, Tensor]


def _conjugate(task: Problem, kind: str, asked: argparse.Namespace) -> tuple[Problem, Moments, Moments]:
    torch.manual_seed(1)
    response, guide = simulated(task)[1], Guide(task.model, kind)
    fitted(task, guide, response, asked.steps)
    return task, exact(task, response), approximate(guide)


def _sampled(task: Problem, asked: argparse.Namespace) -> tuple[Problem, Moments, Moments]:
    torch.manual_seed(1)
    response, guide = simulated(task)[1], Guide(task.model, "full")
    fitted(task, guide, response, asked.steps)
    drawn = nuts(task, response, asked.draws, asked.draws // 2)
    return task, (drawn.mean(0), torch.cov(drawn.T)), approximate(guide)


def compared(task: Problem, truth: Moments, guide: Moments) -> dict[str, Tensor]:
    """SD ratios and distances in true SDs, of the active weights and of the means of all pairs."""
    design, active = task.design.double(), task.active
    pairs = [(design @ mean, ((design @ covariance) * design).sum(1).sqrt()) for mean, covariance in (truth, guide)]
    weights = [(mean[active], covariance.diagonal().sqrt()[active]) for mean, covariance in (truth, guide)]
    named = {"weights": weights, "pairs": pairs}
    return {f"{name}_ratio": about[1][1] / about[0][1] for name, about in named.items()} | {
        f"{name}_distance": ((about[1][0] - about[0][0]) / about[0][1]).abs() for name, about in named.items()
    }


def _beside(task: Problem, truth: Moments, guide: Moments) -> str:
    seen = compared(task, truth, guide)
    cells = []
    for name in ("weights", "pairs"):
        ratio = seen[f"{name}_ratio"]
        cells.append(f"{ratio.min():.2f}, {ratio.median():.2f}, {ratio.max():.2f}")
        cells.append(f"{seen[f'{name}_distance'].max():.2f}")
    return " | ".join(cells) + " |"


def _print_ranks(task: Problem, parts: str, kind: str, asked: argparse.Namespace) -> None:
    torch.manual_seed(2)
    weights, means = calibrated(task, kind, asked.replications, asked.steps)
    sizes = [len(task.model.weight_scale), task.model.compounds * len(task.model.log_compound_scale)]
    v, u = sizes[0], sum(sizes)
    of = {"w": weights[:, :v], "v": weights[:, v:u], "u": weights[:, u:]}
    for name, rank in {**{part: of[part] for part in parts}, "means of pairs": means}.items():
        seen = uniformity(rank, 99)
        figures = f"{seen.chi_square:.0f} | {seen.null_mean:.0f} | {seen.p_value:.4f} | {seen.spread:.2f}"
        print(f"| {parts} | {kind} | {name} | {figures} | {seen.covered:.3f} |", flush=True)


if __name__ == "__main__":
    main()
