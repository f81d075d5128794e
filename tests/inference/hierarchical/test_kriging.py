"""An unseen compound borrows from similar compounds, as far as similarity explained the trained ones."""

from __future__ import annotations

import pytest
import torch

from bdrp.features.descriptors import DESCRIPTORS
from bdrp.features.drugs import DrugRelations
from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.inference.hierarchical.kriging import Kriging
from bdrp.inference.hierarchical.similarity import KERNELS, CompoundDescriptors

STRUCTURE, PHYSICS, DOSE, COMPOUND, TARGET, PATHWAY = (
    KERNELS.index(name) for name in ("structure", "descriptors", "dose", "compound", "target", "pathway")
)


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
    bits: torch.Tensor,
    dose: torch.Tensor | None = None,
    descriptors: torch.Tensor | None = None,
    relations: DrugRelations | None = None,
    trained: int | None = None,
) -> CompoundDescriptors:
    """Of compounds that differ in nothing but what is named, and are not related to `trained` ones (all, if None)."""
    same = torch.ones(len(bits), len(DESCRIPTORS))
    return CompoundDescriptors(
        bits,
        same if descriptors is None else descriptors,
        torch.full((len(bits),), torch.nan) if dose is None else dose,
        relations or DrugRelations.unrelated(len(bits), len(bits) if trained is None else trained),
    )


def related(**kinds: torch.Tensor) -> DrugRelations:
    """Of D drugs with each other: the same compound, target or pathway where they are of one number."""
    same = {name: (kind[:, None] == kind).float() for name, kind in kinds.items()}
    return DrugRelations.unrelated(*next(iter(same.values())).shape)._replace(**same)


def at(some: CompoundDescriptors, index: torch.Tensor, trained: torch.Tensor) -> CompoundDescriptors:
    """Some of the drugs, with their relations to those that were trained on."""
    relations = DrugRelations(*(part[index][:, trained] for part in some.relations))
    return CompoundDescriptors(*(part[index] for part in some[:3]), relations)


def learn(kriging: Kriging, some: CompoundDescriptors, target: torch.Tensor) -> None:
    """One column, known exactly, under a prior SD of 1."""
    kriging.learn(some, target[:, None], torch.zeros(len(target), 1), torch.ones(1))


def noise(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def test_a_structure_that_explains_is_found_and_used() -> None:
    some, level = descriptors_of(families(20, 4)), noise(20, 1).repeat_interleave(4)
    trained = torch.arange(80) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained, trained), level[trained])
    mean, variance = kriging(at(some, ~trained, trained))
    assert float(kriging.shares[0, STRUCTURE]) > 0.5
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())
    assert bool((variance < kriging.variance).all())


def test_doses_that_explain_are_found_and_used() -> None:
    dose, odd = torch.linspace(-3, 3, 60), torch.eye(60, FINGERPRINT_BITS)
    level = 0.5 * dose + 0.3 * noise(60, 3)
    some, trained = descriptors_of(odd, dose), torch.arange(60) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained, trained), level[trained])
    mean, variance = kriging(at(some, ~trained, trained))
    assert float(kriging.shares[0, DOSE]) > 0.3
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 2 * 0.3**2
    unknown = kriging(descriptors_of(odd[~trained], trained=45))
    assert float(unknown[0].abs().max()) < 0.2  # nothing is borrowed by doses that are not known
    assert bool((unknown[1] > 2 * variance).all())


def test_descriptors_that_explain_are_found_and_used() -> None:
    table = torch.linspace(-3, 3, 60)[:, None] + 0.3 * noise(60 * len(DESCRIPTORS), 4).reshape(60, -1)
    level = torch.sin(torch.linspace(-3, 3, 60)) + 0.1 * noise(60, 5)
    some, trained = descriptors_of(torch.eye(60, FINGERPRINT_BITS), None, table), torch.arange(60) % 4 != 3
    kriging = Kriging(int(trained.sum()), (1,))
    learn(kriging, at(some, trained, trained), level[trained])
    mean, _ = kriging(at(some, ~trained, trained))
    assert float(kriging.shares[0, PHYSICS]) > 0.3
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())


def test_a_dose_beyond_those_of_trained_compounds_counts_as_the_farthest() -> None:
    dose = torch.linspace(-3, 3, 40)
    kriging = Kriging(40, (1,))
    learn(kriging, descriptors_of(torch.eye(40, FINGERPRINT_BITS), dose), 0.5 * dose + 0.3 * noise(40, 3))
    mean, variance = kriging(descriptors_of(torch.zeros(2, FINGERPRINT_BITS), torch.tensor([3.0, 300.0]), trained=40))
    assert float(mean[0]) == pytest.approx(float(mean[1]), rel=1e-5) and float(mean[0]) > 0.5
    assert float(variance[0]) == pytest.approx(float(variance[1]), rel=1e-5)


