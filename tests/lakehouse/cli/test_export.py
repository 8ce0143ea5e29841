from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from lakehouse.cli.export import command
from lakehouse.export.shards import write_shards
from tests.lakehouse.lakes import note, write


def test_a_release_is_exported_and_verified(call, lake, tmp_path):
    out = tmp_path / "out"
    printed = call("export", "--at", "mix-1", "-o", str(out))
    assert "gold.sequences" in printed
    assert printed.endswith(f"exported to {out}\n")
    assert pq.read_table(out / "gold.samples").num_rows == 3
    assert "is whole: 4 files, 11 rows" in call("export", "-o", str(out), "--verify")
    (out / "gold.samples" / "part-00000.parquet").write_bytes(b"")
    assert "altered" in call_status(call, "export", "-o", str(out), "--verify")


def call_status(call, *argv):
    """Return what a command that ends with 1 prints."""
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        call(*argv, status=1)
    return printed.getvalue()


def test_the_manifest_tells_release_and_versions_as_json(call, lake, tmp_path):
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    out = str(tmp_path / "out")
    manifest = json.loads(call("export", "gold.samples", "--at", "mix-1", "-o", out, "--json"))
    assert manifest["rows"] == 3
    assert manifest["snapshot"]["release"] == "mix-1"
    assert manifest["snapshot"]["release_digest"] == json.loads(call("release", "show", "mix-1", "--json"))["digest"]
    found = json.loads(call("export", "-o", out, "--verify", "--json"))
    assert (found["whole"], found["manifest"]) == (True, manifest)
    assert "has this export already" in call("export", "gold.samples", "--at", "mix-1", "-o", out)
    assert "has another export" in call("export", "gold.samples", "-o", out, status=1)
    assert "6" in call("export", "gold.samples", "-o", out, "--force", "--verify")


def test_a_statement_comes_from_an_option_or_a_file(call, lake, tmp_path):
    sql = "SELECT sample_id FROM gold.samples ORDER BY sample_id"
    call("export", "--sql", sql, "--format", "jsonl", "-o", str(tmp_path / "a"))
    (tmp_path / "q.sql").write_text(sql)
    call("export", "-f", str(tmp_path / "q.sql"), "--format", "jsonl", "-o", str(tmp_path / "b"))
    lines = (tmp_path / "a" / "part-00000.jsonl").read_text()
    assert [json.loads(line)["sample_id"][:2] for line in lines.splitlines()] == ["a1", "a2", "bb"]
    assert (tmp_path / "b" / "part-00000.jsonl").read_text() == lines


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["gold.samples"], "give a folder to export into"),
        (["gold.samples", "-o", "s3://b/x"], "is not a folder"),
        (["gold.samples", "-o", ""], "is not a folder"),
        (["-o", "out"], "nothing is given to export"),
        (["gold.samples", "--sql", "SELECT 1", "-o", "out"], "one or the other"),
        (["--sql", "SELECT 1", "-f", "-", "-o", "out"], "not both"),
        (["gold.samples", "-o", "out", "--shard-size", "0"], "is not a size"),
        (["gold.samples", "-o", "out", "--shard-size", "5 apples"], "is not a size"),
        (["gold.samples", "-o", "out", "--option", "x"], "is not NAME=VALUE"),
        (["gold.samples", "-o", "out", "--option", "a=1", "--option", "a=2"], "given twice"),
        (["gold.samples", "-o", "out", "--format", "parqet"], "did you mean parquet"),
    ],
)
def test_wrong_use_is_explained(call, lake, tmp_path, argv, message):
    assert message in call("export", *argv, status=2)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_stays(call, lake, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert "is not a folder" in call("export", "gold.samples", "-o", str(tmp_path / "out"), "--force", status=1)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("2KB", 2048), ("1.5MiB", 3 << 19), ("1g", 1 << 30), ("1 TiB", 1 << 40)]
)
def test_sizes_are_read(text, size):
    option = next(option for option in command.params if option.name == "shard_size")
    assert option.callback(None, option, text) == size


def test_formats_are_listed_with_their_rules(call, lake):
    listed = call("export", "--formats")
    assert "--option nan=... (default refuse)" in listed
    found = {one["name"]: one for one in json.loads(call("export", "--formats", "--json"))}
    assert found["jsonl"]["options"][0]["choices"] == ["none", "zstd", "gzip"]


def test_an_interrupted_export_says_how_it_goes_on(call, lake, tmp_path, monkeypatch):
    from lakehouse.export import export as module

    calls = []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return write_shards(*args)

    monkeypatch.setattr(module, "write_shards", interrupted)
    argv = ("export", "gold.samples", "gold.sequences", "-o", str(tmp_path / "out"))
    assert "the same command goes on" in call(*argv, status=130)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".mixlake-export"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert "went on, on the snapshot with which it began" in call(*argv)
