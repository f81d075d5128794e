import numpy as np
import pandas as pd
import pytest

from bdrp.data.dose_response.simulation import HALF_DECADES


def raw_wells(lines: int = 4, drugs: int = 3, seed: int = 0) -> pd.DataFrame:
    """A plate a line: 20 controls, 10 blanks and a curve a drug at seven doses, at places of 384 wells."""
    rng = np.random.default_rng(seed)
    rows = []
    for line in range(lines):
        ids = {"plate": f"P{line}", "cell_line_id": f"L{line}"}
        level = 30_000 * (1 + line)
        places = iter(rng.permutation(384))

        def well(role: str, signal: float, drug: str = "", dose: float = 0.0) -> dict:
            row, column = divmod(int(next(places)), 24)  # noqa: B023 - is called within the loop
            return {
                **ids,  # noqa: B023
                "well": f"{chr(65 + row)}{column + 1:02d}",
                "role": role,
                "drug_id": drug,
                "dose_um": dose,
                "intensity": signal,
            }

        rows += [well("dmso", 500 + level * rng.normal(1, 0.05)) for _ in range(20)]
        rows += [well("blank", rng.normal(500, 50)) for _ in range(10)]
        for drug in range(drugs):
            for dose in np.exp(HALF_DECADES) * 10:
                viability = 1 / (1 + (dose / 10 ** (drug - 1.5)) ** 1.2)
                rows.append(well("sample", 500 + level * viability * rng.normal(1, 0.05), f"D{drug}", dose))
    return pd.DataFrame(rows)


@pytest.fixture
def raw() -> pd.DataFrame:
    """Four plates of one line each, with three drugs."""
    return raw_wells()


@pytest.fixture
def wells_csv(tmp_path, raw):
    path = tmp_path / "plates.csv"
    raw.to_csv(path, index=False)
    return path
