from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceMeanField_ELBO
from torch.distributions import kl_divergence

from bdrp.inference.hierarchical.elbo import ClosedFormElbo, independent_normals


def correlated(seed: int = 0) -> dist.MultivariateNormal:
    generator = torch.Generator().manual_seed(seed)
    root = torch.tril(torch.randn(4, 3, 3, generator=generator), -1) + torch.diag_embed(
        0.1 + torch.rand(4, 3, generator=generator)
    )
    return dist.MultivariateNormal(torch.randn(4, 3, generator=generator), scale_tril=root)


def test_the_divergence_from_independent_normals_is_that_of_correlated_ones() -> None:
    scale = torch.tensor([0.5, 1.0, 2.0])
    prior = dist.MultivariateNormal(torch.zeros(4, 3), covariance_matrix=(scale**2).diag().expand(4, 3, 3))
    found = kl_divergence(correlated(), independent_normals(scale.expand(4, 3)))
    assert torch.allclose(found, kl_divergence(correlated(), prior), rtol=1e-5)


def test_no_formula_is_claimed_for_another_prior() -> None:
    heavy = dist.StudentT(4.0, torch.zeros(4, 3), torch.ones(4, 3)).to_event(1)
    with pytest.raises(NotImplementedError):
        kl_divergence(correlated(), heavy)


@pytest.mark.parametrize("low_rank", [False, True])
def test_bound_and_gradients_are_those_of_pyro(low_rank: bool) -> None:
    mean, seen = torch.zeros(4, 3, requires_grad=True), torch.arange(4.0)

    def model() -> None:
        with pyro.plate("rows", 4):
            weights = pyro.sample("weights", independent_normals(torch.full((4, 3), 0.7)))
            pyro.sample("seen", dist.Normal(weights.sum(1), 1.0), obs=seen)

    def guide() -> None:
        posterior = correlated()
        with pyro.plate("rows", 4):
            if low_rank:  # its divergence has no formula, so that densities are compared at the draw
                guide = dist.LowRankMultivariateNormal(mean, posterior.scale_tril[..., :1], torch.ones(4, 3))
                pyro.sample("weights", guide)
            else:
                pyro.sample("weights", dist.MultivariateNormal(mean, scale_tril=posterior.scale_tril))

    found = []
    for elbo in (ClosedFormElbo(), TraceMeanField_ELBO()):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            with pyro.validation_enabled(False):
                loss = elbo.differentiable_loss(model, guide)
        (gradient,) = torch.autograd.grad(loss, mean)
        found.append((loss.detach(), gradient))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-5)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


def test_pyro_s_own_checks_still_run() -> None:
    def model() -> None:
        pyro.sample("weights", independent_normals(torch.ones(3)))

    with pyro.validation_enabled(True):
        assert float(ClosedFormElbo().differentiable_loss(model, model)) == pytest.approx(0.0)
