"""Which responses teach, which tune, which calibrate and which test: by pair, line, drug, scaffold, tissue or both."""

from bdrp.data.splits.clusters import BY
from bdrp.data.splits.drawing import PARTITIONS, make
from bdrp.data.splits.leaks import check_leaks
from bdrp.data.splits.shared import hold_out_shared
from bdrp.data.splits.split import PARTS, UNUSED, Split
from bdrp.data.splits.split_file import from_file
from bdrp.data.splits.within import make_within

__all__ = [
    "BY",
    "PARTITIONS",
    "PARTS",
    "UNUSED",
    "Split",
    "check_leaks",
    "from_file",
    "hold_out_shared",
    "make",
    "make_within",
]
