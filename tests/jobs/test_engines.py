"""The flows of the project give the same tables on both engines: rows, counts, quarantine, notes."""

from __future__ import annotations

import json
import shutil
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
    "bronze.record_ids",
    "bronze.record_files",
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
    "silver.document_boilerplate",
    "gold.vocabulary",
    "gold.document_texts",
    "gold.document_tokens",
    "gold.image_tokens",
    "gold.utterance_tokens",
    "silver.document_order",
    "silver.document_duplicates",
    "silver.document_containments",
    "silver.image_duplicates",
    "silver.utterance_duplicates",
    "gold.samples",
    "gold.supply",
    "gold.quotas",
    "gold.mixture",
    "gold.sequences",
    "gold.media_addresses",
)
DOCUMENTS = (*FLOWS[:5], "silver.documents", "silver.document_signatures")
SHUFFLED = FLOWS[FLOWS.index("silver.document_order") :]
# Its rows name data files, which each lake names otherwise.
OF_FILES = "gold.media_addresses"
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
        "voices": {
            **common,
            "modality": "speech",
            "include": ["*.wav"],
            "neighbour": {"format": "plain", "relation": "verbatim"},
        },
        "posts": {**common, "modality": "text", "include": ["*.jsonl"], "records": {"text": "body", "id": "id"}},
        "rows": {**common, "modality": "text", "include": ["*.csv"], "records": {}},
        "views": {**common, "modality": "image", "include": ["*.png"], "neighbour": {"format": "tagged-lines"}},
    }
    (root / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
    config = {"params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}}}
    (root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    for number in range(12):
        (data / f"{number}.txt").write_text(f"Note {number}.\n{TEXT}\nEnd of note {number} — voilà, 漢字.\n")
    posts = [{"id": n // 2, "body": f"Post {n}. {TEXT}"} for n in range(6)]
    (data / "a.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts))
    (data / "b.jsonl").write_text(
        json.dumps({"id": 1, "body": "Again."}) + "\nnot JSON\n" + json.dumps({"id": 9}) + "\n"
    )
    (data / "rows.csv").write_text(f"text\nOne row. {TEXT}\nAnother. {TEXT}\n")
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


def run(world, engine, select=FLOWS):
    lake = Lake(str(world / engine), load_config(world).with_engine(engine))
    report = lake.run(select)
    assert report.ok, [str(result.error) for result in report.results if result.error]
    return lake


def state(lake, tables=FLOWS):
    """What the tables' newest notes say, without what differs between two runs."""
    notes = {}
    for name in tables:
        _, _, note = next(iter(commits_with_notes(lake.catalog.open(name))))
        notes[name] = {
            "digest": note.digest if name != OF_FILES else note.digest.partition(":")[0],
            "counts": dict(note.counts),
            "mode": note.mode,
            "changed": note.changed,
            "reasons": dict(note.reasons),
        }
    return notes


def quarantined(lake):
    rows = lake.sql('SELECT "table", sample_id, origin, reason, "row" FROM ledger.quarantine ORDER BY ALL').to_pylist()
    return [{**row, "row": sorted(json.loads(row["row"])) if row["row"] else None} for row in rows]


def change(world):
    (world / "data" / "3.txt").write_text(f"{TEXT} This one is another text now.")
    (world / "data" / "4.txt").unlink()
    (world / "data" / "b.jsonl").write_text(json.dumps({"id": 9, "body": f"{TEXT} A new post."}) + "\n")
    (world / "data" / "new.txt").write_text(f"{TEXT} And this one is new.")
    (world / "data" / "clip1.txt").write_text("Other words.")


def test_spark_finds_nothing_to_change_in_what_the_embedded_engine_wrote(world, spark):
    run(world, "embedded")
    before = state(Lake(str(world / "embedded"), load_config(world)))
    shutil.copytree(world / "embedded", world / "copy")
    lake = Lake(str(world / "copy"), load_config(world).with_engine("spark"))
    select = (*SHUFFLED, "silver.documents", "silver.images", "silver.utterances")
    report = lake.run(select, full=True)
    assert report.ok, [str(result.error) for result in report.results if result.error]
    assert {result.note.engine for result in report.results} == {"spark"}
    assert {result.writes for result in report.results if result.note.changed} <= {OF_FILES}
    after = state(lake, select)
    assert {name: note["digest"] for name, note in after.items()} == {name: before[name]["digest"] for name in select}


@pytest.mark.slow
def test_engines_take_turns_on_one_lake(world, spark):
    run(world, "spark", DOCUMENTS)
    (world / "data" / "5.txt").write_text(f"{TEXT} Changed for the other engine.")
    Lake(str(world / "spark"), load_config(world).with_engine("embedded")).run(DOCUMENTS)
    run(world, "embedded", DOCUMENTS)
    (world / "data" / "6.txt").write_text(f"{TEXT} And back.")
    lakes = [run(world, engine, DOCUMENTS) for engine in ENGINES]
    assert state(lakes[0], DOCUMENTS) == state(lakes[1], DOCUMENTS)


@pytest.mark.slow
def test_both_engines_give_the_same_tables(world, spark):
    lakes = [run(world, engine) for engine in ENGINES]
    assert state(lakes[0]) == state(lakes[1])
    assert quarantined(lakes[0]) == quarantined(lakes[1])
    assert len(quarantined(lakes[0])) >= 2
    change(world)
    (world / "data" / "7.txt").write_text(f"{TEXT} And another text.")
    (world / "data" / "photo1.txt").write_text("A photo.\nde.utf8=Ein Bild.\n")
    lakes = [run(world, engine) for engine in ENGINES]
    assert state(lakes[0]) == state(lakes[1])
    assert state(lakes[0])["silver.documents"]["mode"] == "incremental"
    assert quarantined(lakes[0]) == quarantined(lakes[1])


SCRIPT = """
from lakehouse.declare.config import load_config
from lakehouse.lake import Lake

config = load_config()
assert Lake("auto", config).run(["+silver.image_duplicates"]).ok
assert Lake("auto", config.with_engine("spark")).run(["silver.image_duplicates"], full=True).ok
"""


def test_spark_starts_in_a_process_that_ran_embedded_flows(world):
    """The JVM is not forked: the threads of the embedded engine's libraries do not survive a fork."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=world, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lake = Lake(str(world / "auto"), load_config(world))
    notes = [note for _, _, note in commits_with_notes(lake.catalog.open("silver.image_duplicates"))]
    assert [note.engine for note in notes] == ["spark", "embedded"]


WITHOUT_SPARK = """
import sys

sys.modules.update(dict.fromkeys(("pyspark", "delta", "py4j")))
from lakehouse.cli.main import main

sys.exit(main(["--lake", "alone", "run"]))
"""


def test_all_flows_run_where_pyspark_is_not_installed(world):
    done = subprocess.run([sys.executable, "-c", WITHOUT_SPARK], cwd=world, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(FLOWS)} done" in done.stdout
