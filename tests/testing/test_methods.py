"""Each check of a method finds the fault that it is there for, and says it in a sentence."""

from __future__ import annotations

import inspect
import random
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.mean_effects import MeanEffectsFit, MeanEffectsMethod
from bdrp.inference.method import Runtime, signed_option
from bdrp.predictive import JointPosterior, Normal, PairMoments
from bdrp.testing import check_method, checking
from bdrp.testing.methods import CHECKS
from bdrp.testing.methods.subject import Subject
from bdrp.testing.screens import some_unseen

Answer = Callable[[Normal, Inputs, Pairs], Normal]


def same(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    return pred


class HonestFit(MeanEffectsFit):
    answer: Answer = staticmethod(same)

    def predict(self, inputs: Inputs, pairs: Pairs) -> Normal:
        return self.answer(super().predict(inputs, pairs), inputs, pairs)


@dataclass(frozen=True)
class Honest(MeanEffectsMethod):
    """Mean effects, with doors for faults: before the fit, and in its answers."""

    name: ClassVar[str] = "honest"
    before: ClassVar[Callable[[Batch, Runtime], Any]] = staticmethod(lambda batch, runtime: None)
    answer: ClassVar[Answer] = staticmethod(same)
    fit_kind: ClassVar[type[HonestFit]] = HonestFit

    def fit(self, batch: Batch, runtime: Runtime) -> MeanEffectsFit:
        self.before(batch, runtime)
        return self._answering(super().fit(batch, runtime))

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> MeanEffectsFit:
        return self._answering(super().restore(features, state))

    def _answering(self, fitted: MeanEffectsFit) -> MeanEffectsFit:
        answering = self.fit_kind(fitted.features, fitted.tensors)
        answering.answer = type(self).answer  # type: ignore[method-assign]
        return answering


def broken(**doors: Any) -> type[Honest]:
    plain = {name: staticmethod(door) if inspect.isfunction(door) else door for name, door in doors.items()}
    return dataclass(frozen=True)(type("Broken", (Honest,), plain))


def moved(by: Callable[[Normal, Inputs, Pairs], Any]) -> Answer:
    """The same with other means."""
    return lambda pred, inputs, pairs: Normal(
        pred.keys, pred.measure, pred.mean + by(pred, inputs, pairs), pred.aleatoric, pred.epistemic, unit=pred.unit
    )


def refuse(batch: Batch, runtime: Runtime) -> None:
    raise FitError("not on these data")


def refuse_without_validation(batch: Batch, runtime: Runtime) -> None:
    if not len(batch.validation):
        refuse(batch, runtime)


def refuse_one_drug(batch: Batch, runtime: Runtime) -> None:
    if len(batch.features.compounds) == 1:
        refuse(batch, runtime)


def certain(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    return Normal(pred.keys, pred.measure, pred.mean, pred.aleatoric, np.full(len(pred), 0.1), unit=pred.unit)


def noiseless(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    return Normal(pred.keys, pred.measure, pred.mean, np.zeros(len(pred)), np.ones(len(pred)), unit=pred.unit)


def in_one_measure(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    return Normal(pred.keys, "ln_ic50_um", pred.mean, pred.aleatoric, pred.epistemic, unit=pred.unit)


def at_least_one(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    return pred if len(pred) else MeanEffectsFit(*_unseen_fit()).predict(some_unseen().inputs, some_unseen().test)


def _unseen_fit() -> tuple[Features, dict[str, Tensor]]:
    fitted = MeanEffectsMethod().fit(some_unseen(), Runtime())
    return fitted.features, fitted.tensors


@dataclass(frozen=True)
class Unchecked(Honest):
    def __post_init__(self) -> None:
        """Takes anything."""


@dataclass(frozen=True)
class WithTuple(Honest):
    shape: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Forgetful(Honest):
    def options(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Rounded(Honest):
    def restore(self, features: Features, state: Mapping[str, Tensor]) -> MeanEffectsFit:
        return super().restore(features, {name: value.half().double() for name, value in state.items()})


@dataclass(frozen=True)
class Credulous(Honest):
    def restore(self, features: Features, state: Mapping[str, Tensor]) -> MeanEffectsFit:
        return MeanEffectsFit(features, dict(state))


class ByLine(JointPosterior):
    """Pairs of one line deviate together, each by a standard normal number; `draws` and `covariances` scale them."""

    draws, covariances = 1.0, 1.0

    def __init__(self, moments: PairMoments, lines: np.ndarray) -> None:
        self._moments, self.lines = moments, lines

    @property
    def moments(self) -> PairMoments:
        return self._moments

    def __getitem__(self, index: Any) -> Any:
        return type(self)(PairMoments(*(part[index] for part in self._moments)), self.lines[index])

    def covariance(self, other: Any) -> Any:
        return self.covariances * (self.lines[:, None] == other.lines)

    def draw(self, rng: np.random.Generator, draws: int) -> Any:
        lines, place = np.unique(self.lines, return_inverse=True)
        return self.draws * rng.standard_normal((draws, len(lines)))[:, place]


def joint(by_place: bool = False, **scales: float) -> type[Honest]:
    """A method whose pairs covary by line; by where a line stands in the inputs, where its id is what it should be."""
    kind = type("Scaled", (ByLine,), scales)

    def posterior_of(self: HonestFit, inputs: Inputs, pairs: Pairs) -> JointPosterior:
        mean, noise, _ = MeanEffectsFit.posterior_of(self, inputs, pairs).moments
        names = np.arange(len(inputs.line_ids)) if by_place else np.array(inputs.line_ids)
        return kind(PairMoments(mean, noise, np.ones(len(pairs))), names[pairs.line.numpy()])

    fit_kind = type("JointFit", (HonestFit,), {"posterior_of": posterior_of})
    return broken(fit_kind=fit_kind)


FAULTS: dict[str, tuple[type[Honest], str]] = {
    "it is a frozen subclass of method with a name": (broken(name="two words"), "its name is 'two words'"),
    "options given as text are read as their kind": (WithTuple, "'shape': '1,2'"),
    "negative numbers are refused by name": (Unchecked, "shrinkage=-1 is taken; FitError is to be raised"),
    "its options make it again": (Forgetful, "{} makes"),
    "the same seed gives the same fit and another seed another": (
        broken(answer=moved(lambda pred, inputs, pairs: random.random())),
        "two fits with one seed predict differently",
    ),
    "the global random state does not matter": (
        broken(answer=moved(lambda pred, inputs, pairs: float(torch.rand(())))),
        "changes with torch's own random state",
    ),
    "nothing global is changed": (
        broken(before=lambda batch, runtime: np.random.seed(1)),
        "fit changes numpy's random",
    ),
    "the batch is left as it was": (
        broken(before=lambda batch, runtime: batch.train.response.add_(1)),
        "work on a copy",
    ),
    "fitting warns of nothing": (
        broken(before=lambda batch, runtime: warnings.warn("old", DeprecationWarning, stacklevel=2)),
        "old",
    ),
    "a restored fit predicts the same to the bit": (Rounded, "it differs by up to"),
    "tensors that do not fit are refused": (Credulous, "a state without drugs is taken; ModelFolderError is to be"),
    "one drug or one line is enough": (broken(before=refuse_one_drug), "not on these data"),
    "replicates of one pair alone can be fitted": (broken(before=refuse_one_drug), "not on these data"),
    "no validation part is needed": (broken(before=refuse_without_validation), "not on these data"),
    "predictions are finite and in the order of the pairs": (
        broken(answer=noiseless),
        "some aleatoric variances are 0",
    ),
    "permuting pairs permutes predictions": (
        broken(answer=moved(lambda pred, inputs, pairs: np.arange(len(pred)))),
        "it differs by up to",
    ),
    "pairs predicted apart agree with pairs predicted together": (
        broken(answer=moved(lambda pred, inputs, pairs: pred.mean.mean())),
        "it differs by up to",
    ),
    "no pairs have no predictions": (broken(answer=at_least_one), r"no pairs have \d+ predictions"),
    "a prediction does not depend on the response": (
        broken(answer=moved(lambda pred, inputs, pairs: np.nan_to_num(pairs.response.numpy()))),
        "change when the responses of the pairs are hidden",
    ),
    "what was not trained on is less certain": (
        broken(answer=certain),
        "the epistemic variance is 0.1 for unseen drugs",
    ),
    "the area under the curve is a measure too": (broken(answer=in_one_measure), "the measure is ln_ic50_um"),
    "predictions follow the unit of the responses": (
        broken(answer=moved(lambda pred, inputs, pairs: 1.0)),
        "it differs by up to",
    ),
    "a prediction has the moments of the posterior": (
        broken(answer=moved(lambda pred, inputs, pairs: 1.0)),
        "the mean of prediction and posterior differ",
    ),
    "the variance of a pair is its covariance with itself": (joint(covariances=2.0), "they differ by up to 1"),
    "joint draws have the covariance": (joint(draws=1.2), "correlations of draws are off by up to 0.4"),
    "pairs of other inputs covary as the same pairs would": (joint(by_place=True), "covariances differ by up to 1"),
    "it beats a single normal for all pairs": (broken(answer=moved(lambda pred, inputs, pairs: 9.0)), "its CRPS is"),
}
BY_SENTENCE = {checking.sentence(check): check for check in CHECKS}


def test_an_honest_method_passes_every_check() -> None:
    assert check_method(Honest)[: len(CHECKS)] == list(BY_SENTENCE)
    for sentence in [sentence for sentence in FAULTS if "covar" in sentence]:
        BY_SENTENCE[sentence](Subject(joint(), {}))


def test_every_check_is_shown_to_find_a_fault() -> None:
    """But for what `inference.with_options` does for every method, and what `Normal` does for every prediction."""
    for_all = {"an unknown option is refused with those there are", "options of the wrong kind are refused by name"}
    assert set(BY_SENTENCE) - set(FAULTS) == for_all | {"keys are text"}


@pytest.mark.parametrize("sentence", FAULTS)
def test_a_check_finds_its_fault(sentence: str) -> None:
    method, said = FAULTS[sentence]
    response = some_unseen().train.response.clone()
    try:
        with pytest.raises((AssertionError, FitError, Warning), match=said):
            BY_SENTENCE[sentence](Subject(method, {"sweeps": 3}))
    finally:
        some_unseen().train.response.copy_(response)


def test_all_that_fails_is_said_at_once_and_by_name() -> None:
    with pytest.raises(AssertionError) as failure:
        check_method(broken(answer=noiseless, before=refuse_without_validation))
    said = str(failure.value)
    assert re.match(r"The method honest fails \d+ of \d+ checks:\n- not so: ", said)
    assert "- not so: no validation part is needed. FitError: not on these data" in said
    assert "- not so: predictions are finite and in the order of the pairs. some aleatoric variances are 0" in said


def narrow(pred: Normal, inputs: Inputs, pairs: Pairs) -> Normal:
    """Wider for unseen drugs, and less wide for unseen lines."""
    new_drug, new_line = (inputs.drug_effect[pairs.drug] < 0).numpy(), (inputs.line_effect[pairs.line] < 0).numpy()
    epistemic = 0.1 + new_drug - 0.05 * new_line * ~new_drug
    return Normal(pred.keys, pred.measure, pred.mean, pred.aleatoric, epistemic, unit=pred.unit)


def test_a_method_that_does_not_widen_for_new_lines_says_so() -> None:
    check = BY_SENTENCE["what was not trained on is less certain"]
    with pytest.raises(AssertionError, match="for unseen lines, 0.1 for known pairs"):
        check(Subject(broken(answer=narrow), {}))
    check(Subject(broken(answer=narrow, widens_for_new_lines=False), {}))


def test_a_method_that_draws_nothing_says_so() -> None:
    check = BY_SENTENCE["the same seed gives the same fit and another seed another"]
    with pytest.raises(AssertionError, match="stochastic is True, and two seeds predict the same"):
        check(Subject(broken(stochastic=True), {}))
    check(Subject(broken(stochastic=False), {}))


def test_an_option_that_may_be_negative_says_so() -> None:
    @dataclass(frozen=True)
    class Shifted(Honest):
        shift: float = signed_option(0.5)

    BY_SENTENCE["negative numbers are refused by name"](Subject(Shifted, {}))
    assert Shifted().options()["shift"] == 0.5  # it is told, unlike a part of the model that is in its place
    assert replace(Shifted(), shift=-2.0).shift == -2.0


def test_a_yes_or_no_option_is_read_from_text() -> None:
    @dataclass(frozen=True)
    class Switched(Honest):
        centred: bool = False

    check_method(Switched)
    assert Subject(Switched, {}).make(centred="true").centred is True
    assert Subject(Switched, {}).make(centred="False").centred is False
    with pytest.raises(FitError, match="'maybe' is neither true nor false"):
        Subject(Switched, {}).make(centred="maybe")
