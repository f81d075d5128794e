"""Messages speak Python in Python and flags on the command line, and offer the name that was meant."""

from __future__ import annotations

import warnings

import pytest

from bdrp.errors import BdrpWarning, OutputError, did_you_mean, speak_flags, speak_python

SAID = "The folder is not empty. Choose another --out, or say --overwrite to replace the model."


def test_an_error_speaks_the_words_of_where_it_is_read() -> None:
    error = OutputError(SAID)
    with speak_flags():
        assert str(error) == SAID
    assert str(error) == "The folder is not empty. Choose another out, or say overwrite=True to replace the model."


def test_a_warning_does_so_too() -> None:
    with pytest.warns(BdrpWarning, match='say match="gene"; if not'):
        warnings.warn("say --match-expression gene; if not, none", BdrpWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("flags", "python"),
    [
        ("state them with --unit and --dose-unit.", "state them with unit and dose_unit."),
        ("(--unit auc_percent)", '(unit="auc_percent")'),
        ("as in --screen gdsc2,gdsc1.", 'as in screen="gdsc2,gdsc1".'),
        ("--screen-option column=NAME", "column=NAME"),
        ("run `bdrp update --undo`", "run `bdrp update --undo`"),
        ("5 -- 7, a-b, --", "5 -- 7, a-b, --"),
    ],
)
def test_flags_become_arguments_and_commands_stay(flags: str, python: str) -> None:
    assert speak_python(flags) == python


def test_a_name_is_offered_where_one_is_like_it() -> None:
    assert did_you_mean("Last_Layr", ["ridge", "last_layer"]) == " Did you mean 'last_layer'?"
    assert did_you_mean("crystal_ball", ["ridge", "last_layer"]) == ""
