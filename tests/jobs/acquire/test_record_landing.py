"""Records in the embedded engine: landed by row, repeated ids and bad rows quarantined, incremental by file and row."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake
from tests.jobs.acquire.planted_media import mutated
from tests.jobs.acquire.records.made import ROWS, arrow, json_lines, parquet, tar, texts, zstd

README = Path(__file__).parents[3] / "README.md"

FLOWS = ("bronze.sources", "bronze.files", "bronze.record_ids", "bronze.record_files", "bronze.documents")


class Project:
    """A folder with sources of records, and its lake."""

    def __init__(self, root):
        self.root = root
        self.sources = {}

    def put(self, name, data):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def lines(self, name, *rows):
        self.put(name, "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))

    def declare(self, key, **said):
        common = {"connector": "folder", "path": key, "license": "CC-BY-4.0", "modality": "text", "kind": "post"}
        self.sources[key] = common | said

    def run(self, flows=FLOWS, engine="embedded"):
        (self.root / "sources.yaml").write_text(yaml.safe_dump({"sources": self.sources}))
        config = {"params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}}, "engine": engine}
        (self.root / "mixlake.yaml").write_text(yaml.safe_dump(config))
        lake = Lake(str(self.root / "lake"), load_config(self.root))
        report = lake.run(list(flows))
        assert report.ok, [str(result.error) for result in report.results if result.error]
        return lake, {result.writes: result for result in report.results}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def documents(lake):
    return {row["uri"]: row for row in lake.table("bronze.documents").to_pylist()}


def reasons(lake):
    return sorted(row["reason"] for row in lake.sql("SELECT reason FROM quarantine_visible").to_pylist())


def test_records_land_with_their_fields_and_bad_ones_are_quarantined_with_file_and_line(project):
    project.declare(
        "posts",
        language="en",
        records={
            "text": "body", "id": "id", "language": "meta.lang", "license": "licence", "url": "link", "time": "at",
            "title": "head",
        },
    )  # fmt: skip
    project.lines(
        "posts/a.jsonl",
        {"body": "Guten Tag", "id": 7, "meta": {"lang": "deu"}, "licence": "cc0-1.0", "link": "https://x.org/7",
         "at": "2024-05-01T10:00:00+02:00", "head": "Gruß"},
        "{broken\n",
        {"id": 8},
        {"body": " \n", "id": 9},
        {"body": "again", "id": 7},
    )  # fmt: skip
    project.lines("posts/b.jsonl", {"body": "Good day", "id": "10"}, {"body": "once more", "id": "7"})
    lake, _ = project.run()
    found = documents(lake)
    assert set(found) == {"folder:posts/a.jsonl#id=7", "folder:posts/b.jsonl#id=10"}
    row = found["folder:posts/a.jsonl#id=7"]
    assert (row["content"], row["title"], row["language_hint"], row["url"]) == (
        "Guten Tag",
        "Gruß",
        "de",
        "https://x.org/7",
    )
    assert row["published_at"].isoformat() == "2024-05-01T08:00:00+00:00"
    assert (row["license"], row["license_status"]) == ("CC0-1.0", "needs_review")
    assert found["folder:posts/b.jsonl#id=10"]["language_hint"] == "en"
    assert found["folder:posts/b.jsonl#id=10"]["license"] == "CC-BY-4.0"
    assert reasons(lake) == [
        "it has no 'body', which is its text: line 3: it has 'id'",
        "it is not JSON: line 2: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "its id is that of an earlier record: line 2: '7', folder:posts/a.jsonl line 1",
        "its id is that of an earlier record: line 5: '7', folder:posts/a.jsonl line 1",
        "the field 'body' holds nothing but white space: line 4",
    ]
    uris = [json.loads(row["row"])["uri"] for row in lake.sql('SELECT "row" FROM ledger.quarantine').to_pylist()]
    assert all(uri.startswith(("folder:posts/a.jsonl#", "folder:posts/b.jsonl#")) for uri in uris)


def test_only_what_changed_is_landed_again(project):
    project.declare("posts", records={"id": "id"})
    for name in "abc":
        project.lines(f"posts/{name}.jsonl", *({"text": f"{name} {n}", "id": f"{name}{n}"} for n in range(4)))
    lake, first = project.run()
    before = documents(lake)
    assert len(before) == 12
    assert first["bronze.documents"].note.counts["inserted"] == 12
    # A row comes first, one changes, one goes; the other files stay.
    kept = [{"text": "b new", "id": "b9"}, {"text": "b 0", "id": "b0"}, {"text": "b other", "id": "b1"}]
    project.lines("posts/b.jsonl", *kept, {"text": "b 3", "id": "b3"})
    lake, second = project.run()
    note = second["bronze.documents"].note
    assert {name: note.counts[name] for name in ("inserted", "updated", "deleted")} == {
        "inserted": 1,
        "updated": 1,
        "deleted": 1,
    }
    assert note.mode == "incremental"
    after = documents(lake)
    same = [uri for uri in after if uri in before and after[uri] == before[uri]]
    assert len(same) == 10
    changed = "folder:posts/b.jsonl#id=b1"
    assert after[changed]["sample_id"] == before[changed]["sample_id"]
    assert after[changed]["run_id"] != before[changed]["run_id"]
    _, third = project.run()
    assert all(result.note is None or not result.note.changed for result in third.values())


def test_a_record_lands_once_the_earlier_one_of_its_id_is_gone(project):
    project.declare("posts", records={"id": "id"})
    project.lines("posts/a.jsonl", {"text": "first", "id": "x"}, {"text": "other", "id": "y"})
    project.lines("posts/b.jsonl", {"text": "second", "id": "x"})
    lake, _ = project.run()
    assert {row["content"] for row in documents(lake).values()} == {"first", "other"}
    assert len(reasons(lake)) == 1
    project.lines("posts/a.jsonl", {"text": "other", "id": "y"})
    lake, _ = project.run()
    assert {row["content"] for row in documents(lake).values()} == {"second", "other"}
    assert reasons(lake) == []


def test_undeclared_records_are_refused_with_the_way_to_declare_them(project):
    project.declare("posts")
    project.lines("posts/a.jsonl", {"text": "one"})
    project.put("posts/b.csv", "text\none\n")
    project.put("posts/c.tsv", "text\none\n")
    project.lines("posts/d.json", {"text": "one"}, {"text": "two"})
    project.put("posts/e.json", json.dumps([{"text": "one"}], indent=1))
    project.put("posts/e.txt", "A note.")
    project.put("posts/f.json", json.dumps({"text": "one document"}, indent=1))
    lake, _ = project.run()
    assert set(documents(lake)) == {"folder:posts/e.txt", "folder:posts/f.json"}
    found = reasons(lake)
    assert len(found) == 5
    assert all("add records: {" in reason and "mixlake sources formats" in reason for reason in found)
    project.declare("posts", records={"format": "document"})
    lake, _ = project.run()
    assert len(documents(lake)) == 7


def test_each_format_lands_in_the_lake(project):
    for name, data in texts().items():
        key = name.replace(".", "-")
        project.put(f"{key}/{name}", data)
        said = {} if "warc" in name else {"id": "json.id" if "tar" in name else "id"}
        project.declare(key, records=said)
    lake, _ = project.run()
    found = lake.sql(
        "SELECT source, count(*) AS n, min(content) AS least FROM bronze.documents GROUP BY ALL"
    ).to_pylist()
    assert {row["source"]: row["n"] for row in found} == {name.replace(".", "-"): len(ROWS) for name in texts()}
    assert len({row["least"] for row in found}) == 1
    assert not lake.catalog.has("ledger.quarantine")


MEDIA = (*FLOWS, "bronze.images", "bronze.utterances")


def test_pictures_and_recordings_of_records_land_with_captions_and_transcripts(project, make_picture, make_recording):
    pictures = [make_picture(seed=n) for n in range(3)]
    pairs = [(f"p{n}", {"png": data, "txt": f"Picture {n}.".encode()}) for n, data in enumerate(pictures)]
    pairs[1][1]["png"] = pictures[1][:60]
    project.put("views/a.tar", tar(pairs))
    project.declare("views", modality="image", kind="photo", language="en")
    project.sources["views"]["records"] = {}
    clips = [{"audio": {"bytes": make_recording("WAV"), "path": None}, "text": "Spoken.", "speaker": "x"}]
    project.put("clips/train-0.parquet", parquet([*clips, {"audio": {"bytes": b"RIFF", "path": None}, "text": "No."}]))
    relation = {"format": "huggingface", "relation": "verbatim"}
    project.declare("clips", modality="speech", kind="read", language="en", records=relation)
    project.put("clips/README.md", "---\nlicense: cc-by-4.0\n---\n")
    lake, _ = project.run(MEDIA)
    images = {row["uri"]: row for row in lake.table("bronze.images").to_pylist()}
    assert sorted(images) == ["folder:views/a.tar#id=p0", "folder:views/a.tar#id=p2"]
    first = images["folder:views/a.tar#id=p0"]
    assert (dict(first["captions"]), first["image"], first["width"]) == ({"en": "Picture 0."}, pictures[0], 24)
    (clip,) = lake.table("bronze.utterances").to_pylist()
    assert (clip["transcript"], clip["relation"], clip["audio"]) == ("Spoken.", "verbatim", clips[0]["audio"]["bytes"])
    found = reasons(lake)
    assert [re.search(": (row 2|sample p1)", reason)[1] for reason in found] == ["row 2", "sample p1"]
    for table in ("bronze.images", "bronze.utterances"):
        for row in lake.table(table).to_pylist():
            assert all(row[name] is not None for name in lake.project.registry.tables[table].required)


def test_a_dataset_folder_of_a_library_is_read_by_its_data_files_alone(project):
    project.put("set/data/train-00000-of-00001.parquet", parquet())
    project.put("set/train/data-00000-of-00001.arrow", arrow(stream=True))
    project.put("set/train/state.json", "{}")
    project.put("set/train/dataset_info.json", "{}")
    project.put("set/train/cache-0123.arrow", b"ARROW1 half")
    project.put("set/README.md", "---\nlicense: mit\n---\nA set.")
    project.put("set/.gitattributes", "*.parquet filter=lfs")
    project.declare("set", license="MIT", records={"format": "huggingface"})
    lake, _ = project.run()
    assert lake.table("bronze.files").num_rows == 2
    assert lake.table("bronze.documents").num_rows == 2 * len(ROWS)
    assert not lake.catalog.has("ledger.quarantine")


def test_the_example_of_the_readme_lands(project):
    section = README.read_text().split("## What a folder may hold")[1].split("\n## ")[0]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    project.sources = yaml.safe_load(block)["sources"]
    said = {
        "id": 1,
        "body": "A post.",
        "lang": "en",
        "licence": "CC-BY-SA-4.0",
        "link": "https://x.org",
        "created": 1e9,
    }
    rows = [said, {**said, "body": "The same id."}]
    project.put("dumps/a.jsonl.zst", zstd(json_lines(rows)))
    lake, _ = project.run()
    (row,) = lake.table("bronze.documents").to_pylist()
    assert (row["content"], row["license_status"], row["published_at"].year) == ("A post.", "agreed", 2001)
    assert len(reasons(lake)) == 1


@pytest.mark.parametrize("each", [6, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_each_row_of_damaged_files_is_landed_or_quarantined_with_file_and_place(project, each):
    for name, data in texts().items():
        key = name.replace(".", "-")
        for number in range(each):
            project.put(f"{key}/{number}-{name}", mutated(data, number) if number else data)
        project.declare(key, records={"id": "json.id"} if "tar" in name else {})
    lake, _ = project.run()
    landed = lake.sql("SELECT source, split_part(uri, '#', 1) AS file FROM bronze.documents").to_pylist()
    refused = lake.sql('SELECT reason, "row" FROM ledger.quarantine').to_pylist()
    for row in refused:
        stated = json.loads(row["row"])
        assert stated["uri"].startswith("folder:")
        assert row["reason"].partition(": ")[2]
    files = {json.loads(row["row"])["uri"].partition("#")[0] for row in refused} | {row["file"] for row in landed}
    assert len(files) == each * len(texts())
    whole = [row for row in landed if "/0-" in row["file"]]
    assert len(whole) == len(ROWS) * len(texts())


def test_a_retracted_record_goes_and_stays_away(project):
    from lakehouse.retraction.retract import RetractionRequest, retract

    project.declare("posts", records={"id": "id"})
    project.lines("posts/a.jsonl", *({"text": f"Text {n}", "id": str(n)} for n in range(3)))
    lake, _ = project.run()
    (sample,) = (row["sample_id"] for uri, row in documents(lake).items() if uri.endswith("id=1"))
    retract(lake.project, RetractionRequest("id", [sample], "a court ordered it"))
    lake, _ = project.run()
    assert {uri.rpartition("=")[2] for uri in documents(lake)} == {"0", "2"}
    assert sample not in lake.table("bronze.record_ids").column("sample_id").to_pylist()
    project.lines("posts/a.jsonl", *({"text": f"New text {n}", "id": str(n)} for n in range(3)))
    lake, _ = project.run()
    assert {row["content"] for row in documents(lake).values()} == {"New text 0", "New text 2"}
