from __future__ import annotations

import threading

import pytest

from lakehouse.embedded import delta_writer
from lakehouse.errors import CollisionError
from tests.lakehouse import words


@pytest.fixture
def lines(project, monkeypatch):
    monkeypatch.setenv("MIXLAKE_ENGINE", "embedded")
    project.module("tables", words.TABLES)
    project.module("flows", words.FLOWS)
    words.land(project, "a:hello|b:two words|c:x")
    return project


def texts(project, table, lake="lake"):
    return {row["sample_id"]: row["text"] for row in project.rows(table, lake)}


def digests(project, lake="lake"):
    return {name: item.last[1].digest for name, item in project.plan(lake=lake).items() if item.last}


def counts(outcome):
    return {name: outcome.note.counts[name] for name in ("read", "inserted", "updated", "deleted", "rows")}


def test_first_run_makes_all_and_second_run_nothing(lines):
    first = lines.run()
    assert {str(outcome.error) for outcome in first.values()} == {"None"}
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "TWO WORDS!", "c": "X!"}
    assert texts(lines, "silver.words") == {"a/hello": "hello", "b/two": "two", "b/words": "words", "c/x": "x"}
    assert {row["run_id"] for row in lines.rows("silver.shouts")} == {first["silver.shouts"].note.run_id}
    assert {outcome.status for outcome in lines.run().values()} == {"fresh"}
    assert all(len(lines.lake().catalog.open(name).file_uris()) == 1 for name in first)


def test_no_lines_make_empty_tables_and_lines_may_come_and_go(lines):
    words.land(lines, "")
    assert {outcome.note.counts["rows"] for outcome in lines.run().values()} == {0}
    words.land(lines, "a:hello|b:two words")
    assert counts(lines.run()["silver.words"]) == {"read": 2, "inserted": 3, "updated": 0, "deleted": 0, "rows": 3}
    words.land(lines, "")
    assert counts(lines.run()["silver.words"]) == {"read": 0, "inserted": 0, "updated": 0, "deleted": 3, "rows": 0}
    assert lines.rows("silver.words") == []


def test_only_changed_rows_are_processed_and_equal_a_rebuild(lines):
    lines.run()
    words.land(lines, "a:hello|b:two new words|d:late")
    again = lines.run()
    assert again["silver.shouts"].note.mode == "incremental"
    assert counts(again["silver.shouts"]) == {"read": 2, "inserted": 1, "updated": 1, "deleted": 1, "rows": 3}
    assert counts(again["silver.words"]) == {"read": 2, "inserted": 2, "updated": 0, "deleted": 1, "rows": 5}
    # Several versions of the input at once; a key comes back.
    for text in ("a:bye|c:x", "a:hello|c:x y", "a:other|b:back|c:x y z"):
        words.land(lines, text)
        lines.run("bronze.lines")
    assert counts(lines.run()["silver.shouts"])["read"] == 3
    lines.run(lake="rebuilt")
    assert digests(lines) == digests(lines, "rebuilt")


def test_only_inserts_are_appended(lines):
    lines.run()
    words.land(lines, "a:hello|b:two words|c:x|d:more")
    found = lines.run()["silver.shouts"]
    assert counts(found) == {"read": 1, "inserted": 1, "updated": 0, "deleted": 0, "rows": 4}
    assert lines.lake().catalog.open("silver.shouts").history(1)[0]["operation"] == "WRITE"


def test_changed_code_computes_all_rows_and_commits_the_difference(lines):
    lines.run()
    lines.module("flows", words.FLOWS.replace('MARK = "!"', 'MARK = "?"'))
    found = lines.run()["silver.shouts"]
    assert (found.note.mode, counts(found)["updated"]) == ("full", 3)


def test_a_row_that_breaks_a_check_is_quarantined_and_retried(lines):
    words.land(lines, "a:hello|b:|c:x|d:y")
    found = lines.run()["bronze.lines"].note
    assert (dict(found.reasons), found.has_quarantined) == ({"text is not empty": 1}, True)
    (row,) = lines.rows("ledger.quarantine")
    assert (row["sample_id"], row["origin"], row["attempt"]) == ("b", None, found.quarantine)
    words.land(lines, "a:|b:|c:|d:y")
    assert "text is not empty" in str(lines.run()["bronze.lines"].error)
    assert lines.plan()["bronze.lines"].last[1].digest == found.digest


