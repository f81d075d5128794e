from __future__ import annotations

import pytest
import torch
from torch.func import vmap

from bdrp.model.dropout import Dropout

ENTRIES = 200_000


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_entries_are_dropped_at_the_rate_and_the_others_scaled_up(rate: float) -> None:
    torch.manual_seed(0)
    values = Dropout(rate)(torch.ones(ENTRIES // 100, 100))
    kept = values != 0
    assert torch.allclose(values[kept], torch.tensor(1 / (1 - rate)), rtol=1e-4)
    # seeded; with another seed a share lies five standard errors off once in two million
    error = (rate * (1 - rate) / ENTRIES) ** 0.5
    assert abs(float(kept.float().mean()) - (1 - rate)) < 5 * error
    # entries that one random integer decides on are independent: neighbours are both kept as often as two others
    both = (kept[:, :-1] & kept[:, 1:]).float().mean()
    assert abs(float(both) - (1 - rate) ** 2) < 8 * error


def test_a_gradient_passes_where_an_entry_was_kept() -> None:
    values = torch.ones(3, 7, requires_grad=True)
    dropped = Dropout(0.5)(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())  # type: ignore[arg-type]


def test_masks_follow_the_seed_and_differ_between_calls() -> None:
    layer, values = Dropout(0.5), torch.ones(5, 5)
    torch.manual_seed(1)
    one, other = layer(values), layer(values)
    torch.manual_seed(1)
    assert torch.equal(layer(values), one) and not torch.equal(one, other)


def test_nothing_is_dropped_when_predicting_or_at_no_rate() -> None:
    values = torch.ones(4, 4)
    assert torch.equal(Dropout(0.9).eval()(values), values) and torch.equal(Dropout(0.0)(values), values)


def test_networks_side_by_side_have_masks_of_their_own() -> None:
    masks = vmap(Dropout(0.5), randomness="different")(torch.ones(2, 30, 30))
    assert not torch.equal(masks[0], masks[1])
