"""An unseen compound borrows from similar compounds, as far as similarity explained the trained ones."""

from __future__ import annotations

import pytest
import torch

from bdrp.features.descriptors import DESCRIPTORS
from bdrp.features.molecules import FINGERPRINT_BITS
from bdrp.inference.hierarchical.kriging import Kriging
from bdrp.inference.hierarchical.similarity import KERNELS, CompoundDescriptors

STRUCTURE, PHYSICS, DOSE = (KERNELS.index(name) for name in ("structure", "descriptors", "dose"))


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


def descriptors_of(
    bits: torch.Tensor, dose: torch.Tensor | None = None, descriptors: torch.Tensor | None = None
) -> CompoundDescriptors:
    """Of compounds that differ in nothing but what is named."""
    same = torch.ones(len(bits), len(DESCRIPTORS))
    return CompoundDescriptors(
        bits,
        same if descriptors is None else descriptors,
        torch.full((len(bits),), torch.nan) if dose is None else dose,
    )


def at(some: CompoundDescriptors, index: torch.Tensor | slice) -> CompoundDescriptors:
    return CompoundDescriptors(*(part[index] for part in some))


def learn(kriging: Kriging, some: CompoundDescriptors, target: torch.Tensor) -> None:
    """One column, known exactly."""
    kriging.learn(some, target[:, None], torch.zeros(len(target), 1))


def noise(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def test_a_structure_that_explains_is_found_and_used() -> None:
    some, level = descriptors_of(families(20, 4)), noise(20, 1).repeat_interleave(4)
    trained = torch.arange(80) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained), level[trained])
    mean, variance = kriging(at(some, ~trained))
    assert float(kriging.shares[0, STRUCTURE]) > 0.5
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())
    assert bool((variance < kriging.variance).all())


def test_doses_that_explain_are_found_and_used() -> None:
    dose, odd = torch.linspace(-3, 3, 60), torch.eye(60, FINGERPRINT_BITS)
    level = 0.5 * dose + 0.3 * noise(60, 3)
    some, trained = descriptors_of(odd, dose), torch.arange(60) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained), level[trained])
    mean, variance = kriging(at(some, ~trained))
    assert float(kriging.shares[0, DOSE]) > 0.3
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 2 * 0.3**2
    unknown = kriging(descriptors_of(odd[~trained]))
    assert float(unknown[0].abs().max()) < 0.2  # nothing is borrowed by doses that are not known
    assert bool((unknown[1] > 2 * variance).all())


def test_descriptors_that_explain_are_found_and_used() -> None:
    table = torch.linspace(-3, 3, 60)[:, None] + 0.3 * noise(60 * len(DESCRIPTORS), 4).reshape(60, -1)
    level = torch.sin(torch.linspace(-3, 3, 60)) + 0.1 * noise(60, 5)
    some, trained = descriptors_of(torch.eye(60, FINGERPRINT_BITS), None, table), torch.arange(60) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained), level[trained])
    mean, _ = kriging(at(some, ~trained))
    assert float(kriging.shares[0, PHYSICS]) > 0.3
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())


def test_a_dose_beyond_those_of_trained_compounds_counts_as_the_farthest() -> None:
    dose = torch.linspace(-3, 3, 40)
    kriging = Kriging(40, (1,))
    learn(kriging, descriptors_of(torch.eye(40, FINGERPRINT_BITS), dose), 0.5 * dose + 0.3 * noise(40, 3))
    mean, variance = kriging(descriptors_of(torch.zeros(2, FINGERPRINT_BITS), torch.tensor([3.0, 300.0])))
    assert float(mean[0]) == pytest.approx(float(mean[1]), rel=1e-5) and float(mean[0]) > 0.5
    assert float(variance[0]) == pytest.approx(float(variance[1]), rel=1e-5)


def test_a_similarity_that_explains_nothing_gets_no_share() -> None:
    some, level = descriptors_of(families(20, 4), noise(80, 7)), noise(80, 2)
    kriging = Kriging(80, (1,))
    learn(kriging, some, level)
    mean, variance = kriging(descriptors_of(families(20, 4, seed=3)))
    assert float(kriging.shares.sum()) <= 0.3
    assert float(variance.min()) > 0.7 * float(kriging.variance)
    assert float(mean.abs().max()) < float(level.abs().max())


