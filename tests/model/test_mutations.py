"""The encoder of mutations: what an alteration adds, and what stands for a line without a profile."""

from __future__ import annotations

import pytest
import torch

from bdrp.model.architecture import Architecture
from bdrp.model.lines.mutations import PROFILE_DROPOUT, MutationEncoder


@pytest.fixture
def encoder() -> MutationEncoder:
    torch.manual_seed(0)
    return MutationEncoder(Architecture(genes=3, width=8), 5)


@pytest.fixture
def alterations() -> torch.Tensor:
    """40 lines x 4 alterations; every tenth has no profile."""
    torch.manual_seed(1)
    absent = (torch.arange(40) % 10 == 0).float()[:, None]
    return torch.cat([torch.randn(40, 4) * (1 - absent), absent], dim=1)


def test_an_alteration_adds_a_direction_of_its_own_and_no_gene_programme(encoder: MutationEncoder) -> None:
    state, activity = encoder.eval()(torch.tensor([[0.0, 2, 0, 0, 0], [0, 0, 0, 0, 0]]))
    torch.testing.assert_close(state[0], 2 * encoder.linear.weight[:, 1])
    assert not state[1].any() and activity.shape == (2, 0)


def test_a_line_without_a_profile_has_the_learned_state_and_not_that_of_a_line_without_marks(
    encoder: MutationEncoder, alterations: torch.Tensor
) -> None:
    torch.nn.init.ones_(encoder.absent)
    state = encoder.eval()(alterations).state
    assert (state[::10] == 1).all() and (state[1] != 1).all()


def test_the_state_without_a_profile_is_learned_where_every_training_line_has_one(encoder: MutationEncoder) -> None:
    """Of 4,000 lines a tenth lose theirs: more than 4.5 standard errors off for one seed in 100,000."""
    torch.manual_seed(0)
    torch.nn.init.constant_(encoder.absent, 7.0)
    state = encoder.train()(torch.cat([torch.randn(4000, 4), torch.zeros(4000, 1)], dim=1)).state
    lost = (state == 7).all(dim=1).float().mean()
    assert abs(lost - PROFILE_DROPOUT) < 4.5 * (PROFILE_DROPOUT * (1 - PROFILE_DROPOUT) / 4000) ** 0.5
    state.sum().backward()
    assert encoder.absent.grad is not None and (encoder.absent.grad > 0).all()
