"""`bdrp demo`: the whole main job on the simulated screen, no file and no network needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import Device, Overwrite, Seed, drop_unset, load_screen
from bdrp.errors import OutputError

PAGE: Final = "docs/tutorial.md"
EXAMPLES: Final = (
    "bdrp demo --out demo",
    "bdrp demo --out demo --epochs 3 --overwrite",
)


def run(
    out: Annotated[Path, typer.Option(help="The folder for everything that the demo makes.", metavar="DIR")],
    split: Annotated[
        str, typer.Option(help="What is held out: pair, cell_line, drug, scaffold, tissue or both.")
    ] = "cell_line",
    epochs: Annotated[int | None, typer.Option(help="Most passes over the training lines.")] = None,
    budget: Annotated[int, typer.Option(help="How many pairs an expert can look at.")] = 50,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Run the whole job on a simulated screen: a model, a report, predictions, a queue and its pages."""
    _check_free(out, overwrite)
    from bdrp import report, triage
    from bdrp.cli.fit import tabulate_parts
    from bdrp.cli.predict import list_unmeasured_pairs
    from bdrp.cli.score_summary import print_summary
    from bdrp.cli.triage import print_reasons
    from bdrp.data import splits
    from bdrp.files import sealed_folder
    from bdrp.fitted.fit import fit
    from bdrp.fitted.predict import predict
    from bdrp.predictive import storage
    from bdrp.report import answers, review
    from bdrp.report.evaluation.files import check_place

    sealed_folder.check_free(out / "model", overwrite=overwrite)
    check_place(out)
    storage.check_place(out / "predictions.parquet")
    triage.places(out / "queue.csv")
    answers.places(out / "answer.html")
    review.guard(out / "review.html")

    screen = load_screen("simulated", None, None, {})
    held_out = splits.make(screen, split, seed=seed)
    console.print_table(tabulate_parts(held_out))
    model = out / "model"
    trained = fit(
        screen,
        held_out,
        seed=seed,
        out=model,
        options=drop_unset(epochs=epochs),
        device=device,
        overwrite=overwrite,
        progress=console.shows_progress(),
    )
    print_summary(report.evaluate(model, out))

    predictions = predict(model, screen=screen, pairs=list_unmeasured_pairs(screen))
    predictions.save(out / "predictions.parquet")
    queue = triage.rank(predictions, triage.Policy(), budget)
    triage.export(queue, out / "queue.csv")
    print_reasons(queue)
    review.write(queue, out / "review.html", review.gather_evidence(queue, trained, screen))
    answers.write(
        answers.ask_model(trained, screen, line=trained.held_out()["cell_line_id"].min()), out / "answer.html"
    )
    console.print_line("")
    for name, what in MADE.items():
        console.print_line(f"{out / name}: {what}")
        console.record_written(name, out / name)


MADE = {
    "model": "the model folder",
    "report.html": "the calibration report; open it in a browser",
    "scores.json": "the same metrics",
    "predictions.parquet": "a distribution for every pair that was not measured",
    "queue.csv": "the pairs that most need an expert (also queue.xlsx, queue.jsonl, queue.parquet)",
    "review.html": "the same pairs, a card each, to decide on by one key",
    "answer.html": "drugs ranked for one line that the model never saw (also answer.xlsx, answer.csv)",
}


def _check_free(out: Path, overwrite: bool) -> None:
    if out.is_file():
        raise OutputError(f"--out {out} is a file. The demo needs a folder. Choose another name.")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise OutputError(
            f"The folder {out} is not empty. The demo writes into an empty or a new folder. "
            "Choose another one, or say --overwrite to replace the results of an earlier demo."
        )
