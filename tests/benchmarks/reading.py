"""What reading tables of the official sizes costs: seconds of the clock and of the processor, and peak memory.

    python tests/benchmarks/reading.py [--genes 19000] [--lines 1700] [--responses 250000]

The tables are made first, by other processes than the one that reads: expression as DepMap writes it (`SYMBOL (ENTREZ)`
and log2(TPM + 1) to six decimals) and responses of 1,000 drugs. The bounds that they are held to: 10 s and 2 GiB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np


def write_expression(path: Path, genes: int, lines: int) -> None:
    """Gamma-distributed values, 2 and 1.5, a line at a time."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["", *(f"GENE{at:05d} ({1000 + at})" for at in range(genes))]) + "\n")
        for line in range(lines):
            file.write(",".join([f"ACH-{line:06d}", *np.char.mod("%.6f", rng.gamma(2, 1.5, genes))]) + "\n")


def write_responses(path: Path, responses: int, lines: int) -> None:
    """Normal ln IC50 of drugs and lines drawn at random, with the dose limits of each."""
    rng = np.random.default_rng(1)
    rows = zip(rng.integers(lines, size=responses), rng.integers(1000, size=responses), strict=True)
    values = rng.normal(2, 3, responses)
    with path.open("w", encoding="utf-8") as file:
        file.write("cell_line_id,drug_id,ln_ic50_um,min_conc_um,max_conc_um\n")
        for (line, drug), value in zip(rows, values, strict=True):
            file.write(f"ACH-{line:06d},{1000 + drug},{value:.6f},0.01,10\n")


def measure(what: str, path: Path) -> None:
    """Read one table and print what that took."""
    from bdrp.data import quantities, reading
    from bdrp.data.sources import tables
    from bdrp.data.user_tables.responses import read_responses

    begun, worked = time.perf_counter(), time.process_time()
    if what == "expression":
        shape = tables.read_expression(path).shape
    else:
        keys = {"cell_line_id": "cell_line_id", "drug_id": "drug_id"}
        shape = read_responses(reading.read_table(path), keys, quantities.Stated(), path).rows.shape
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{what}: {shape[0]:,} x {shape[1]:,}, {path.stat().st_size / 1e6:.0f} MB: {seconds:.1f} s "
        f"({cpu:.1f} CPU s), peak {peak:.2f} GiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--genes", type=int, default=19_000)
    parser.add_argument("--lines", type=int, default=1_700)
    parser.add_argument("--responses", type=int, default=250_000)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")  # a fork would start with the memory of this process
    with tempfile.TemporaryDirectory() as folder:
        tables = {"expression": Path(folder) / "expression.csv", "responses": Path(folder) / "responses.csv"}
        for write in (
            spawn.Process(target=write_expression, args=(tables["expression"], given.genes, given.lines)),
            spawn.Process(target=write_responses, args=(tables["responses"], given.responses, given.lines)),
        ):
            write.start()
            write.join()
        for what, path in tables.items():
            read = spawn.Process(target=measure, args=(what, path))
            read.start()
            read.join()


if __name__ == "__main__":
    main()
