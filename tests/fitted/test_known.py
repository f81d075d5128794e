"""Drugs and lines are found by what people call them."""

from __future__ import annotations

import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.fitted.known import find_ids


def test_names_are_found_in_any_case_and_stand_for_all_of_their_ids():
    names = pd.Series(["Docetaxel", "Venetoclax", "docetaxel"], index=["7", "8", "9"])
    assert find_ids(["DOCETAXEL", "8"], names, "drug") == ["7", "9", "8"]
    with pytest.raises(DataError, match="has no drug 'Venetoklax', by name or id. Like it are Venetoclax"):
        find_ids(["Venetoklax"], names, "drug")


def test_punctuation_tells_no_two_names_apart_that_nothing_else_does():
    names = pd.Series(["MCF-7", "NCI/ADR-RES", "MCF7/ADR"], index=["1", "2", "3"])
    assert find_ids(["mcf7", "nci adr res"], names, "cell line") == ["1", "2"]
    with pytest.raises(DataError, match="has no cell line '--', by name or id. It has 3, such as MCF-7"):
        find_ids(["--"], names, "cell line")


def test_names_that_are_joined_by_commas_are_told_to_come_one_by_one():
    names = pd.Series(["Erlotinib", "Gefitinib"], index=["D1", "D2"])
    with pytest.raises(DataError, match="It has each of D1, gefitinib: name them one by one"):
        find_ids(["D1,gefitinib"], names, "drug")


def test_a_misspelt_name_is_answered_with_names_like_it():
    with pytest.raises(DataError, match="Like it are Paclitaxel"):
        find_ids(["Taclitaxel"], pd.Series(["Paclitaxel", "Olaparib"], index=["1", "2"]), "drug")