def test_retry_of_no_changed_rows_reads_the_quarantined_ones(lines):
    shy = words.FLOWS.replace(
        '"size": pc.utf8_length(text)})',
        '"size": pc.utf8_length(text), "_reject": pc.if_else(pc.equal(batch["text"], "x"), "shy", None)})',
    ).replace('tags=["loud"])', 'tags=["loud"], reject_tolerance=1.0)')
    lines.module("flows", shy)
    assert dict(lines.run()["silver.shouts"].note.reasons) == {"shy": 1}
    again = lines.run(retry=True)["silver.shouts"]
    assert (again.note.mode, counts(again)["read"], again.note.counts["quarantined"]) == ("incremental", 1, 1)
    marked = [row["origin"] for row in lines.rows("ledger.quarantine") if row["row"] is None]
    assert marked == ["c"]


def test_two_rows_of_one_key_are_refused(lines):
    words.land(lines, "a:one|a:two")
    error = str(lines.run()["bronze.lines"].error)
    assert "made 2 rows of bronze.lines with one key: sample_id='a'" in error


def test_an_operator_that_fails_names_the_flow_and_its_line(lines):
    broken = words.FLOWS.replace('text = loud(batch["text"], params.mark)', 'raise ValueError("it\'s ä")')
    lines.module("flows", broken)
    outcomes = lines.run()
    assert "flows.shout failed with ValueError: it's ä" in str(outcomes["silver.shouts"].error)
    assert "flows.py:" in str(outcomes["silver.shouts"].error)
    assert outcomes["silver.words"].status == "done"


def test_a_kind_of_flow_that_needs_spark_is_refused(lines):
    lines.module("flows", words.FLOWS.replace('kind="landing", external', 'kind="frame", external'))
    assert "cannot run embedded: it is a frame flow" in str(lines.run("bronze.lines")["bronze.lines"].error)


def test_a_run_that_is_overtaken_is_planned_again(lines, monkeypatch):
    lines.run()
    words.land(lines, "a:hello|b:new|c:x")
    write, calls = delta_writer.write, []

    def late(*args):
        calls.append(args)
        if len(calls) == 1:
            raise CollisionError("overtaken", "again")
        return write(*args)

    monkeypatch.setattr(delta_writer, "write", late)
    assert lines.run("bronze.lines")["bronze.lines"].status == "done"
    assert len(calls) == 2


def test_of_two_runs_at_once_both_end_with_the_same_rows(lines):
    lake = lines.lake()
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(lake.run(("bronze.lines",)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.status for report in outcomes for result in report.results} <= {"done", "fresh"}
    assert texts(lines, "bronze.lines") == {"a": "hello", "b": "two words", "c": "x"}


NUMBERED = """
import pyarrow as pa
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

N = Column("n", pa.int64(), "Number.", nullable=False)
WHERE = Column("where", pa.string(), "Place.")
numbers = Table("bronze.numbers", doc="x", columns=[N, WHERE], key=["n"], partition_by=["where"])
named = Table("silver.named", doc="x", columns=[Column("sample_id", pa.string(), "x", lineage=True), N], key=["sample_id"])
ROWS = {"n": [1, 2, 3], "where": ["a", "it's / %", None]}


@flow(writes=numbers, kind="landing", external=lambda params: str(ROWS))
def land(params):
    return pa.table(ROWS)


@flow(writes=named, reads={"numbers": numbers}, source_key="n", source_key_sql="n", rows="any", reject_tolerance=1.0)
def name(batch, params):
    numbers = batch["n"].to_pylist()
    rejects = ["odd" if n == 3 else None for n in numbers]
    return pa.record_batch({"sample_id": [f"#{n}" for n in numbers], "n": batch["n"], "_reject": pa.array(rejects, pa.string())})
"""


@pytest.fixture
def numbers(project, monkeypatch):
    monkeypatch.setenv("MIXLAKE_ENGINE", "embedded")
    project.module("flows", NUMBERED)
    return project


def test_retry_finds_the_rows_of_keys_that_are_numbers(numbers):
    numbers.run()
    again = numbers.run(retry=True)["silver.named"]
    assert (again.note.mode, again.note.counts["read"]) == ("incremental", 1)


def test_a_feed_that_delta_rs_cannot_read_has_all_rows_processed(numbers):
    numbers.run()
    # It looks for the changes of a partition under another name where that has odd characters.
    numbers.module("flows", NUMBERED.replace("[1, 2, 3]", "[1, 4, 3]"))
    assert numbers.run()["bronze.numbers"].note.counts["deleted"] == 1
    assert [row["sample_id"] for row in numbers.rows("silver.named")] == ["#1", "#4"]
    assert numbers.run()["silver.named"].status == "fresh"
