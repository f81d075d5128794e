"""The inverse of a part of the lines is that of the part alone."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp.explain.line_covariance import FREE_LEVEL, LineCovariance, ObservedPart


@pytest.fixture(scope="module")
def expression():
    rng = np.random.default_rng(0)
    return rng.normal(size=(23, 4)) @ rng.normal(size=(4, 9)) + rng.normal(size=(23, 9))


def _dense(expression, ratio):
    kernel = expression @ expression.T
    return kernel / np.diag(kernel).mean() + FREE_LEVEL + ratio * np.eye(len(expression))


@pytest.mark.parametrize("missing", [[], [3], [0, 5, 6, 7, 20, 22]])
@pytest.mark.parametrize("ratio", [0.05, 2.0])
def test_it_solves_as_the_matrix_of_the_measured_lines_does(expression, ratio, missing):
    covariance, there = LineCovariance(expression), np.setdiff1d(np.arange(23), missing)
    part = ObservedPart(covariance.inverse(ratio), np.asarray(missing, dtype=int))
    own = _dense(expression, ratio)[np.ix_(there, there)]
    columns = np.random.default_rng(1).normal(size=(23, 3))
    solved = part.solve(columns)
    np.testing.assert_allclose(solved[there], np.linalg.solve(own, columns[there]), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(solved[missing], 0, atol=1e-8)
    total = part.log_determinant + covariance.log_determinant(ratio)
    np.testing.assert_allclose(total, np.linalg.slogdet(own)[1], rtol=1e-8)
    squares = part.squares(covariance.of_expression(ratio))
    expected = np.sum(expression[there] * np.linalg.solve(own, expression[there]), axis=0)
    np.testing.assert_allclose(squares, expected, rtol=1e-6)


def test_what_columns_hold_where_nothing_was_measured_counts_for_nothing(expression):
    part = ObservedPart(LineCovariance(expression).inverse(1.0), np.array([2, 9]))
    column = np.random.default_rng(1).normal(size=23)
    changed = column.copy()
    changed[[2, 9]] = 100.0
    np.testing.assert_allclose(part.solve(changed), part.solve(column), atol=1e-7)
