"""The row-local flows of the project give the same tables on both engines: rows, counts, quarantine, notes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.delta.history import commits_with_notes
from lakehouse.lake import Lake
from tests.jobs.acquire.conftest import picture, recording

FLOWS = (
    "bronze.sources",
    "bronze.files",
    "bronze.documents",
    "bronze.images",
    "bronze.utterances",
    "silver.documents",
    "silver.images",
    "silver.utterances",
    "silver.document_scores",
    "silver.document_signatures",
    "silver.image_scores",
    "silver.utterance_scores",
    "gold.vocabulary",
    "gold.document_tokens",
    "gold.image_tokens",
    "gold.utterance_tokens",
)
ENGINES = ("embedded", "spark")
SECRET = "import os\n\n\ndef greet(name: str) -> str:\n    return f'hello {name}'\n" * 20
TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. " * 12


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("engines")
    data = root / "data"
    data.mkdir()
    common = {"connector": "folder", "path": "data", "license": "CC0-1.0", "kind": "note", "language": "en"}
    sources = {
        "words": {**common, "modality": "text", "include": ["*.txt", "*.html"], "exclude": ["clip*", "photo*"]},
        "programs": {**common, "modality": "code", "include": ["*.py"], "language": "und"},
        "voices": {**common, "modality": "speech", "include": ["*.wav"], "neighbour": {"format": "plain"}},
        "views": {**common, "modality": "image", "include": ["*.png"], "neighbour": {"format": "tagged-lines"}},
    }
    (root / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
    config = {"params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}}}
    (root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    for number in range(12):
        (data / f"{number}.txt").write_text(f"Note {number}.\n{TEXT}\nEnd of note {number} — voilà, 漢字.\n")
    (data / "page.html").write_text(f"<html><body><h1>Title</h1><p>{TEXT}</p><script>no()</script></body></html>")
    (data / "nul.txt").write_bytes(b"a\0b")
    (data / "empty.txt").write_text("")
    (data / "code.py").write_text(SECRET)
    for number in range(3):
        (data / f"clip{number}.wav").write_bytes(recording("WAV", seconds=1 + number / 3))
        (data / f"clip{number}.txt").write_text(f"Spoken words, number {number}.")
        (data / f"photo{number}.png").write_bytes(picture(size=(96, 64 + number), seed=number))
        (data / f"photo{number}.txt").write_text("A photo.\nde.utf8=Ein Foto.\n")
    (data / "broken.png").write_bytes(picture()[:40])
    (data / "broken.txt").write_text("A photo.\n")
    return root


def run(world, engine):
    lake = Lake(str(world / engine), load_config(world).with_engine(engine))
    report = lake.run(FLOWS)
    assert report.ok, [str(result.error) for result in report.results if result.error]
    return lake


def state(lake):
    """What the tables' newest notes say, without what differs between two runs."""
    notes = {}
    for name in FLOWS:
        _, _, note = next(iter(commits_with_notes(lake.catalog.open(name))))
        notes[name] = {
            "digest": note.digest,
            "counts": dict(note.counts),
            "mode": note.mode,
            "changed": note.changed,
            "reasons": dict(note.reasons),
        }
    return notes


def quarantined(lake):
    rows = lake.sql('SELECT "table", sample_id, origin, reason, "row" FROM ledger.quarantine ORDER BY ALL').to_pylist()
    return [{**row, "row": sorted(json.loads(row["row"])) if row["row"] else None} for row in rows]


def test_both_engines_give_the_same_tables(world, spark):
    lakes = [run(world, engine) for engine in ENGINES]
    assert state(lakes[0]) == state(lakes[1])
    assert quarantined(lakes[0]) == quarantined(lakes[1])
    assert len(quarantined(lakes[0])) >= 2

    (world / "data" / "3.txt").write_text(f"{TEXT} This one is another text now.")
    (world / "data" / "4.txt").unlink()
    (world / "data" / "new.txt").write_text(f"{TEXT} And this one is new.")
    (world / "data" / "clip1.txt").write_text("Other words.")
    lakes = [run(world, engine) for engine in ENGINES]
    assert state(lakes[0]) == state(lakes[1])
    assert state(lakes[0])["silver.documents"]["mode"] == "incremental"
    assert quarantined(lakes[0]) == quarantined(lakes[1])


def test_engines_take_turns_on_one_lake(world, spark):
    lake = run(world, "spark")
    (world / "data" / "5.txt").write_text(f"{TEXT} Changed for the other engine.")
    Lake(str(world / "spark"), load_config(world).with_engine("embedded")).run(FLOWS)
    run(world, "embedded")
    assert state(lake) == state(Lake(str(world / "embedded"), load_config(world)))
    (world / "data" / "6.txt").write_text(f"{TEXT} And back.")
    assert state(run(world, "spark")) == state(run(world, "embedded"))


def test_spark_starts_in_a_process_that_ran_embedded_flows(world):
    """The JVM is not forked: the threads of the embedded engine's libraries do not survive a fork."""
    select = ["+silver.image_duplicates", "bronze.utterances", "silver.utterances"]
    command = [sys.executable, "-m", "lakehouse.cli.main", "--lake", "auto", "run", *select]
    done = subprocess.run(command, cwd=world, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lake = Lake(str(world / "auto"), load_config(world))
    engines = {}
    for name in ("silver.utterances", "silver.images", "silver.image_duplicates"):
        _, _, note = next(iter(commits_with_notes(lake.catalog.open(name))))
        engines[name] = note.engine
    assert engines == {"silver.utterances": "embedded", "silver.images": "embedded", "silver.image_duplicates": "spark"}
