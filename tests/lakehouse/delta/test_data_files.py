"""Data files that are gone or cut off: one line that names table, file and the way back, and that way leads back."""

from __future__ import annotations

from tests.lakehouse import words
from tests.lakehouse.broken import data_files, lose, say

TEXT = "a:hello|b:two words|c:|d:four score and seven|e:x|f:y"
LATER = "a:hello|b:three words now|c:|e:x|g:late"
NAMES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")


def digests(project, lake):
    return {name: item.last[1].digest for name, item in project.plan(lake=lake).items()}


def test_a_table_that_lost_its_files_is_named_and_made_anew(project, capsys, monkeypatch):
    monkeypatch.chdir(project.root)
    words.write(project, TEXT)
    project.run()
    first = digests(project, "lake")
    lost, cut = data_files(project, "bronze.lines"), data_files(project, "gold.counts")
    for file in lost:
        lose(file)
    cut[0].write_bytes(cut[0].read_bytes()[:-7])
    cut[0].with_name(f".{cut[0].name}.crc").unlink(missing_ok=True)

    for args in (("sql", "SELECT * FROM bronze.lines"), ("show", "bronze.lines")):
        status, _, errors = say(project, capsys, *args)
        assert status == 1
        assert len(errors) == 1
        assert "bronze.lines" in errors[0]
        assert any(file.name in errors[0] for file in lost)
        assert "mixlake run bronze.lines --full" in errors[0]
    assert say(project, capsys, "sql", "SELECT * FROM silver.words")[0] == 0
    status, out, _ = say(project, capsys, "doctor")
    assert status == 1
    assert "mixlake run bronze.lines --full" in out
    assert "mixlake run gold.counts --full" in out
    assert "2 unreadable" in out

    # A flow that reads it fails with that line, and what it wrote stays.
    project.sql("gold.counts", words.COUNTS.replace("count(*)", "count(*) + 0"))
    status, out, errors = say(project, capsys, "run", "silver.shouts", "gold.counts", "--full")
    assert status == 1
    assert "1 failed, 1 skipped" in out
    assert errors[0].startswith(
        "mixlake: silver.shouts failed — restore that file from a copy, or rebuild the newest version"
    )
    assert "mixlake run bronze.lines --full" in errors[0]
    assert len(project.rows("silver.shouts")) == 5

    # The way back that the lines name, then what depends on it, with new input on top.
    words.land(project, LATER)
    status, _, errors = say(project, capsys, "run", "bronze.lines", "gold.counts", "--full")
    assert (status, errors) == (0, [])
    status, _, errors = say(project, capsys, "run")
    assert (status, errors) == (0, [])
    assert say(project, capsys, "doctor")[1].count("unreadable") == 1
    project.run(lake="undisturbed")
    assert digests(project, "lake") == digests(project, "undisturbed")
    for name in NAMES:
        bare = [
            [{k: v for k, v in row.items() if k != "run_id"} for row in project.rows(name, lake=lake)]
            for lake in ("lake", "undisturbed")
        ]
        assert bare[0] == bare[1]
    seen = project.lake().sql("SELECT reason FROM ledger.quarantine JOIN ledger.runs ON attempt = quarantine")
    assert seen.num_rows == 2

    # A table in the middle of the graph: its flow fails, flows that do not need it go on.
    for file in data_files(project, "silver.shouts"):
        lose(file)
    words.land(project, TEXT)
    status, out, errors = say(project, capsys, "run")
    assert status == 1
    assert "2 done, 1 failed, 1 skipped" in out
    assert errors[0].startswith("mixlake: silver.shouts failed — ")
    assert digests(project, "lake")["silver.words"] == first["silver.words"]
    status, _, errors = say(project, capsys, "run", "silver.shouts", "--full")
    assert (status, errors) == (0, [])
    assert say(project, capsys, "run")[0] == 0
    assert digests(project, "lake") == first
