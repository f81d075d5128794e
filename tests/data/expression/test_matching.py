from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bdrp.data.expression import Reference, admit, match_expression, measure_shift
from bdrp.data.expression.scale import column_moments
from bdrp.errors import BdrpWarning, DataError


@pytest.fixture(scope="module")
def training(made: ModuleType) -> pd.DataFrame:
    return made.draw_log2(120, seed=1, prefix="TRAIN")


@pytest.fixture(scope="module")
def reference(made: ModuleType, training: pd.DataFrame) -> Reference:
    return made.reference_of(training, "log2")


def other_platform(table: pd.DataFrame, seed: int = 9) -> pd.DataFrame:
    """The same lines on arrays: each gene with a sensitivity and a background of its own."""
    rng = np.random.default_rng(seed)
    genes = table.shape[1]
    return 3 + rng.normal(0, 1.5, genes) + table * rng.uniform(0.4, 0.9, genes)


def error(table: pd.DataFrame, truth: pd.DataFrame, reference: Reference) -> float:
    """Root mean square distance from the truth, in training SDs."""
    difference = (table[truth.columns] - truth).to_numpy() / reference.sd
    return float(np.sqrt(np.nanmean(difference**2)))


def test_matching_by_gene_gives_every_gene_the_training_moments(made: ModuleType, reference: Reference) -> None:
    matched = match_expression(other_platform(made.draw_log2(40, seed=2)), reference, "gene")
    mean, sd = column_moments(reference.values_of(matched))
    np.testing.assert_allclose(mean, reference.mean, atol=1e-4)
    np.testing.assert_allclose(sd[np.isfinite(reference.sd)], reference.sd[np.isfinite(reference.sd)], rtol=1e-4)


def test_matching_by_gene_undoes_what_a_platform_does_to_genes(made: ModuleType, reference: Reference) -> None:
    lines = made.draw_log2(60, seed=2)
    seen = other_platform(lines)
    errors = {how: error(match_expression(seen, reference, how), lines, reference) for how in ("none", "gene", "rank")}
    assert errors["gene"] < 0.35 and errors["rank"] < 0.45 and errors["none"] > 2
    np.testing.assert_allclose(
        match_expression(seen, reference, "gene"), match_expression(seen * 3 - 7, reference, "gene"), atol=1e-3
    )


def test_matching_by_rank_needs_no_logarithm_and_by_quantile_no_second_line(
    made: ModuleType, reference: Reference
) -> None:
    lines = made.draw_log2(40, seed=2) + 0.01 * made.draw_log2(40, seed=3)  # without ties
    for how, some in (("rank", lines), ("quantile", lines.iloc[:1])):
        np.testing.assert_allclose(
            match_expression(some, reference, how), match_expression(2**some - 1, reference, how), atol=1e-3
        )


def test_matching_by_quantile_gives_a_line_the_training_distribution(made: ModuleType, reference: Reference) -> None:
    (line,) = match_expression(other_platform(made.draw_log2(1, seed=2)), reference, "quantile").to_numpy()
    levels = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(np.quantile(line, levels), np.quantile(reference.every_value, levels), atol=0.1)


def test_gaps_and_other_columns_stay(made: ModuleType, reference: Reference) -> None:
    table = made.draw_log2(30, seed=2).assign(OTHER=7.0)
    table.iloc[2, 4] = np.nan
    for how in ("gene", "rank", "quantile"):
        matched = match_expression(table, reference, how)
        assert np.isnan(matched.loc[table.index[2], table.columns[4]]) and matched.isna().sum().sum() == 1
        assert (matched["OTHER"] == 7).all() and list(matched.index) == list(table.index)
    assert match_expression(table, reference, "none") is table


def test_few_lines_say_so_and_too_few_are_refused(made: ModuleType, reference: Reference) -> None:
    with pytest.warns(BdrpWarning, match="matched by gene on 8 lines.*0.35 SD"):
        match_expression(made.draw_log2(8, seed=2), reference, "gene")
    with pytest.raises(DataError, match='rank" was given 2 lines.*say match="quantile"'):
        match_expression(made.draw_log2(2, seed=2), reference, "rank")
    with pytest.raises(DataError, match="no matching of expression 'combat'. Known are none, gene, quantile, rank"):
        match_expression(made.draw_log2(2, seed=2), reference, "combat")


