"""Deep ensemble: networks that differ in their random start, as a mixture with equal weights.

Each member is the deterministic network (see `network.point`): weights at the maximum of the joint density, and a noise
head. They share the linear start, which is a solution and no matter of chance, and differ in where the network starts
and in what dropout masks for them; with `bootstrap` also in the lines that they see and in the start solved on these.
What the members disagree about is epistemic variance; what a member was never trained on adds its prior variance.

The members descend in step, on the same blocks, each along its own clipped gradient: one epoch of the ensemble is one
of every member, and the epoch selected is the best of the mixture. So an ensemble can be stopped at any time, and all
members are equally far.

Sources: Lakshminarayanan, Pritzel & Blundell 2017; the bootstrap, Breiman 1996; vectorised members, torch.func.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.grid import keep_named_lines
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.initialisation.solve import solve
from bdrp.inference.method import Runtime
from bdrp.inference.network.fitted import NetworkFit, restore_fit
from bdrp.inference.network.mixture import MixturePosterior, mixture_moments
from bdrp.inference.network.options import NetworkMethod, quiet_pyro
from bdrp.inference.network.point import PointModel
from bdrp.inference.network.training_module import Blocks, optimiser_groups, train_fit, validation_score

TOGETHER = ("auto", "yes", "no")


@dataclass(frozen=True)
class DeepEnsembleMethod(NetworkMethod):
    """Options of the ensemble, beside those of `NetworkMethod`.

    Attributes:
        members: M, how many networks.
        bootstrap: "yes": each member sees a bootstrap of the training lines, whole lines with all their rows, and their
            starts are solved one by one; "no": all see all.
        together: compute a step of all members as one batched network: "yes"; one after another: "no"; or "auto",
            together on a GPU, where small networks leave most of it idle. Both estimate the same.
    """

    name: ClassVar[str] = "deep_ensemble"

    members: int = 5
    bootstrap: Literal["no", "yes"] = "no"
    together: Literal["auto", "yes", "no"] = "auto"

    def __post_init__(self) -> None:
        """Refuse options that cannot be; see `NetworkMethod`."""
        super().__post_init__()
        if self.members < 1:
            raise FitError(f"members is {self.members}; it must be at least 1. Choose another number, such as 5.")
        if self.bootstrap not in ("no", "yes"):
            raise FitError(f"bootstrap is {self.bootstrap!r}. Choose no or yes.")
        if self.together not in TOGETHER:
            raise FitError(f"together is {self.together!r}. Choose auto, yes or no.")

    def fit(self, batch: Batch, runtime: Runtime) -> EnsembleFit:
        """Descend with all members in step; see `Method.fit`."""
        device = runtime.torch_device
        with quiet_pyro():
            torch.manual_seed(runtime.seed)
            fitted = self._assemble(batch.features, len(batch.train))
            method = self._warm_start(batch, fitted)
            fitted.to(device)
            train_fit(_EnsembleTraining(method, fitted, batch.to(device)), runtime)
            return fitted

    def _warm_start(self, batch: Batch, fitted: EnsembleFit) -> DeepEnsembleMethod:
        """Start all members where the first starts, except for their networks, or each on its own lines."""
        first, *others = fitted.layers
        method = self.warm_start(batch, first)
        started = {k: v for k, v in first.modules.state_dict().items() if not k.startswith("model.network.")}
        for member in others:
            member.modules.load_state_dict(started, strict=False)
            member.leverage = first.leverage
        if self.bootstrap == "yes":
            for index, member in enumerate(fitted.layers):
                fitted.times[index] = drawn = draw_bootstrap(len(batch.features.lines))
                if self.hierarchical_effects == "ignored":
                    continue
                few = replace(self.drop_ignored_components(batch), train=batch.train.select(repeat_rows(batch, drawn)))
                jointly, censored = method.lines == "known", self.likelihood == "censored"
                solve(few, member.model.network.size.factors, jointly=jointly, censored=censored).initialise(member)
        return method

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> EnsembleFit:
        """Rebuild a fit; see `Method.restore`."""
        return restore_fit(lambda: self._assemble(features, 1), state)

    def _assemble(self, features: Features, responses: int) -> EnsembleFit:
        models = [self.model(features, responses) for _ in range(self.members)]
        return EnsembleFit(features, [Layer(features, model, PointEstimate(model)) for model in models])


def draw_bootstrap(lines: int) -> Tensor:
    """How often each of L lines is in a bootstrap of L lines, (L,)."""
    return torch.bincount(torch.randint(lines, (lines,)), minlength=lines).float()


def repeat_rows(batch: Batch, times: Tensor) -> Tensor:
    """Indices of the training rows, each as often as its line was drawn, given for all lines, (L,)."""
    rows = torch.arange(len(batch.train))
    return torch.repeat_interleave(rows, times[batch.inputs.line_effect[batch.train.line]].long())


class EnsembleFit(NetworkFit):
    """M networks; predicts their mixture."""

    def __init__(self, features: Features, members: Sequence[Layer[PointEstimate]]) -> None:
        modules = nn.ModuleDict({str(index): member.modules for index, member in enumerate(members)})
        # How often each member saw each of the training lines: once, but for a bootstrap.
        modules.register_buffer("times", torch.ones(len(members), len(features.lines)))
        super().__init__(features, members, modules)
        self.members = tuple(members)

    @property
    def times(self) -> Tensor:
        """(M, L) how often a member saw a training line; one that it never saw is new to it."""
        return torch.as_tensor(self.modules.times)

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MixturePosterior:
        """The mixture of the members'; see `network.mixture` and `Fitted.posterior_of`."""
        return MixturePosterior(
            [member.posterior_of(self._as_seen(index, inputs), pairs) for index, member in enumerate(self.layers)]
        )

    @torch.no_grad()
    def score(self, rows: Pairs, batch: Batch) -> float:
        """Mean negative log density of some rows under the mixture's moments, standardised."""
        parts = []
        for index, member in enumerate(self.layers):
            inputs, few = keep_named_lines(self._as_seen(index, batch.inputs), rows)
            parts.append(member.standard_moments(member.encode(inputs), inputs, few))
        # The members' degrees of freedom differ too little to matter for the choice of an epoch.
        return self.layers[0].negative_log_density(
            rows, batch.features, mixture_moments(*(torch.stack(part) for part in zip(*parts, strict=True)))
        )

    def _as_seen(self, member: int, inputs: Inputs) -> Inputs:
        """The inputs as a member knows them: a line that its bootstrap left out is new to it."""
        effect, times = inputs.line_effect, self.times[member].to(inputs.line_effect.device)
        return replace(inputs, line_effect=torch.where(times[effect.clamp(min=0)] > 0, effect, -1))


