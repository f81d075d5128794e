from __future__ import annotations

import pytest

from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.features import batch
from bdrp.features.batch import Batch


@pytest.fixture(scope="session")
def tiny_batch(tiny_screen: Screen, tiny_split: Split) -> Batch:
    """The tiny screen as tensors, 8 components."""
    return batch.prepare(tiny_screen, tiny_split, components=8)
