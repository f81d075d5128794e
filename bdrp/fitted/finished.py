"""A fit that is asked to go on and is finished: the model that it left, if it is of the same run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import ModelFolderError, OutputError
from bdrp.files import strict_json
from bdrp.files.outputs import sealed_names
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.notices import AUTO, CENSORED, REFITTED


def find_finished(
    out: Path, asked: Mapping[str, Any], screen: Screen, split: Split, *, refit: bool
) -> TrainedModel | None:
    """The finished model at `out`, so that a command which is given again and again ends well once it is done.

    Two screens are taken for one by the checksums of their files, the sizes of all parts, and every row of the test
    part; a screen made in memory has no files, and its training rows are not compared beyond their number.

    Args:
        out: where the fit would be saved.
        asked: what a manifest holds of a run before it is made: method, options, seed, recalibration.
        refit: whether a second fit was asked for.
        screen: what would be fitted.
        split: its parts.

    Returns:
        None where nothing stands at `out`, or no model, or one whose fit was interrupted.

    Raises:
        OutputError: a finished model of another run stands there; names what differs.
    """
    if not os.path.isdir(out) or sealed_names(out) is None:
        return None
    try:
        model = TrainedModel.load(out)
    except ModelFolderError:
        return None
    if model.manifest["interrupted"]:
        return None
    differs = list(_differences(model, asked, screen, split))
    if (REFITTED in model.manifest["notices"]) != refit:
        differs.append("the second fit")
    if model.updates:
        differs.append("measurements that it was updated with")
    if differs:
        raise OutputError(
            f"In {out} stands a finished model of another run, so there is nothing to resume: it differs in "
            f"{', '.join(differs)}. Choose another --out, or say --overwrite, without --resume, to replace it."
        )
    return model


def _differences(model: TrainedModel, asked: Mapping[str, Any], screen: Screen, split: Split) -> Iterator[str]:
    there = dict(model.manifest)
    if CENSORED in there["notices"]:
        there["recalibration"] = AUTO  # what was asked for before the likelihood forbade it
    sought = {**asked, "screen": screen.name, "checksums": dict(screen.checksums), "split": split.summary()}
    for name, value in sought.items():
        if strict_json.plain(there.get(name)) != strict_json.plain(value):
            yield name
    if not _has_same_test_part(model, screen, split):
        yield "responses of the test part"


def _has_same_test_part(model: TrainedModel, screen: Screen, split: Split) -> bool:
    rows = screen.responses.iloc[split.rows("test")]
    if model.held_out_part is None:
        return rows.empty
    held, columns = model.held_out_part.observed, ["cell_line_id", "drug_id", "response"]
    return len(held) == len(rows) and bool(
        (held[columns].reset_index(drop=True) == rows[columns].reset_index(drop=True)).all(axis=None)
    )
