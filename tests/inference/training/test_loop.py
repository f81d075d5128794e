from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from bdrp.errors import BdrpWarning, FitError, OutputError
from bdrp.inference.training import loop as training
from bdrp.inference.training.checkpoint import DIGEST, write
from bdrp.inference.training.loop import Progress, Schedule, train

BLOCKS = 4


class Line:
    """y = x . w by least squares, with a dropout so that random draws matter; 40 rows in 4 blocks.

    `interrupt(epoch, block)` is called before every block and at (epoch, 4) before validation, epochs from 0.
    """

    def __init__(self, interrupt: Callable[[int, int], None] | None = None) -> None:
        draw = torch.Generator().manual_seed(0)
        self.x = torch.randn(40, 5, generator=draw)
        self.y = self.x @ torch.arange(5.0) + 0.1 * torch.randn(40, generator=draw)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.module = nn.Sequential(nn.Dropout(0.2), nn.Linear(5, 1))
        self.interrupt = interrupt or (lambda epoch, block: None)
        self.epoch, self.block = -1, 0
        self.scores: Iterator[float | None] | None = None
        self.epochs_begun: list[int] = []

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": 0.1, "weight_decay": 0.01}]

    def begin_epoch(self, epoch: int) -> None:
        self.epochs_begun.append(epoch)

    def blocks(self, generator: torch.Generator) -> Iterator[Tensor]:
        self.epoch, self.block = self.epoch + 1, 0
        yield from torch.randperm(40, generator=generator).chunk(BLOCKS)

    def loss(self, block: Tensor) -> Tensor:
        self.interrupt(self.epoch, self.block)
        self.block += 1
        return (self.module(self.x[block])[:, 0] - self.y[block]).square().mean()

    def clip(self, limit: float) -> None:
        nn.utils.clip_grad_norm_(self.module.parameters(), limit)

    def validation_score(self) -> float | None:
        self.interrupt(self.epoch, BLOCKS)
        if self.scores is not None:
            return next(self.scores)
        with torch.no_grad():
            return float((self.module(self.x)[:, 0] - self.y).square().mean())


