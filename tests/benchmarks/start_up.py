"""What `bdrp evaluate` and `bdrp predict` of a screen's grid cost as whole processes, before and now in turn.

    python tests/benchmarks/start_up.py MODEL --root DATA --before CHECKOUT [--screen gdsc2] [--runs 1]

CPU seconds, user and system together, on one thread, the median of the runs. Both versions are compiled beforehand, as
installations are, and the screen is parsed once, into a cache of this run's own, where the code keeps any. What both
versions write is compared byte for byte.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import bdrp


def main() -> None:
    """Print a line a command."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("model", type=Path)
    asked.add_argument("--root", type=Path, required=True)
    asked.add_argument("--before", type=Path, required=True)
    asked.add_argument("--screen", default="gdsc2")
    asked.add_argument("--runs", type=int, default=1)
    given = asked.parse_args()
    trees = {"before": given.before.resolve(), "now": Path(bdrp.__file__).parents[1]}
    screen = ["--screen", given.screen, "--root", str(given.root.resolve())]
    model = str(given.model.resolve())
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment = os.environ | one_thread | {"BDRP_CACHE": str(place / "cache")}
        for tree in trees.values():
            compileall.compile_dir(tree / "bdrp", quiet=1)
            measure(tree, ["check", *screen], environment)
        commands = {"evaluate": ([model], "report"), "predict": ([model, *screen], "predictions.parquet")}
        print("command    before       now   now / before   written")
        for command, (words, out) in commands.items():
            seconds: dict[str, list[float]] = {version: [] for version in trees}
            for _ in range(given.runs):
                for version, tree in trees.items():
                    to = ["--out", str(place / version / out)]
                    seconds[version].append(measure(tree, [command, *words, *to], environment))
            before, now = (statistics.median(seconds[version]) for version in ("before", "now"))
            same = "equal" if read(place / "before" / out) == read(place / "now" / out) else "different"
            print(f"{command:8} {before:8.1f}  {now:8.1f}  {now / before:13.2f}   {same}", flush=True)


def measure(tree: Path, words: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU seconds of one command of the code in `tree`."""
    command = [sys.executable, "-W", "ignore", "-m", "bdrp", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=tree, env={**environment, "PYTHONPATH": str(tree)}, **quiet) as running:
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
    return used.ru_utime + used.ru_stime


def read(path: Path) -> dict[str, bytes]:
    """What a command wrote, a file or a folder, by name."""
    return {each.name: each.read_bytes() for each in ([path] if path.is_file() else sorted(path.iterdir()))}


if __name__ == "__main__":
    main()
