"""What is held out as one piece: the groups of a screen that no split may tear.

Two rules run through all of them. A compound is its structure without salts, so two drug ids of one structure, or of a
base and its hydrochloride, go together; and a tumour is its patient, so two cell lines of one patient go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from bdrp.data.identifiers import parent_key
from bdrp.data.screen import Screen
from bdrp.errors import SplitError

BY = ("pair", "cell_line", "drug", "scaffold", "tissue", "both", "assay")
UNKNOWN_TISSUE = "unknown"


@dataclass(frozen=True)
class Cluster:
    """How one kind of split groups responses.

    Attributes:
        noun: the groups in words, plural.
        even: whether groups are of nearly equal size, so that folds of equal counts are folds of equal sizes.
        advice: what to do where there are too few groups.
        public: what its public keys are of; see `public_keys`.
    """

    noun: str
    even: bool
    advice: str
    public: str


CLUSTERS: Mapping[str, Cluster] = {
    "pair": Cluster("patient and compound pairs", True, "Measure more pairs or ask for fewer folds.", "pair"),
    "cell_line": Cluster("patients", True, "Split by pair or by drug, ask for fewer folds, or add cell lines.", "cell"),
    "drug": Cluster("compounds", True, "Split by pair or by cell_line, ask for fewer folds, or add drugs.", "drug"),
    "scaffold": Cluster(
        "scaffolds", False, "Split by drug, ask for fewer folds, or add drugs of other scaffolds.", "scaffold"
    ),
    "tissue": Cluster(
        "known tissues", False, "Split by cell_line, ask for fewer folds, or fill in the tissue column.", "tissue"
    ),
    "assay": Cluster(
        "assays of compounds", True, "Split by drug, ask for fewer folds, or join further screens.", "assay"
    ),
}


def patient_of_each_response(screen: Screen) -> pd.Series:
    """The patient of each response, (R,) strings."""
    return _looked_up(screen, "cell_line_id", screen.cell_lines["patient_id"])


def compound_of_each_response(screen: Screen) -> pd.Series:
    """The key of each response's compound, (R,) strings: the same for all ids and salts of it.

    The structure key (first InChIKey block) where a screen has one form of a compound; else the key of its parent.
    """
    return _looked_up(screen, "drug_id", _compounds(screen))


def parent_of_each_response(screen: Screen) -> pd.Series:
    """The structure key without salts of each response's drug, (R,) strings: the same in every screen."""
    return _looked_up(screen, "drug_id", screen.drugs["smiles"].map(parent_key))


def _compounds(screen: Screen) -> pd.Series:
    """The key of each drug's compound, by drug_id; keys of drugs that have no other salt are as they always were."""
    own, parents = screen.drugs["structure_key"], screen.drugs["smiles"].map(parent_key)
    several = own.groupby(parents).transform("nunique") > 1
    return own.where(~several, parents)


def assign_clusters(screen: Screen, by: str) -> pd.Series:
    """The group of each response, (R,) strings; "" where a response cannot be placed (tissue unknown).

    - pair: a compound in a patient, with its replicates, ids and laboratories.
    - cell_line: a patient, with all lines from it.
    - drug: a compound, with all ids of it.
    - scaffold: a Bemis-Murcko scaffold; a molecule without rings is its own.
    - tissue: a tissue; tissues that one patient's lines connect count as one.
    - assay: a compound in one laboratory, with all ids that it has there. In others it is another assay: what is held
      out is no unseen compound.

    Raises:
        SplitError: by assay, and the screen does not say whose assays its drug ids are.
    """
    return _GROUPS[by](screen)


def public_keys(screen: Screen, by: str) -> pd.Series:
    """What others know each group by, indexed by group key.

    A patient is known by the first of its cell line ids, a pair by that and the structure key; other groups by
    themselves.
    """
    first = screen.cell_lines.index.to_series().astype(str).groupby(screen.cell_lines["patient_id"]).min()
    found = assign_clusters(screen, by)
    known = {
        "cell_line": lambda: patient_of_each_response(screen).map(first),
        "pair": lambda: patient_of_each_response(screen).map(first) + ":" + compound_of_each_response(screen),
    }.get(by, lambda: found)()
    return known.groupby(found).first()


def _pairs(screen: Screen) -> pd.Series:
    return patient_of_each_response(screen) + "|" + compound_of_each_response(screen)


def _scaffolds(screen: Screen) -> pd.Series:
    drugs = screen.drugs.assign(scaffold=[murcko_scaffold(s, k) for s, k in _structures(screen)])
    one_each = drugs.groupby(_compounds(screen))["scaffold"].transform("min")  # tautomers and salts agree on one
    return _looked_up(screen, "drug_id", one_each)


def _structures(screen: Screen) -> zip[tuple[str, str]]:
    return zip(screen.drugs["smiles"], screen.drugs["structure_key"], strict=True)


def murcko_scaffold(smiles: str, structure_key: str) -> str:
    """The Bemis-Murcko scaffold (ring systems and the links between them) as SMILES, or the key of an acyclic molecule.

    Bemis and Murcko, J. Med. Chem. 1996, 39, 2887. Stereochemistry is left out: enantiomers share a scaffold.

    >>> murcko_scaffold("CCc1ccccc1", "YNQLUTRBYVCPMQ")
    'c1ccccc1'
    >>> murcko_scaffold("CCO", "LFQSCWFLJHTTHZ")
    'LFQSCWFLJHTTHZ'

    Raises:
        SplitError: RDKit cannot read the structure.
    """
    from rdkit import Chem
    from rdkit.Chem.Scaffolds import MurckoScaffold

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise SplitError(
            f"The structure '{smiles}' cannot be read, so it has no scaffold. Correct it in the drug table."
        )
    Chem.RemoveStereochemistry(molecule)
    rings = MurckoScaffold.GetScaffoldForMol(molecule)
    return Chem.MolToSmiles(rings) or structure_key


def _tissues(screen: Screen) -> pd.Series:
    lines = screen.cell_lines
    known = lines[lines["tissue"].ne(UNKNOWN_TISSUE) & lines["tissue"].ne("")]
    joined = known["tissue"]
    while True:  # spread the smallest name through shared patients and tissues until nothing moves
        spread = joined.groupby(known["patient_id"]).transform("min").groupby(known["tissue"]).transform("min")
        if spread.equals(joined):
            return _looked_up(screen, "cell_line_id", joined.reindex(lines.index, fill_value=""))
        joined = spread


def laboratory_of_each_response(screen: Screen) -> pd.Series:
    """The laboratory whose assay each response's drug id is, (R,) strings.

    Raises:
        SplitError: the screen is of one laboratory.
    """
    if "laboratory" not in screen.drugs:
        raise SplitError(
            f"{screen.name} does not say whose assays its drug ids are, so no laboratory can be told from another. A "
            "screen of several is needed; join them, as in --screen gdsc2,gdsc1 or bdrp.data.joint.join."
        )
    return _looked_up(screen, "drug_id", screen.drugs["laboratory"])


def _assays(screen: Screen) -> pd.Series:
    return laboratory_of_each_response(screen) + ":" + compound_of_each_response(screen)


def _looked_up(screen: Screen, key: str, values: pd.Series) -> pd.Series:
    looked_up: pd.Series = screen.responses[key].map(values).astype(str)
    return looked_up


_GROUPS: Mapping[str, Callable[[Screen], pd.Series]] = {
    "pair": _pairs,
    "cell_line": patient_of_each_response,
    "drug": compound_of_each_response,
    "scaffold": _scaffolds,
    "tissue": _tissues,
    "assay": _assays,
}
