"""Every method's posterior of pairs: moments, covariance and draws are one statement."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import bdrp.inference
from bdrp import inference
from bdrp.features.batch import Batch
from bdrp.inference.method import Fitted
from bdrp.predictive import JointPosterior

FitOf = Callable[[str], Fitted]
JOINT = ("last_layer", "deterministic", "mc_dropout", "deep_ensemble", "variational", "gaussian_process")


def some(batch: Batch, count: int = 24):
    """Rows of every part, those of unseen lines and drugs too."""
    every = batch.train.joined(batch.test)
    return every.at(torch.randperm(len(every), generator=torch.Generator().manual_seed(5))[:count])


@pytest.mark.parametrize("name", inference.names())
def test_a_prediction_is_the_moments_of_the_posterior(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    rows = some(some_unseen)
    posterior, pred = (call(some_unseen.inputs, rows) for call in (fit_of(name).posterior_of, fit_of(name).predict))
    for part in ("mean", "aleatoric", "epistemic"):
        np.testing.assert_allclose(getattr(posterior, part), getattr(pred, part), rtol=1e-6, atol=1e-9)
    index = np.array([7, 2, 3, 11])
    few = posterior[index]
    assert len(posterior) == len(rows) and len(few) == 4
    np.testing.assert_allclose(few.mean, posterior.mean[index])
    assert isinstance(posterior, JointPosterior) == (name in JOINT)


@pytest.mark.parametrize("name", JOINT)
def test_the_variance_of_a_pair_is_its_covariance_with_itself(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    posterior = fit_of(name).posterior_of(some_unseen.inputs, some(some_unseen))
    covariance = posterior.covariance(posterior)
    np.testing.assert_allclose(np.diag(covariance), posterior.epistemic, rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-5, atol=1e-8)
    assert np.linalg.eigvalsh(covariance).min() > -1e-6 * np.trace(covariance)
    index = np.array([7, 2, 3, 11])
    np.testing.assert_allclose(
        posterior[index].covariance(posterior), covariance[index], rtol=1e-4, atol=1e-6 * covariance.max()
    )


@pytest.mark.parametrize("name", JOINT)
def test_joint_draws_have_the_covariance(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    posterior = fit_of(name).posterior_of(some_unseen.inputs, some(some_unseen))
    doubted = np.flatnonzero(posterior.epistemic > 1e-8)  # a point does not doubt what it was trained on
    posterior = posterior[doubted]
    drawn = posterior.draw(np.random.default_rng(1), 6000)
    covariance = posterior.covariance(posterior)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    # Correlations of 6,000 draws have standard errors of at most 0.013, and products of normals heavier noise_dof: the
    # greatest of some 300 lies beyond 0.09 for fewer than one seed in a thousand.
    assert np.abs((np.cov(drawn.T) - covariance) / scale).max() < 0.09
    assert np.abs(drawn.mean(0) / np.sqrt(np.diag(covariance) / len(drawn))).max() < 5


@pytest.mark.parametrize("name", JOINT)
def test_pairs_of_other_inputs_covary_as_the_same_pairs_would(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    fit, rows, inputs = fit_of(name), some(some_unseen, 10), some_unseen.inputs
    here = fit.posterior_of(inputs, rows)
    turned = torch.arange(len(inputs.line_ids)).flip(0)
    other = replace(
        inputs,
        line_ids=inputs.line_ids[::-1],
        lines={"expression": inputs.genes[turned]},
        components=inputs.components[turned],
        line_effect=inputs.line_effect[turned],
    )
    there = fit.posterior_of(other, replace(rows, line=len(inputs.line_ids) - 1 - rows.line))
    covariance = here.covariance(here)
    np.testing.assert_allclose(here.covariance(there), covariance, rtol=1e-3, atol=1e-5 * covariance.max())


def test_no_class_overrides_a_method_that_another_has_written() -> None:
    """Abstract or final: what a class inherits is either empty or kept."""
    wrong = []
    for module in pkgutil.walk_packages(bdrp.inference.__path__, "bdrp.inference."):
        for kind in vars(import_module(module.name)).values():
            if not (inspect.isclass(kind) and kind.__module__ == module.name):
                continue
            for base in kind.__mro__[1:]:
                if not base.__module__.startswith("bdrp.") or getattr(base, "_is_protocol", False):
                    continue
                written = {n for n, v in vars(base).items() if not n.startswith("__") and is_written(v)}
                wrong += [f"{kind.__qualname__}.{n} of {base.__qualname__}" for n in written & set(vars(kind))]
    assert not wrong


def is_written(member: object) -> bool:
    """A method or property with a body."""
    inner = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
    return inspect.isfunction(inner) and not getattr(inner, "__isabstractmethod__", False)


def test_nothing_asks_a_fit_or_a_method_for_what_it_may_not_have() -> None:
    """No `getattr` on a fit, a method or a layer, and none of them is `Any`: attributes and protocols say what is."""
    import bdrp

    wrong = []
    for module in pkgutil.walk_packages(bdrp.__path__, "bdrp."):
        if module.name.endswith("__main__"):
            continue
        path = inspect.getsourcefile(import_module(module.name))
        assert path is not None
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"
            if named and node.args and ast.unparse(node.args[0]) in OF_FITS:
                wrong.append(f"{module.name}: {ast.unparse(node)}")
            if isinstance(node, ast.arg | ast.AnnAssign):
                name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
                if name in OF_FITS and node.annotation is not None and ast.unparse(node.annotation) == "Any":
                    wrong.append(f"{module.name}: {name}: Any")
    assert not wrong


OF_FITS = ("fit", "fitted", "trainee", "method", "layer", "self.fitted", "self.model.fitted")
