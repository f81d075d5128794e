from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bdrp.cli.app import DEBUG, app


@pytest.fixture(scope="session", autouse=True)
def _faults_are_raised():
    """A fault of bdrp is raised as it is, and not told in a line with an exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DEBUG, "1")
        yield


@pytest.fixture(scope="session")
def bdrp():
    """Run a command; whatever is no refusal is raised as it is."""

    def run(*given):
        ran = CliRunner().invoke(app, [str(word) for word in given], env={"COLUMNS": "400"})
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran

    return run