def test_mean_and_variance_are_the_conditional_normal_of_the_formula() -> None:
    bits, dose = families(3, 3), torch.tensor([1.0, 1.5, 0.7, -1.0, -1.3, -0.5, 0.1, 0.3, 0.0])
    table = noise(9 * len(DESCRIPTORS), 8).reshape(9, -1)
    target = torch.tensor([1.0, 1.2, 0.9, -1.0, -0.8, -1.1, 0.1, 0.0, 0.2])
    some, kriging = descriptors_of(bits, dose, table), Kriging(8, (1,))
    learn(kriging, at(some, slice(8)), target[:8])
    assert float(kriging.shares.sum()) > 0.2
    across, own = (
        part.double() for part in kriging.similarity(some)
    )  # (K, 9, 8): the last column is filled by symmetry
    last = torch.cat([across[:, 8], own[:, 8:]], dim=1)
    kernels = torch.cat([torch.cat([across[:, :8], last[:, None, :8]], dim=1), last[:, :, None]], dim=2)
    shares = kriging.shares[0].double()
    whole = (1 - shares.sum()) * torch.eye(9).double() + (shares[:, None, None] * kernels).sum(0)
    whole = float(kriging.variance) * whole
    solved = torch.linalg.solve(whole[:8, :8], whole[:8, 8])
    mean, variance = kriging(at(some, slice(8, 9)))
    assert float(mean) == pytest.approx(float(solved @ target[:8].double()), abs=1e-4)
    assert float(variance) == pytest.approx(float(whole[8, 8] - solved @ whole[:8, 8]), rel=1e-3)


def test_a_compound_like_none_keeps_the_whole_variance_and_the_mean_of_all() -> None:
    kriging = Kriging(12, (1,))
    learn(kriging, descriptors_of(families(3, 4)), torch.linspace(-1, 1, 12))
    unseen = torch.zeros(1, FINGERPRINT_BITS)
    unseen[0, -5:] = 1
    mean, variance = kriging(descriptors_of(unseen, descriptors=torch.full((1, len(DESCRIPTORS)), 99.0)))
    assert float(mean) == pytest.approx(0, abs=1e-6)
    assert float(variance) == pytest.approx(float(kriging.variance), rel=1e-5)


@pytest.mark.parametrize("dose", [torch.full((6,), torch.nan), torch.full((6,), 2.3), torch.zeros(6)])
def test_doses_that_are_all_alike_or_not_known_explain_nothing(dose: torch.Tensor) -> None:
    kriging = Kriging(6, (1,))
    learn(kriging, descriptors_of(families(2, 3), dose), torch.tensor([1.0, 1.1, 0.9, -1.0, -1.0, -1.1]))
    assert float(kriging.shares[0, DOSE]) == 0
    assert all(
        bool(torch.isfinite(each).all()) for each in kriging.state_dict().values()
    )  # a model folder refuses others
    for asked in (torch.tensor([9.0]), torch.tensor([torch.nan])):
        mean, variance = kriging(descriptors_of(families(2, 3)[:1], asked))
        assert torch.isfinite(mean).all() and 0 <= float(variance) <= float(kriging.variance)


def test_one_compound_is_enough() -> None:
    kriging = Kriging(1, (1,))
    learn(kriging, descriptors_of(families(1, 1), torch.tensor([1.0])), torch.tensor([0.7]))
    mean, variance = kriging(descriptors_of(families(1, 1), torch.tensor([2.0])))
    assert torch.isfinite(mean).all() and bool((variance >= 0).all())


def test_coefficients_of_zero_are_kriged_to_zero() -> None:
    kriging = Kriging(8, (2,))
    kriging.learn(descriptors_of(families(2, 4)), torch.zeros(8, 2), torch.zeros(8, 2))
    mean, variance = kriging(descriptors_of(families(2, 4)))
    assert not mean.any() and torch.isfinite(variance).all()


def test_every_kind_of_coefficient_has_its_own_similarity() -> None:
    bits, draw = families(20, 4), torch.Generator().manual_seed(5)
    levels = torch.randn(20, 1, generator=draw).repeat_interleave(4, 0) + 0.1 * torch.randn(80, 1, generator=draw)
    slopes = torch.randn(80, 3, generator=draw)
    loadings = 2 * torch.randn(20, 2, generator=draw).repeat_interleave(4, 0)
    kriging = Kriging(80, (1, 3, 2))
    kriging.learn(descriptors_of(bits), torch.cat([levels, slopes, loadings], dim=1), torch.zeros(80, 6))
    mean, variance = kriging(descriptors_of(bits[::4]))
    structure = kriging.shares[:, STRUCTURE]
    assert structure[0] > 0.5 and structure[1] < 0.25 and structure[2] > 0.5
    alone = Kriging(80, (3,))
    alone.learn(descriptors_of(bits), slopes, torch.zeros(80, 3))
    assert torch.allclose(mean[:, 1:4], alone(descriptors_of(bits[::4]))[0], atol=1e-5)
    assert torch.allclose(variance[:, 1:4], alone(descriptors_of(bits[::4]))[1], rtol=1e-4)
    assert bool((variance[:, 4:] < 0.7 * kriging.variance[4:]).all())


def test_what_is_not_known_of_the_trained_widens_the_unseen() -> None:
    some, target = descriptors_of(families(3, 4)), torch.linspace(-1, 1, 12)[:, None]
    sure, unsure = Kriging(12, (1,)), Kriging(12, (1,))
    sure.learn(some, target, torch.zeros(12, 1))
    unsure.learn(some, target, torch.full((12, 1), 0.5))
    unseen = descriptors_of(torch.zeros(1, FINGERPRINT_BITS))
    assert float(unsure(unseen)[1]) == pytest.approx(float(sure(unseen)[1]) + 0.5, rel=1e-4)