@pytest.fixture(autouse=True)
def own_randomness() -> Iterator[None]:
    """The loop seeds torch itself; its callers fork the generator."""
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are written after every epoch."""
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)


def at(epoch: int, block: int, error: type[BaseException] = KeyboardInterrupt) -> Callable[[int, int], None]:
    def stop(now: int, here: int) -> None:
        if (now, here) == (epoch, block):
            raise error

    return stop


def weights(line: Line) -> list[list[float]]:
    return [value.tolist() for value in line.module.state_dict().values()]


def unbroken(epochs: int = 6) -> tuple[list[list[float]], Progress]:
    line = Line()
    progress = train(line, Schedule(epochs, epochs), seed=3)
    return weights(line), progress


def test_the_loss_falls_and_the_best_state_is_left_in_evaluation_mode() -> None:
    line = Line()
    progress = train(line, Schedule(60, 60), seed=0)
    assert progress.epoch == 60 and len(progress.losses) == len(progress.scores) == 60
    assert progress.losses[-1] < 0.3 * progress.losses[0]
    assert not line.module.training
    assert line.validation_score() == progress.best_score == min(s for s in progress.scores if s is not None)
    assert progress.scores[progress.best_epoch - 1] == progress.best_score


def test_early_stopping_keeps_the_best_epoch() -> None:
    line, seen = Line(), []
    line.scores = iter([5.0, 3.0, 4.0, 3.0, 9.0, 1.0])
    line.interrupt = lambda epoch, block: seen.append(weights(line)) if block == BLOCKS else None
    progress = train(line, Schedule(6, 3), seed=0)
    assert (progress.epoch, progress.best_epoch, progress.best_score) == (5, 2, 3.0)
    assert weights(line) == seen[1]


def test_without_a_validation_part_the_last_epoch_is_kept() -> None:
    line, seen = Line(), []
    line.scores = iter([None] * 5)
    line.interrupt = lambda epoch, block: seen.append(weights(line)) if block == BLOCKS else None
    progress = train(line, Schedule(5, 1), seed=0)
    assert (progress.epoch, progress.best_epoch, progress.best_score) == (5, 5, math.inf)
    assert weights(line) == seen[-1]


def test_the_same_seed_trains_the_same_and_another_does_not() -> None:
    def trained(seed: int) -> list[list[float]]:
        torch.manual_seed(random.randrange(10**6))
        line = Line()
        train(line, Schedule(3, 3), seed=seed)
        return weights(line)

    first = trained(0)
    assert trained(0) == first != trained(1)


def test_the_rate_rises_and_then_falls() -> None:
    rates = [Schedule(1, 1).rate(step / 100) for step in range(101)]
    assert rates.index(max(rates)) == 10 and min(rates) > 0 and rates[-1] < 0.01 and max(rates) < 1.01


@pytest.mark.parametrize(("epochs", "patience"), [(0, 1), (1, 0), (-1, 5)])
def test_a_schedule_needs_an_epoch(epochs: int, patience: int) -> None:
    with pytest.raises(FitError, match="must be at least 1"):
        Schedule(epochs, patience)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_refused(value: float) -> None:
    line = Line()
    line.y[7] = value
    with pytest.raises(FitError, match=r"The loss became (nan|inf) in epoch 1.*Lower learning_rate"):
        train(line, Schedule(3, 3), seed=0)


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_run_killed_between_epochs_and_resumed_equals_an_unbroken_one(
    tmp_path: Path, every_epoch: None, epoch: int
) -> None:
    class Killed(BaseException):
        pass

    checkpoint = tmp_path / "c.safetensors"
    with pytest.raises(Killed):
        train(Line(at(epoch, 2, Killed)), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")
    resumed = Line()
    progress = train(resumed, Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")
    assert (weights(resumed), progress) == unbroken()
    assert resumed.epoch == 6 - epoch - 1  # and only what was missing was done again


def test_an_interrupted_run_keeps_the_best_and_warns() -> None:
    line, seen = Line(), []

    def interrupt(epoch: int, block: int) -> None:
        if block == BLOCKS:
            seen.append(weights(line))
        at(3, 2)(epoch, block)

    line.interrupt = interrupt
    line.scores = iter([3.0, 1.0, 2.0])
    with pytest.warns(BdrpWarning, match="Interrupted in epoch 4 of 6: the state of epoch 2 is kept"):
        progress = train(line, Schedule(6, 6), seed=0)
    assert weights(line) == seen[1] and progress.best_epoch == 2


def test_a_run_interrupted_at_once_keeps_its_start() -> None:
    line = Line(at(0, 1))
    start = weights(line)
    with pytest.warns(BdrpWarning, match="Interrupted in epoch 1 of 6"):
        train(line, Schedule(6, 6), seed=0)
    assert weights(line) == start


@pytest.mark.parametrize("block", [0, 2, BLOCKS])
def test_an_interrupted_run_resumed_equals_an_unbroken_one(tmp_path: Path, block: int) -> None:
    checkpoint = tmp_path / "c.safetensors"
    with pytest.warns(BdrpWarning, match="Interrupted"):
        train(Line(at(2, block)), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")
    resumed = Line()
    progress = train(resumed, Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")
    assert (weights(resumed), progress) == unbroken()


def test_a_finished_run_resumed_does_nothing(tmp_path: Path, every_epoch: None) -> None:
    checkpoint = tmp_path / "c.safetensors"
    first, again = Line(), Line()
    for line in (first, again):
        train(line, Schedule(4, 4), seed=3, checkpoint=checkpoint, identity="a")
    assert again.epoch == -1 and weights(first) == weights(again)


@pytest.fixture
def checkpoint(tmp_path: Path, every_epoch: None) -> Path:
    path = tmp_path / "deep" / "c.safetensors"
    train(Line(), Schedule(2, 2), seed=3, checkpoint=path, identity="a")
    return path


def test_a_checkpoint_is_written_whole_and_nothing_else(checkpoint: Path) -> None:
    assert [path.name for path in checkpoint.parent.iterdir()] == ["c.safetensors"]


def test_the_checkpoint_of_another_run_is_refused(checkpoint: Path) -> None:
    with pytest.raises(FitError, match="belongs to another run"):
        train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="b")


@pytest.mark.parametrize("how", ["cut", "empty", "text", "folder", "pipe"])
def test_a_checkpoint_that_is_none_is_refused(checkpoint: Path, how: str) -> None:
    content = checkpoint.read_bytes()
    checkpoint.unlink()
    if how in ("folder", "pipe"):
        checkpoint.mkdir() if how == "folder" else os.mkfifo(checkpoint)
    else:
        checkpoint.write_bytes({"cut": content[:-20], "empty": b"", "text": b"not a checkpoint"}[how])
    with pytest.raises(FitError, match="cannot be read.*Delete it to start again|something that is no file"):
        train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")


def test_a_checkpoint_in_which_a_bit_was_flipped_is_refused(checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    for at in (start, len(content) - 1, content.index(b"losses") + 12):
        flipped = bytearray(content)
        flipped[at] ^= 1
        checkpoint.write_bytes(flipped)
        with pytest.raises(FitError, match="Delete it to start again"):
            train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")


def spoil(path: Path, tensors: Callable[[dict[str, Tensor]], Any], metadata: Callable[[dict[str, str]], Any]) -> None:
    """Write a checkpoint of other content, with the digest of that."""
    with safe_open(path, "pt") as file:
        notes, held = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors(held)
    metadata(notes)
    write(path, held, {name: text for name, text in notes.items() if name != DIGEST})


def test_one_altered_bit_of_a_checkpoint_is_refused(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for at in random.Random(0).sample(range(8, len(content)), 60):  # the first eight are the length of what follows
        checkpoint.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises(FitError, match="Delete it"):
            train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        (lambda held: held.pop("module.1.weight"), lambda notes: None),
        (lambda held: held.update({"module.1.weight": torch.zeros(2, 2)}), lambda notes: None),
        (lambda held: held.pop("best.1.bias"), lambda notes: None),
        (lambda held: held.update({"optimiser.x.step": torch.zeros(1)}), lambda notes: None),
        (lambda held: held.update({"optimiser.0.exp_avg": torch.zeros(7)}), lambda notes: None),
        (lambda held: held.update({"optimiser.99.step": torch.zeros(7)}), lambda notes: None),
        (lambda held: None, lambda notes: notes.pop("progress")),
        (lambda held: None, lambda notes: notes.update(progress="{")),
        (lambda held: None, lambda notes: notes.update(progress='{"colour": 1}')),
        (lambda held: None, lambda notes: notes.update(progress='{"epoch": "many"}')),
    ],
)
def test_a_checkpoint_with_other_content_is_refused(checkpoint: Path, tensors: Any, metadata: Any) -> None:
    spoil(checkpoint, tensors, metadata)
    with pytest.raises(FitError, match="Delete it to start again"):
        train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")


def test_a_full_disk_is_told_and_leaves_the_old_checkpoint(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = checkpoint.read_bytes()

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OutputError, match="The checkpoint could not be written to .*No space left on device"):
        train(Line(), Schedule(6, 6), seed=3, checkpoint=checkpoint, identity="a")
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, every_epoch: None) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="The checkpoint could not be written to"):
        train(Line(), Schedule(2, 2), seed=0, checkpoint=tmp_path / "file" / "c.safetensors")


def test_checkpoints_are_not_written_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 1e6)
    train(Line(), Schedule(3, 3), seed=0, checkpoint=tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_the_progress_bar_shows_loss_and_validation(capsys: pytest.CaptureFixture[str]) -> None:
    train(Line(), Schedule(2, 2), seed=0, show=True)
    shown = capsys.readouterr()
    assert "loss" in shown.err and "validation" in shown.err and "2/2" in shown.err and not shown.out


def test_a_checkpoint_holds_no_pickle(checkpoint: Path) -> None:
    with safe_open(checkpoint, "pt") as file:
        assert json.loads(file.metadata()["progress"])["epoch"] == 2
    shutil.copy(checkpoint, checkpoint.with_name("copy"))
    assert checkpoint.with_name("copy").stat().st_size < 20_000