def test_another_platform_is_warned_of_with_what_to_say(made: ModuleType, reference: Reference) -> None:
    seen = other_platform(made.draw_log2(40, seed=2))
    with pytest.warns(BdrpWarning, match='40 lines is unlike.*say match="gene"; if not, none, which'):
        assert admit(seen, reference) is seen
    with pytest.warns(BdrpWarning, match=r'5 lines is unlike.*match="quantile" \(gene and rank need 20'):
        admit(seen.iloc[:5], reference)
    assert measure_shift(admit(seen, reference, "gene"), reference).distance < 0.01


def test_a_refusal_becomes_a_warning_where_the_table_is_said_to_be_right(
    made: ModuleType, reference: Reference
) -> None:
    tpm = 2 ** made.draw_log2(30, seed=2) - 1
    with pytest.raises(DataError, match="looks like TPM.*the model was trained on a binary logarithm"):
        admit(tpm, reference)
    with pytest.warns(BdrpWarning, match="looks like TPM"):
        assert admit(tpm, reference, "none") is tpm
    with pytest.raises(DataError, match="looks like TPM"):
        admit(tpm, reference, "gene")
    assert admit(tpm, reference, "rank").shape == tpm.shape


def test_training_lines_and_lines_like_them_pass_as_they_are(
    made: ModuleType, training: pd.DataFrame, reference: Reference
) -> None:
    for table in (training, made.draw_log2(50, seed=3), made.draw_log2(50, seed=3).iloc[:, ::-1]):
        assert admit(table, reference) is table


def test_genes_are_found_under_the_names_that_the_model_has(made: ModuleType, training: pd.DataFrame) -> None:
    """Folders that were written when `TP53 (7157)` was a name, and tables of either kind."""
    old = made.reference_of(training.rename(columns=lambda gene: f"{gene} (7)"), "log2")
    new = made.draw_log2(30, seed=2)
    assert list(admit(new, old).columns) == [f"{gene} (7)" for gene in new.columns]
    renamed = new.rename(columns={"SEPT9": "SEPTIN9", "MARCH5": "MARCHF5", "HLA-A": "HLA.A"})
    assert list(admit(renamed, made.reference_of(training, "log2")).columns) == list(new.columns)


def test_genes_of_the_mouse_are_read_by_their_letters_and_warned_of(made: ModuleType, reference: Reference) -> None:
    mouse = made.draw_log2(30, seed=2).rename(columns=str.capitalize)
    with pytest.warns(BdrpWarning, match="200 genes are written as those of the mouse.*Abcb1 as ABCB1"):
        assert list(admit(mouse, reference).columns) == list(reference.genes)


def test_shuffled_genes_are_told_by_level_and_by_what_goes_together(made: ModuleType, training: pd.DataFrame) -> None:
    cohort, rng = made.draw_log2(60, seed=2), np.random.default_rng(0)
    shuffled = cohort.set_axis(rng.permutation(cohort.columns), axis=1)
    with pytest.raises(DataError, match="rank correlation of .* and its genes go together by [0-3]%"):
        admit(shuffled, made.reference_of(training, "log2"))
    z = made.reference_of(made.standardised(training))
    with pytest.raises(DataError, match="look for them|looks for them: its genes go together by [0-3]%"):
        admit(made.standardised(shuffled), z)
    assert measure_shift(made.standardised(cohort), z).structure > 0.7
    with pytest.warns(BdrpWarning, match="go together by [0-3]%"):
        admit(shuffled, made.reference_of(training, "log2"), "gene")


def test_the_scale_of_a_folder_that_recorded_none_is_told_by_its_scaler(
    made: ModuleType, training: pd.DataFrame
) -> None:
    assert not made.reference_of(training).scale.is_raw and made.reference_of(training).scale.name != "z"
    assert made.reference_of(made.standardised(training)).scale.name == "z"
    assert made.reference_of(2**training - 1).scale.is_raw
