from __future__ import annotations

import pytest

from jobs.acquire.connectors import folder
from jobs.acquire.connectors.base import SourceSkippedError


def test_a_folder_is_used_where_it_lies(tmp_path):
    (tmp_path / "LICENSE").write_text("What is a license?\n\nSOME LICENSE VERSION 2\n")
    got = folder.fetch(str(tmp_path), "LICENSE")
    assert got.root == tmp_path
    assert got.evidence == "LICENSE: SOME LICENSE VERSION 2"
    assert folder.fetch(str(tmp_path)).evidence == "as declared"
    assert folder.fetch(str(tmp_path), "COPYING").evidence == "as declared; COPYING is missing"


def test_a_missing_or_empty_folder_is_skipped(tmp_path):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(SourceSkippedError, match="missing or empty"):
            folder.fetch(str(place))
