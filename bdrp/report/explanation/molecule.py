"""A drug's structure with its atoms coloured by what each adds to the prediction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bdrp.errors import DataError
from bdrp.explain import Explanation, PairContributions
from bdrp.fitted.known import find_ids

SIZE: Final = (420, 280)
LEAST_LABEL: Final = 15  # chosen: 11 pixels where a phone shows the width of 420 at 320 pixels
LEAST_COLOURED: Final = 0.02  # chosen: share of the predictive SD; an atom that adds less is no finding
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
    from rdkit.Chem.Draw import rdMolDraw2D

    from bdrp.report.figures.svg import open_tag

    svg = _drawn(rdMolDraw2D.MolDraw2DSVG(*SIZE), smiles, contributions, least)
    body = svg[svg.index("<svg") :]
    rest = re.sub(r"<rect[^>]*>\s*</rect>", "", body.split(">", 1)[1])
    return open_tag(f"0 0 {SIZE[0]} {SIZE[1]}", label, LEAST_LABEL) + rest.strip()


def draw_image(smiles: str, contributions: Sequence[float] | None = None, least: float = 0.0) -> npt.NDArray[Any]:
    """The same as an image (height, width, 4), for axes; without contributions all atoms stay white.

    Raises:
        DataError: as in `draw_molecule`, or the structure cannot be read.
    """
    from io import BytesIO

    from matplotlib.image import imread
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DCairo(2 * SIZE[0], 2 * SIZE[1])  # twice, for screens with small pixels
    return np.asarray(imread(BytesIO(_drawn(drawer, smiles, contributions, least)), format="png"))


def find(structure: str | Explanation, of: Sequence[float] | str | None) -> tuple[str, Sequence[float] | None, float]:
    """SMILES, contributions and the least of them that has the deepest colour, of SMILES or of an explained drug.

    Raises:
        DataError: the drug was not explained, or its method reads no atoms.
    """
    if isinstance(structure, str):
        if isinstance(of, str):
            raise DataError(f"The contributions of {structure} are {of!r}. A number an atom is needed. Give numbers.")
        return structure, of, 0.0
    drug = find_ids([str(of)], structure.drug_names, "drug")[0]
    shared = structure.contributions
    rows = None if shared is None else shared.atoms[shared.atoms["drug_id"] == drug]
    if shared is None or rows is None or rows.empty:
        raise DataError(f"The atoms of {of} are not among what was explained. Explain this drug with a graph network.")
    return str(structure.structures[drug]), rows["contribution"].tolist(), least_coloured(shared)


def least_coloured(shared: PairContributions) -> float:
    """What an atom must add to have the deepest colour where none adds more: a share of the SD of predictions."""
    return LEAST_COLOURED * float(shared.pairs["sd"].median())


def _drawn(drawer: Any, smiles: str, contributions: Sequence[float] | None, least: float) -> Any:
    """What a drawer of RDKit makes of the structure and its coloured atoms."""
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise DataError(f"The structure {smiles!r} cannot be read. SMILES are needed. Correct it.")
    contributions = [0.0] * molecule.GetNumAtoms() if contributions is None else contributions
    values = np.asarray(contributions, dtype=float)
    if molecule.GetNumAtoms() != len(values):
        raise DataError(
            f"{len(values)} contributions are given for {molecule.GetNumAtoms()} atoms. One an atom is needed, in "
            "RDKit's order."
        )
    size = max(float(np.abs(values).max()), least, 1e-12)
    colours = {atom: _mixed(value / size) for atom, value in enumerate(values.tolist())}
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.setBackgroundColour((1, 1, 1, 0))
    options.highlightRadius = 0.42
    options.minFontSize = round(LEAST_LABEL * drawer.Width() / SIZE[0])
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, molecule, highlightAtoms=list(colours), highlightAtomColors=colours, highlightBonds=[]
    )
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def _mixed(share: float) -> tuple[float, float, float]:
    """White at 0, blue at -1, vermilion at 1; a share of 0.8 is the deepest, so that bonds stay visible."""
    towards = BLUE if share < 0 else VERMILION
    red, green, blue = (1 + 0.8 * abs(share) * (part - 1) for part in towards)
    return red, green, blue