class _EnsembleTraining:
    """The training module of all members: one parameter for each of theirs, stacked."""

    def __init__(self, method: DeepEnsembleMethod, fitted: EnsembleFit, batch: Batch) -> None:
        self.method, self.fitted, self.batch = method, fitted, batch
        self.blocks = Blocks(method, fitted.layers, batch, posterior=False)
        self.joints = [PointModel(member.model, member.guide) for member in fitted.members]
        parameters, self.buffers = stack_module_state(self.joints)
        self.names = list(parameters)
        self.stack = nn.ParameterList(
            nn.Parameter(value.detach(), requires_grad=value.requires_grad) for value in parameters.values()
        )
        self.module: nn.Module = self.stack
        for stacked, *own in zip(self.stack, *(joint.parameters() for joint in self.joints), strict=True):
            for index, parameter in enumerate(own):
                parameter.data = stacked.data[index]  # a view: what trains the stack trains the members
        on_gpu = fitted.times.device.type == "cuda"
        self.batched = method.together == "yes" or (method.together == "auto" and on_gpu)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Networks and the rest, without the prior scales; see `TrainingModule`."""
        named = list(zip(self.names, self.stack, strict=True))
        network, rest = (
            [value for name, value in named if value.requires_grad and name.startswith("model.network.") == within]
            for within in (True, False)
        )
        return optimiser_groups(self.method, network, rest)

    def begin_epoch(self, epoch: int) -> None:
        """Nothing here depends on how far training is."""

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""
        return validation_score(self.fitted, self.batch)

    def loss(self, block: Block) -> Tensor:
        """The average of the members' losses."""
        inputs = self.batch.inputs
        weight = self.fitted.times[:, inputs.line_effect[block.lines]][:, block.line]
        return self._batched_loss(block, weight) if self.batched else self._loss_in_turn(block, weight)

    def _batched_loss(self, block: Block, weight: Tensor) -> Tensor:
        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], weight: Tensor) -> Tensor:
            self.joints[0].train(self.module.training)
            return functional_call(self.joints[0], (parameters, buffers), (self.batch.inputs, block, weight))

        stacked = dict(zip(self.names, self.stack, strict=True))
        return torch.as_tensor(vmap(one, randomness="different")(stacked, self.buffers, weight)).mean()

    def _loss_in_turn(self, block: Block, weight: Tensor) -> Tensor:
        members = [value.unbind(0) for value in self.stack]  # unlike an index, its gradient is one stack
        losses = []
        for index, joint in enumerate(self.joints):
            own = {name: values[index] for name, values in zip(self.names, members, strict=True)}
            joint.train(self.module.training)
            losses.append(functional_call(joint, own, (self.batch.inputs, block, weight[index])))
        return torch.stack(losses).mean()

    @torch.no_grad()
    def clip(self, limit: float) -> None:
        """Each member's own gradient, of which the average loss holds a share."""
        gradients = [value.grad.mul_(len(self.joints)) for value in self.stack if value.grad is not None]
        norm = torch.stack([(gradient**2).view(len(gradient), -1).sum(1) for gradient in gradients]).sum(0).sqrt()
        share = (limit / (norm + 1e-6)).clamp(max=1)  # as torch's own clip_grad_norm_
        for gradient in gradients:
            gradient.mul_(share.view(-1, *[1] * (gradient.ndim - 1)))


METHOD = DeepEnsembleMethod
