"""A drug's structure with its atoms coloured by what each adds to the prediction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bdrp.errors import DataError

SIZE: Final = (420, 280)
BLUE: Final = (0.0, 0.447, 0.698)
VERMILION: Final = (0.835, 0.369, 0.0)


def draw_molecule(smiles: str, contributions: Sequence[float], label: str = "structure", least: float = 0.0) -> str:
    """The structure as SVG (RDKit), blue where an atom adds towards sensitive, vermilion towards resistant.

    Args:
        smiles: the structure.
        contributions: of its atoms, in the order in which RDKit reads them.
        least: what has the deepest colour where no atom adds more; of less, all stay pale.
        label: what a screen reader says.

    Raises:
        DataError: there are not as many contributions as atoms.
    """
    from html import escape

    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    molecule = Chem.MolFromSmiles(smiles)
    values = np.asarray(contributions, dtype=float)
    if molecule is None or molecule.GetNumAtoms() != len(values):
        atoms = "no molecule" if molecule is None else f"{molecule.GetNumAtoms()} atoms"
        raise DataError(f"{len(values)} contributions are given for {atoms}. One an atom is needed, in RDKit's order.")
    size = max(float(np.abs(values).max()), least, 1e-12)
    colours = {atom: _mixed(value / size) for atom, value in enumerate(values.tolist())}
    drawer: Any = rdMolDraw2D.MolDraw2DSVG(*SIZE)
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.setBackgroundColour((1, 1, 1, 0))
    options.highlightRadius = 0.42
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, molecule, highlightAtoms=list(colours), highlightAtomColors=colours, highlightBonds=[]
    )
    drawer.FinishDrawing()
    svg = drawer.GetDrawingText()
    body = svg[svg.index("<svg") :]
    rest = re.sub(r"<rect[^>]*>\s*</rect>", "", body.split(">", 1)[1])
    text = escape(label, quote=True)
    return f'<svg viewBox="0 0 {SIZE[0]} {SIZE[1]}" role="img" aria-label="{text}"><title>{text}</title>{rest.strip()}'


def _mixed(share: float) -> tuple[float, float, float]:
    """White at 0, blue at -1, vermilion at 1; a share of 0.8 is the deepest, so that bonds stay visible."""
    towards = BLUE if share < 0 else VERMILION
    red, green, blue = (1 + 0.8 * abs(share) * (part - 1) for part in towards)
    return red, green, blue
