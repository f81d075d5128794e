"""`bdrp design`: which pairs of a line and a drug to measure next, on which plates, and what they bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    MethodFile,
    NewDrugs,
    NewSamples,
    Root,
    ScreenOptions,
    Seed,
    list_input_files,
    load_screen,
    parse_key_values,
    read_new_drugs,
    read_new_lines,
)

if TYPE_CHECKING:
    from bdrp.design import Proposal

PAGE: Final = "docs/design.md"
EXAMPLES: Final = (
    "bdrp design model --size 96 --target tissue=Lung --out batch.xlsx",
    "bdrp design model --by thompson --size 48 --out hits.csv",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` or `bdrp update` wrote.")],
    out: Annotated[
        Path,
        typer.Option(help="The batch: .csv, .xlsx or .parquet; the plates (-plates.csv) and a page (.html) beside it."),
    ],
    by: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What is looked for: epig (to predict the target), bald, variance (to know the model), greedy_mean, "
            "ucb, thompson (hits), or random.",
        ),
    ] = "epig",
    size: Annotated[int, typer.Option(min=1, max=3000, help="How many pairs.")] = 96,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=NAME",
            help="What is to be predicted: tissue=, line= or drug=; may be repeated. All that was not measured, if "
            "left out.",
        ),
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(help="Table of what can be measured: cell_line_id, drug_id or both; all unmeasured without it."),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(help="Table of cell_line_id or drug_id and cost: what bringing it in costs, in measurements."),
    ] = None,
    line_cost: Annotated[float, typer.Option(min=0, help="What bringing in any other line costs.")] = 0.0,
    drug_cost: Annotated[float, typer.Option(min=0, help="What bringing in any other drug costs.")] = 0.0,
    budget: Annotated[float | None, typer.Option(help="The most that the batch may cost, in measurements.")] = None,
    plate: Annotated[str, typer.Option(metavar="96|384", help="Wells of a plate.")] = "96",
    lines_a_thaw: Annotated[int, typer.Option(min=1, help="How many lines are thawed together.")] = 8,
    screen: Annotated[
        str | None, typer.Option(help="Gives drugs, lines and what was measured; the model's own if left out.")
    ] = None,
    root: Root = None,
    drugs: NewDrugs = None,
    expression: NewSamples = None,
    expression_scale: ExpressionScale = None,
    dose_unit: DoseUnit = None,
    seed: Seed = 0,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Choose a batch of pairs to measure, place by place on the joint posterior, and lay it out on plates."""
    from bdrp.data.user_tables.measured import read_pairs
    from bdrp.design import acquisitions, propose
    from bdrp.design.costs import read_costs
    from bdrp.design.plates import find_format, lay_out
    from bdrp.design.target import Target
    from bdrp.fitted.model import TrainedModel
    from bdrp.report import design as page

    acquisitions.load(by)
    wells, wanted = find_format(plate), Target.parse(target or [])
    options = parse_key_values(screen_option, "--screen-option")
    page.places(out, [model, *list_input_files(root, options, candidates, costs, drugs, expression)])
    trained = TrainedModel.load(model, method)
    loaded = load_screen(screen or trained.manifest["screen"], root, trained.manifest["measure"], options)
    proposal = propose(
        trained,
        loaded,
        by=by,
        size=size,
        target=wanted,
        candidates=None if candidates is None else read_pairs(candidates),
        drugs=read_new_drugs(drugs, trained, dose_unit) if drugs else None,
        expression=read_new_lines(expression, trained, expression_scale) if expression else None,
        costs=read_costs(costs, line_cost, drug_cost, budget),
        seed=seed,
    )
    plates = lay_out(proposal.table, wells, lines_a_thaw)
    written = page.write(proposal, plates, out)
    print_proposal(proposal)
    console.print_updates(trained.updates, "what was measured since the fit counts as measured")
    console.print_line(
        f"plates: {plates['plate'].max()} of {plate} wells in {plates['thaw'].max()} thaws; cost "
        f"{proposal.table['cost'].sum():g} measurements"
    )
    console.print_written("batch", *written)


def print_proposal(proposal: Proposal, most: int = 10) -> None:
    """The first pairs, and what the batch is expected to bring beside one at random."""
    from rich.table import Table
    from rich.text import Text

    table = Table("rank", "line", "drug", box=None, header_style="bold")
    for heading in ("predicted", "epistemic SD", "score"):
        table.add_column(heading, justify="right")
    for row in proposal.table.head(most).to_dict("records"):
        names = [Text(console.replace_control_characters(row[name])[:40]) for name in ("line_name", "drug_name")]
        numbers = f"{row['mean']:.2f}", f"{row['epistemic_std']:.2f}", f"{row['score']:.3g}"
        table.add_row(str(row["rank"]), *names, *numbers)
    console.print_table(table)
    for note in proposal.notes:
        console.print_note(note)
    lines, drugs = proposal.table["cell_line_id"].nunique(), proposal.table["drug_id"].nunique()
    console.print_line(
        f"{len(proposal.table)} pairs of {lines} lines and {drugs} drugs, of {proposal.candidates:,} candidates, by "
        f"{proposal.by}; to be predicted: {proposal.target}"
    )
    found = proposal.expected
    if found is not None:
        console.print_line(
            f"expected RMSE of {found.pairs} target pairs that are not measured: {found.before:.3f} {proposal.unit} "
            f"before, {found.after:.3f} after, {found.random:.3f} with as many pairs at random"
        )
