"""What `bdrp predict` costs: seconds of CPU and memory, of a screen's grid and of libraries of new compounds.

    python tests/benchmarks/prediction.py MODEL --root DATA [--compounds 500,1500] [--before PATH] [--runs 1] [--kill]

Each figure is of a whole process of the command line: start, reading and writing included. With `--before`, a checkout
of an earlier version, both are run in turn. Compounds are structures of the screen with random substituents, so that
their size is that of drugs; each is parsed, named by its InChIKey and featurised. Of what is kept among the caches the
screen alone is there at first; *again* asks a library whose structures are kept. With `--kill`, each library is asked
once more by a process that is killed at half time, and then resumed: the file has to equal that of the unbroken run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import bdrp
from bdrp.files import cache_folder

SUBSTITUENTS: Final = (
    *("C", "CC", "F", "Cl", "O", "N", "OC", "C#N", "C(F)(F)F", "C(=O)N", "S(=O)(=O)C", "C1CC1", "N1CCOCC1"),
    *("c1ccccc1", "C(C)C", "OCC", "N(C)C", "CCO", "C(=O)O", "c1ccncc1"),
)


class Cost(NamedTuple):
    """CPU seconds, user and system together; the peak of resident memory in MiB; pairs that were written."""

    seconds: float
    peak: float
    pairs: int


def main() -> None:
    """Print a table: a row a size and version."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("model", type=Path)
    asked.add_argument("--root", type=Path, required=True)
    asked.add_argument("--screen", default="gdsc2")
    asked.add_argument("--compounds", default="500,1500")
    asked.add_argument("--before", type=Path)
    asked.add_argument("--runs", type=int, default=1)
    asked.add_argument("--kill", action="store_true")
    given = asked.parse_args()
    trees = {"before": given.before.resolve()} if given.before else {}
    trees["now"] = Path(bdrp.__file__).parents[1]
    screen = ["--screen", given.screen, "--root", str(given.root.resolve())]
    print("compounds        pairs  version     CPU s   us a pair   peak MiB")
    with tempfile.TemporaryDirectory() as place:
        os.environ[cache_folder.PLACE] = str(Path(place) / "cache")
        for tree in trees.values():
            with start(tree, "check", screen) as parsed:
                parsed.wait()
        for count in (0, *map(int, given.compounds.split(","))):
            library = write_library(given.screen, given.root, count, Path(place) / f"{count}.csv")
            for _ in range(given.runs):
                for name, tree in trees.items():
                    words = [
                        str(given.model.resolve()),
                        *screen,
                        *library,
                        "--out",
                        str(Path(place) / f"{name}-{count}.parquet"),
                    ]
                    show(count, name, measure(tree, words))
            if count:
                show(count, "again", measure(trees["now"], words))
            if given.kill and count:
                print(kill_and_resume(trees["now"], words), flush=True)


def show(count: int, name: str, cost: Cost) -> None:
    """Print a row."""
    each = 1e6 * cost.seconds / cost.pairs
    shown = f"{count or 'grid':>9} {cost.pairs:12,}  {name:8} {cost.seconds:8.1f} {each:11.2f}"
    print(f"{shown} {cost.peak:10,.0f}", flush=True)


def measure(tree: Path, words: Sequence[str]) -> Cost:
    """One `bdrp predict` of the code in `tree`, as a process of its own with one thread that begins there."""
    import pyarrow.parquet

    with start(tree, "predict", words) as running:
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {running.returncode}")
    pairs = pyarrow.parquet.read_metadata(words[-1]).num_rows
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, pairs)


def start(tree: Path, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """A command of the code in `tree`."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = os.environ | one_thread | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-W", "ignore", "-m", "bdrp", name, *words]
    return subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_and_resume(tree: Path, words: Sequence[str]) -> str:
    """What became of a run that was killed when half of its parts were there, beside the unbroken one's file."""
    unbroken = Path(words[-1])
    out = unbroken.with_name(f"killed-{unbroken.name}")
    killed, folder = [*words[:-1], str(out)], out.with_name(f"{out.name}.parts")
    with start(tree, "predict", killed) as running:
        while running.poll() is None and not halfway(folder):
            time.sleep(0.05)
        running.kill()
    if out.exists() or not folder.exists():
        return "killed and resumed: it had ended before it could be killed"
    finished = len(list(folder.glob("part-*")))
    again = measure(tree, killed)
    same = "equal to" if out.read_bytes() == unbroken.read_bytes() else "DIFFERENT from"
    return f"killed after {finished} parts and resumed: {again.seconds:.1f} CPU s more, {same} the unbroken run"


def halfway(folder: Path) -> bool:
    """Whether half of the parts of a result are there."""
    try:
        count = json.loads((folder / "parts.json").read_text())["count"]
    except (FileNotFoundError, ValueError):
        return False
    return 2 * len(list(folder.glob("part-*.parquet"))) >= int(count)


def write_library(screen: str, root: Path, count: int, path: Path) -> list[str]:
    """The flags that name a table of so many compounds, written here; none for 0: the screen's drugs are asked."""
    if not count:
        return []
    from bdrp.data import sources

    structures = sources.load(screen, root).drugs["smiles"].tolist()
    made = dict.fromkeys(smiles for smiles, _ in zip(grow(structures), range(2 * count), strict=False))
    rows = [f"new{number:06d},{smiles}" for number, smiles in zip(range(count), made, strict=False)]
    path.write_text("\n".join(["drug_id,smiles", *rows, ""]))
    return ["--drugs", str(path)]


def grow(structures: Sequence[str]) -> Iterator[str]:
    """Structures with one to three substituents at random places, without end; some come twice."""
    from rdkit import Chem, rdBase

    drawn = random.Random(0)
    while True:
        molecule = Chem.MolFromSmiles(drawn.choice(structures))
        with rdBase.BlockLogs():
            for _ in range(drawn.choice((1, 1, 2, 2, 3))):
                molecule = _substitute(molecule, drawn)
            smiles = Chem.MolToSmiles(molecule)
            if Chem.MolFromSmiles(smiles) is not None:
                yield smiles


def _substitute(molecule, drawn):  # type: ignore[no-untyped-def]
    """One hydrogen of carbon or nitrogen replaced; the molecule itself where what comes out is none."""
    from rdkit import Chem

    open_to = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetTotalNumHs() and atom.GetSymbol() in "CN"]
    if not open_to:
        return molecule
    grown = Chem.RWMol(Chem.CombineMols(molecule, Chem.MolFromSmiles(drawn.choice(SUBSTITUENTS))))
    grown.AddBond(drawn.choice(open_to), molecule.GetNumAtoms(), Chem.BondType.SINGLE)
    try:
        Chem.SanitizeMol(grown)
    except ValueError:
        return molecule
    return grown


if __name__ == "__main__":
    main()
