"""What a fit shows of its progress."""

from __future__ import annotations

import pytest

from bdrp.inference.training.bar import describe, show_epochs
from bdrp.inference.training.checkpoint import Progress


def at(epoch: int) -> Progress:
    return Progress(epoch=epoch, losses=[2.0] * epoch, scores=[1.5] * epoch, best_score=1.25)


def run(epochs: int) -> None:
    with show_epochs(epochs) as show:
        for epoch in range(epochs + 1):
            show(at(epoch))


def test_a_terminal_has_a_live_bar(capsys: pytest.CaptureFixture) -> None:
    run(3)
    assert "3/3" in capsys.readouterr().err


def test_before_the_first_epoch_there_is_nothing_to_say() -> None:
    assert describe(at(0)) == ""
    assert describe(at(1)) == "loss 2.000  validation 1.500 (best 1.250)"