def test_a_similarity_that_explains_nothing_gets_no_share() -> None:
    some, level = descriptors_of(families(20, 4), noise(80, 7)), noise(80, 2)
    kriging = Kriging(80, (1,))
    learn(kriging, some, level)
    mean, variance = kriging(descriptors_of(families(20, 4, seed=3)))
    found = kriging.shares[0]
    assert float(found.sum() - found[COMPOUND]) <= 0.3
    assert float(variance.min()) > 0.7 * float(kriging.variance)
    assert float(mean.abs().max()) < float(level.abs().max())


def test_mean_and_variance_are_the_conditional_normal_of_the_formula() -> None:
    bits, dose = families(3, 3), torch.tensor([1.0, 1.5, 0.7, -1.0, -1.3, -0.5, 0.1, 0.3, 0.0])
    table = noise(9 * len(DESCRIPTORS), 8).reshape(9, -1)
    target = torch.tensor([1.0, 1.2, 0.9, -1.0, -0.8, -1.1, 0.1, 0.0, 0.2])
    some, kriging = descriptors_of(bits, dose, table), Kriging(8, (1,))
    eight = torch.arange(8)
    learn(kriging, at(some, eight, eight), target[:8])
    assert float(kriging.shares.sum()) > 0.2
    across, own = (
        part.double() for part in kriging.similarity(at(some, torch.arange(9), eight))
    )  # (K, 9, 8): the last column is filled by symmetry
    last = torch.cat([across[:, 8], own[:, 8:]], dim=1)
    kernels = torch.cat([torch.cat([across[:, :8], last[:, None, :8]], dim=1), last[:, :, None]], dim=2)
    kernels.diagonal(dim1=1, dim2=2).copy_(own)
    shares = kriging.shares[0].double()
    whole = (1 - shares.sum()) * torch.eye(9).double() + (shares[:, None, None] * kernels).sum(0)
    whole = float(kriging.variance) * whole
    solved = torch.linalg.solve(whole[:8, :8], whole[:8, 8])
    mean, variance = kriging(at(some, torch.tensor([8]), eight))
    assert float(mean) == pytest.approx(float(solved @ target[:8].double()), abs=1e-4)
    assert float(variance) == pytest.approx(float(whole[8, 8] - solved @ whole[:8, 8]), rel=1e-3)


def test_a_compound_like_none_keeps_the_whole_variance_and_the_mean_of_all() -> None:
    kriging = Kriging(12, (1,))
    learn(kriging, descriptors_of(families(3, 4)), torch.linspace(-1, 1, 12))
    unseen = torch.zeros(1, FINGERPRINT_BITS)
    unseen[0, -5:] = 1
    mean, variance = kriging(descriptors_of(unseen, descriptors=torch.full((1, len(DESCRIPTORS)), 99.0), trained=12))
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
        mean, variance = kriging(descriptors_of(families(2, 3)[:1], asked, trained=6))
        assert torch.isfinite(mean).all() and 0 <= float(variance) <= float(kriging.variance)


def test_one_compound_is_enough() -> None:
    kriging = Kriging(1, (1,))
    learn(kriging, descriptors_of(families(1, 1), torch.tensor([1.0])), torch.tensor([0.7]))
    mean, variance = kriging(descriptors_of(families(1, 1), torch.tensor([2.0])))
    assert torch.isfinite(mean).all() and bool((variance >= 0).all())


def test_coefficients_of_zero_are_kriged_to_zero() -> None:
    kriging = Kriging(8, (2,))
    kriging.learn(descriptors_of(families(2, 4)), torch.zeros(8, 2), torch.zeros(8, 2), torch.ones(2))
    mean, variance = kriging(descriptors_of(families(2, 4)))
    assert not mean.any() and torch.isfinite(variance).all()


