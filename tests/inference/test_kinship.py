"""An unseen compound borrows from compounds of like structure, as far as likeness has told before."""

from __future__ import annotations

import pytest
import torch

from bdrp.features.molecules import FINGERPRINT_BITS, tanimoto
from bdrp.inference.kinship import Kinship


def families(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """(count * size, F) fingerprints: members of a family share most bits, families share none."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.zeros(count * size, FINGERPRINT_BITS)
    for family in range(count):
        own = torch.arange(20) + 24 * family
        for member in range(size):
            kept = own[torch.randperm(20, generator=generator)[:16]]
            bits[family * size + member, kept] = 1
    return bits


def learn(kin: Kinship, bits: torch.Tensor, target: torch.Tensor) -> None:
    """One column, known exactly."""
    kin.learn(bits, target[:, None], torch.zeros(len(target), 1))


def test_a_likeness_that_tells_is_found_and_used() -> None:
    bits = families(20, 4)
    level = torch.randn(20, generator=torch.Generator().manual_seed(1)).repeat_interleave(4)
    trained = torch.arange(80) % 4 != 3
    kin = Kinship(int(trained.sum()), (1,))
    learn(kin, bits[trained], level[trained])
    mean, variance = kin(bits[~trained])
    assert float(kin.rho) > 0.5
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())
    assert bool((variance < kin.variance).all())


def test_a_likeness_that_tells_nothing_is_left_alone() -> None:
    bits = families(20, 4)
    noise = torch.randn(80, generator=torch.Generator().manual_seed(2))
    kin = Kinship(80, (1,))
    learn(kin, bits, noise)
    mean, variance = kin(families(20, 4, seed=3))
    assert float(kin.rho) <= 0.25
    assert float(variance.min()) > 0.8 * float(kin.variance)
    assert float(mean.abs().max()) < float(noise.abs().max())


def test_mean_and_variance_are_the_conditional_normal_of_the_formula() -> None:
    bits = families(3, 3)
    target = torch.tensor([1.0, 1.2, 0.9, -1.0, -0.8, -1.1, 0.1, 0.0, 0.2])
    kin = Kinship(8, (1,))
    learn(kin, bits[:8], target[:8])
    rho, spread = float(kin.rho), float(kin.variance)
    assert rho > 0
    alike = tanimoto(bits, bits).double()
    whole = spread * ((1 - rho) * torch.eye(9, dtype=torch.float64) + rho * alike)
    solved = torch.linalg.solve(whole[:8, :8], whole[:8, 8])
    mean, variance = kin(bits[8:])
    assert float(mean) == pytest.approx(float(solved @ target[:8].double()), abs=1e-4)
    assert float(variance) == pytest.approx(float(whole[8, 8] - solved @ whole[:8, 8]), rel=1e-3)


def test_a_compound_like_none_keeps_the_whole_spread_and_the_mean_of_all() -> None:
    kin = Kinship(12, (1,))
    learn(kin, families(3, 4), torch.linspace(-1, 1, 12))
    stranger = torch.zeros(1, FINGERPRINT_BITS)
    stranger[0, -5:] = 1
    mean, variance = kin(stranger)
    assert float(mean) == 0
    assert float(variance) == pytest.approx(float(kin.variance))


def test_one_compound_is_enough() -> None:
    kin = Kinship(1, (1,))
    learn(kin, families(1, 1), torch.tensor([0.7]))
    mean, variance = kin(families(1, 1))
    assert torch.isfinite(mean).all() and bool((variance >= 0).all())


def test_every_kind_of_coefficient_has_its_own_likeness() -> None:
    bits, draw = families(20, 4), torch.Generator().manual_seed(5)
    levels = torch.randn(20, 1, generator=draw).repeat_interleave(4, 0) + 0.1 * torch.randn(80, 1, generator=draw)
    slopes = torch.randn(80, 3, generator=draw)
    loadings = 2 * torch.randn(20, 2, generator=draw).repeat_interleave(4, 0)
    kin = Kinship(80, (1, 3, 2))
    kin.learn(bits, torch.cat([levels, slopes, loadings], dim=1), torch.zeros(80, 6))
    mean, variance = kin(bits[::4])
    assert kin.rho[0] > 0.5 and kin.rho[1] < 0.25 and kin.rho[2] > 0.5
    alone = Kinship(80, (3,))
    alone.learn(bits, slopes, torch.zeros(80, 3))
    assert torch.allclose(mean[:, 1:4], alone(bits[::4])[0], atol=1e-5)
    assert torch.allclose(variance[:, 1:4], alone(bits[::4])[1], rtol=1e-4)
    assert bool((variance[:, 4:] < 0.7 * kin.variance[4:]).all())


def test_what_is_not_known_of_the_trained_widens_the_unseen() -> None:
    bits, target = families(3, 4), torch.linspace(-1, 1, 12)[:, None]
    sure, unsure = Kinship(12, (1,)), Kinship(12, (1,))
    sure.learn(bits, target, torch.zeros(12, 1))
    unsure.learn(bits, target, torch.full((12, 1), 0.5))
    stranger = torch.zeros(1, FINGERPRINT_BITS)
    assert float(unsure(stranger)[1]) == pytest.approx(float(sure(stranger)[1]) + 0.5, rel=1e-4)
