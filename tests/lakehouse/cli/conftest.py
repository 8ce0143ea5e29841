"""A lake with releases and training steps, and the command line called over it."""

from __future__ import annotations

import logging

import pytest

from lakehouse.cli.main import main
from lakehouse.ledger.runs import sync_runs
from tests.lakehouse.lakes import lake_at, trained


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Work in a folder without a configuration, and leave logging as it was."""
    monkeypatch.chdir(tmp_path)
    for name in ("MIXLAKE_LAKE", "MIXLAKE_CONFIG", "MIXLAKE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logger = logging.getLogger("mixlake")
    kept = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = kept[0], kept[1], kept[2]


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    sync_runs(made.catalog)
    return made


@pytest.fixture
def call(capsys):
    def run(*argv, status=0):
        found = main(list(argv))
        captured = capsys.readouterr()
        assert found == status, captured.err
        return captured.out if status == 0 else captured.err

    return run