def test_every_kind_of_coefficient_has_its_own_similarity() -> None:
    bits, draw = families(20, 4), torch.Generator().manual_seed(5)
    levels = torch.randn(20, 1, generator=draw).repeat_interleave(4, 0) + 0.1 * torch.randn(80, 1, generator=draw)
    slopes = torch.randn(80, 3, generator=draw)
    loadings = 2 * torch.randn(20, 2, generator=draw).repeat_interleave(4, 0)
    kriging = Kriging(80, (1, 3, 2))
    kriging.learn(descriptors_of(bits), torch.cat([levels, slopes, loadings], dim=1), torch.zeros(80, 6), torch.ones(6))
    mean, variance = kriging(descriptors_of(bits[::4], trained=80))
    structure = kriging.shares[:, STRUCTURE]
    assert structure[0] > 0.5 and structure[1] < 0.25 and structure[2] > 0.5
    alone = Kriging(80, (3,))
    alone.learn(descriptors_of(bits), slopes, torch.zeros(80, 3), torch.ones(3))
    assert torch.allclose(mean[:, 1:4], alone(descriptors_of(bits[::4], trained=80))[0], atol=1e-5)
    assert torch.allclose(variance[:, 1:4], alone(descriptors_of(bits[::4], trained=80))[1], rtol=1e-4)
    assert bool((variance[:, 4:] < 0.7 * kriging.variance[4:]).all())


def test_what_is_not_known_of_the_trained_widens_the_unseen() -> None:
    some, target = descriptors_of(families(3, 4)), torch.linspace(-1, 1, 12)[:, None]
    sure, unsure = Kriging(12, (1,)), Kriging(12, (1,))
    sure.learn(some, target, torch.zeros(12, 1), torch.ones(1))
    unsure.learn(some, target, torch.full((12, 1), 0.5), torch.ones(1))
    unseen = descriptors_of(torch.zeros(1, FINGERPRINT_BITS), trained=12)
    assert float(unsure(unseen)[1]) == pytest.approx(float(sure(unseen)[1]) + 0.5, rel=1e-4)


ODD = torch.eye(80, FINGERPRINT_BITS)  # structures that tell nothing


@pytest.mark.parametrize(("name", "kernel"), [("target", TARGET), ("pathway", PATHWAY)])
def test_targets_and_pathways_that_explain_are_found_and_used(name: str, kernel: int) -> None:
    groups = torch.arange(80) // 4
    level = noise(20, 11).repeat_interleave(4) + 0.2 * noise(80, 12)
    some = descriptors_of(ODD, relations=related(**{name: groups}))
    trained = torch.arange(80) % 4 != 3
    kriging = Kriging(60, (1,))
    learn(kriging, at(some, trained, trained), level[trained])
    mean, variance = kriging(at(some, ~trained, trained))
    assert float(kriging.shares[0, kernel]) > 0.5
    assert float((mean[:, 0] - level[~trained]).square().mean()) < 0.3 * float(level.square().mean())
    of_nobody = kriging(descriptors_of(ODD[~trained], trained=60))  # a target that is not named is no mismatch
    assert float(of_nobody[0].abs().max()) < 0.1 and bool((of_nobody[1] > 2 * variance).all())


