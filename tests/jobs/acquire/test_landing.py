"""The landing flows in the engine: landing again lands nothing, a new file lands alone, bad files are quarantined."""

from __future__ import annotations

import json

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake

FLOWS = ("sources", "files", "documents", "utterances", "images")
FAMILIES = ("sources", "documents", "utterances", "images")


@pytest.fixture
def landing(world, spark, monkeypatch, make_picture, make_recording):
    from lakehouse.declare import discovery

    monkeypatch.setattr(discovery, "_entry_points", lambda group: [])
    said = {"connector": "folder", "path": "data", "license": "CC0-1.0", "kind": "note", "language": "en"}
    declared = {
        "words": {**said, "modality": "text", "include": ["*.txt"], "exclude": ["clip.txt", "photo.txt"]},
        "voices": {**said, "modality": "speech", "include": ["*.wav"], "neighbour": {"format": "plain"}},
        "views": {**said, "modality": "image", "include": ["*.png"], "neighbour": {"format": "tagged-lines"}},
    }
    (world.root / "sources.yaml").write_text(yaml.safe_dump({"sources": declared}))
    config = {
        "modules": [*(f"schemas.{name}" for name in FAMILIES), *(f"jobs.acquire.{name}" for name in FLOWS)],
        "params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}},
    }
    (world.root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    world.put("a.txt", "hello")
    world.put("changed.txt", "before")
    world.put("gone.txt", "x")
    world.put("nul.txt", b"a\0b")
    world.put("clip.wav", make_recording("WAV"))
    world.put("clip.txt", "spoken words")
    world.put("photo.png", make_picture())
    world.put("photo.txt", "A photo.\nde.utf8=Ein Foto.\n")
    return world


def run(world):
    lake = Lake(str(world.root / "lake"), load_config(world.root))
    report = lake.run([f"bronze.{name}" for name in FLOWS])
    return lake, {outcome.writes: outcome for outcome in report.results}


def test_landing(landing):
    lake, _ = run(landing)
    assert lake.table("bronze.sources").num_rows == 3
    first = {row["uri"]: row for row in lake.table("bronze.documents").to_pylist()}
    assert first["folder:words/a.txt"]["content"] == "hello"
    assert lake.table("bronze.utterances").column("transcript").to_pylist() == ["spoken words"]
    assert dict(lake.table("bronze.images").column("captions")[0].as_py()) == {"en": "A photo.", "de": "Ein Foto."}
    quarantined = lake.table("ledger.quarantine").to_pylist()
    assert [row["reason"] for row in quarantined if "NUL" in json.dumps(row, default=str)] == [
        "not text: NUL at byte 1"
    ]

    plan = Lake(str(landing.root / "lake"), load_config(landing.root)).plan([f"bronze.{name}" for name in FLOWS])
    assert {item.state for item in plan.flows} == {"fresh"}

    landing.put("new.txt", "new")
    landing.put("changed.txt", "after")
    (landing.folder / "gone.txt").unlink()
    (landing.folder / "clip.txt").write_text("other words")
    lake, _ = run(landing)
    second = {row["uri"]: row for row in lake.table("bronze.documents").to_pylist()}
    assert {uri: row["content"] for uri, row in second.items()} == {
        "folder:words/a.txt": "hello",
        "folder:words/changed.txt": "after",
        "folder:words/new.txt": "new",
    }
    # The same row of the same run: what did not change was not landed again.
    assert second["folder:words/a.txt"] == first["folder:words/a.txt"]
    assert second["folder:words/changed.txt"]["sample_id"] != first["folder:words/changed.txt"]["sample_id"]
    assert lake.table("bronze.utterances").column("transcript").to_pylist() == ["other words"]
    assert lake.table("bronze.images").num_rows == 1
