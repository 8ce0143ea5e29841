from __future__ import annotations

import pytest
import yaml

from jobs.acquire.accepted_formats import EXAMPLE, RECORDS
from jobs.acquire.media_types import media_type
from jobs.acquire.records.declaration import Records
from jobs.acquire.source_list import load_sources


def test_the_example_is_a_declaration(tmp_path):
    (tmp_path / "sources.yaml").write_text(EXAMPLE)
    assert load_sources([tmp_path / "sources.yaml"])["posts"].records.text == "body"


@pytest.mark.parametrize("one", RECORDS, ids=lambda one: one.name)
def test_what_is_said_of_a_format_holds(tmp_path, one):
    said = {"connector": "folder", "path": ".", "license": "MIT", "modality": "text", "kind": "x"}
    declared = {"sources": {"mine": {**said, "records": yaml.safe_load(one.declare)}}}
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(declared))
    records = load_sources([tmp_path / "sources.yaml"])["mine"].records
    for suffix in one.suffixes:
        assert records.format_of(f"a{suffix}") == one.name
        assert records.format_of(f"a{suffix}.zst") == one.name
        assert media_type(f"a{suffix}", b"")[0] != "application/octet-stream"
    assert isinstance(records, Records)