def test_a_pathway_that_explains_nothing_gets_no_share() -> None:
    some = descriptors_of(ODD, relations=related(pathway=torch.arange(80) // 4))
    kriging = Kriging(80, (1,))
    learn(kriging, some, noise(80, 13))
    assert float(kriging.shares[0, PATHWAY]) < 0.15


def pairs_of_ids(between: float, within: float) -> tuple[CompoundDescriptors, torch.Tensor, torch.Tensor]:
    """40 compounds under two ids each, their levels, and which ids are trained on: both of 30, one of 10."""
    compound = torch.arange(80) // 2
    level = between * noise(40, 14)[compound] + within * noise(80, 15)
    some = descriptors_of(ODD[compound], relations=related(compound=compound))
    return some, level, (torch.arange(80) < 60) | (torch.arange(80) % 2 == 0)


def test_an_unseen_id_of_a_compound_borrows_from_the_other_as_far_as_ids_agree() -> None:
    borrowed = {}
    for within in (0.3, 1.0):
        some, level, trained = pairs_of_ids(1.0, within)
        kriging = Kriging(70, (1,))
        learn(kriging, at(some, trained, trained), level[trained])
        mean, variance = kriging(at(some, ~trained, trained))
        known, truth = level[60::2], level[61::2]
        borrowed[within] = float((mean[:, 0] @ known) / (known @ known))
        # ten unseen ids: a mean square z above 2.96 or below .22 happens once in 500 each
        assert 0.22 < float(((mean[:, 0] - truth) ** 2 / variance[:, 0]).mean()) < 2.96
        assert bool((variance < kriging.variance).all())
    # of two ids with variance 1 between compounds and s^2 within, one tells 1 / (1 + s^2) of the other: .92 and .5
    assert borrowed[0.3] == pytest.approx(0.92, abs=0.08) and borrowed[1.0] == pytest.approx(0.5, abs=0.2)


def test_where_no_compound_has_two_ids_an_unseen_id_borrows_half_of_what_nothing_else_explains() -> None:
    level = noise(40, 16)
    kriging = Kriging(40, (1,))
    learn(kriging, descriptors_of(ODD[:40]), level)
    one = torch.zeros(1, 40)
    one[0, 7] = 1
    unseen = descriptors_of(torch.zeros(1, FINGERPRINT_BITS), relations=DrugRelations(one, *[torch.zeros(1, 40)] * 3))
    mean, variance = kriging(unseen)
    assert float(kriging.shares[0, COMPOUND]) == pytest.approx(0.5, abs=0.02)
    assert float(mean) == pytest.approx(0.5 * float(level[7]), abs=0.02)
    assert float(variance) == pytest.approx(0.75 * float(kriging.variance), rel=0.03)


def test_columns_of_which_little_is_said_decide_little_about_shares() -> None:
    groups = torch.arange(80) // 4
    some = descriptors_of(ODD, relations=related(target=groups))
    told, untold = noise(20, 17).repeat_interleave(4)[:, None], 1e-3 * noise(240, 18).reshape(80, 3)
    kriging = Kriging(80, (4,))
    kriging.learn(some, torch.cat([told, untold], dim=1), torch.zeros(80, 4), torch.ones(4))
    assert float(kriging.shares[0, TARGET]) > 0.5
    kriging.learn(some, torch.cat([told, untold], dim=1), torch.zeros(80, 4), torch.tensor([1.0, 1e-3, 1e-3, 1e-3]))
    assert float(kriging.shares[0, TARGET]) < 0.5  # relative to their prior SD the three vary as much as the first


def test_kriging_that_knew_three_kernels_is_the_same_with_six() -> None:
    some, kriging = descriptors_of(families(3, 4), noise(12, 19)), Kriging(12, (1, 2))
    kriging.learn(some, noise(36, 20).reshape(12, 3), torch.zeros(12, 3), torch.ones(3))
    kriging.shares[:, COMPOUND] = 0
    state = kriging.state_dict()
    earlier = Kriging(12, (1, 2))
    earlier.load_state_dict(state | {"shares": state["shares"][:, :3]})
    unseen = descriptors_of(families(3, 4)[::5], relations=related(compound=torch.arange(12)).select(torch.arange(3)))
    for now, before in zip(earlier(unseen), kriging(unseen), strict=True):
        assert torch.equal(now, before)


def of_laboratories(laboratory: torch.Tensor, dose: torch.Tensor | None = None) -> CompoundDescriptors:
    """Assays of compounds that have nothing in common but, where they are of one number, their laboratory."""
    count = len(laboratory)
    elsewhere = (laboratory[:, None] != laboratory).float()
    return descriptors_of(
        ODD[:count], dose, relations=DrugRelations.unrelated(count, count)._replace(elsewhere=elsewhere)
    )


def test_the_level_of_a_laboratory_is_found_and_an_unseen_assay_has_it() -> None:
    laboratory = torch.arange(80) % 2
    some, level = of_laboratories(laboratory), noise(80, 30) + 4.0 * laboratory - 2.0
    trained = torch.arange(80) < 70
    kriging = Kriging(70, (1,), laboratories=2)
    learn(kriging, at(some, trained, trained), level[trained])
    mean, _ = kriging(at(some, ~trained, trained))
    assert kriging.similarity.names[-1] == "laboratory" and float(kriging.shares[0, -1]) > 0.3
    # the level of 35 assays of SD 1 is known to 0.17; five of these
    assert mean[::2].mean().item() == pytest.approx(-2, abs=0.85)
    assert mean[1::2].mean().item() == pytest.approx(2, abs=0.85)
    alone = Kriging(70, (1,))
    assert alone.similarity.names == KERNELS and alone.shares.shape == (1, len(KERNELS))


def test_a_laboratory_of_unknown_doses_leaves_what_doses_tell_in_the_first() -> None:
    laboratory, here = torch.arange(80) // 40, torch.arange(80) < 40
    dose = noise(80, 31)
    level = torch.where(here, 2 * dose, 0.0) + 0.5 * noise(80, 32)
    asked = here & (torch.arange(80) % 4 == 0)

    def error(doses: torch.Tensor, trained: torch.Tensor) -> float:
        some, kriging = of_laboratories(laboratory, doses), Kriging(int(trained.sum()), (1,), laboratories=2)
        learn(kriging, at(some, trained, trained), level[trained])
        return float((kriging(at(some, asked, trained))[0][:, 0] - level[asked]).square().mean())

    alone = error(dose, here & ~asked)
    assert alone < 1.0  # of a variance of 4
    unknown = torch.where(here, dose, torch.nan)
    assert error(unknown, ~asked) < 1.3 * alone + 0.1
