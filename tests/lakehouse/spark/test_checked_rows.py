"""Rows that break a check, lack a key or share one: quarantined, counted, or the flow is refused."""

from __future__ import annotations

import pytest

from tests.lakehouse import words

pytestmark = pytest.mark.usefixtures("spark")


@pytest.fixture
def lines(project):
    return words.write(project)


def texts(project, table):
    return {row["sample_id"]: row["text"] for row in project.rows(table)}


def test_rows_that_break_a_check_are_quarantined_and_counted(lines):
    words.land(lines, "a:hello|b:|c:x")
    note = lines.run("bronze.lines")["bronze.lines"].note
    assert note.reasons == {"text is not empty": 1}
    assert note.counts["quarantined"] == 1
    row = lines.rows("ledger.quarantine")[0]
    assert (row["sample_id"], row["reason"], row["attempt"]) == ("b", "text is not empty", note.quarantine)
    assert set(texts(lines, "bronze.lines")) == {"a", "c"}


def test_too_many_broken_rows_fail_the_flow_and_commit_nothing(lines):
    words.land(lines, "a:|b:|c:x")
    outcomes = lines.run("+silver.shouts")
    assert outcomes["bronze.lines"].status == "failed"
    assert "2 of the 3 rows" in outcomes["bronze.lines"].error.message
    assert outcomes["silver.shouts"].status == "skipped"
    assert lines.rows("bronze.lines") == []


def test_doubled_keys_fail_the_flow(lines):
    words.land(lines, "a:one|a:two")
    error = lines.run("bronze.lines")["bronze.lines"].error
    assert "sample_id='a'" in error.message


def test_null_keys_are_set_aside(lines):
    lines.module(
        "tables",
        words.TABLES.replace(
            'ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)',
            'ID = Column("sample_id", pa.string(), "Identity.", lineage=True)',
        ),
    )
    null_b = 'pc.if_else(pc.equal(batch["sample_id"], "b"), None, batch["sample_id"])'
    flows = words.FLOWS.replace(
        'params=Loudness, tags=["loud"]', 'params=Loudness, tags=["loud"], rows="any", reject_tolerance=0.5'
    )
    lines.module(
        "flows",
        flows.replace('{"sample_id": batch["sample_id"], "text": text', '{"sample_id": ' + null_b + ', "text": text'),
    )
    outcome = lines.run("+silver.shouts")["silver.shouts"]
    assert outcome.note.reasons == {"column sample_id is null": 1}


def test_many_small_reasons_count_together(lines):
    words.land(lines, "|".join(f"{n:02}:word{n}" for n in range(40)))
    reject = '"_reject": pc.if_else(pc.less(pc.utf8_length(batch["sample_id"]), 9), batch["text"], None)'
    lines.module(
        "flows", words.FLOWS.replace('"size": pc.utf8_length(text)}', '"size": pc.utf8_length(text), ' + reject + "}")
    )
    error = lines.run("+silver.shouts")["silver.shouts"].error
    assert "40 of the 40 rows" in error.message


def test_of_many_reasons_the_most_frequent_are_kept(lines):
    words.land(lines, "|".join(f"{n:02}:word{n // 2 if n < 20 else n}" for n in range(90)))
    reject = '"_reject": pc.if_else(pc.less(batch["sample_id"], "80"), batch["text"], None)'
    flows = words.FLOWS.replace('tags=["loud"]', 'tags=["loud"], reject_tolerance=0.9')
    lines.module("flows", flows.replace('"size": pc.utf8_length(text)}', f'"size": pc.utf8_length(text), {reject}}}'))
    note = lines.run("+silver.shouts")["silver.shouts"].note
    assert len(note.reasons) == 51
    assert note.reasons["other reasons"] == 20
    assert [note.reasons[f"word{n}"] for n in range(10)] == [2] * 10
    assert (note.counts["quarantined"], note.counts["rows"]) == (80, 10)


def test_what_is_tolerated_is_a_share_of_the_rows_that_came(lines):
    reject = '"_reject": pc.if_else(pc.equal(batch["text"], "bad"), "a bad word", None)'
    lines.module(
        "flows", words.FLOWS.replace('"size": pc.utf8_length(text)}', f'"size": pc.utf8_length(text), {reject}}}')
    )
    many = "|".join(f"{n:02}:word{n}" for n in range(30))
    words.land(lines, many)
    lines.run("+silver.shouts")
    words.land(lines, f"{many}|x:bad")
    assert "1 of the 1 rows" in str(lines.run("+silver.shouts")["silver.shouts"].error)
    more = "|".join(f"{n}:word{n}" for n in range(40, 60))
    words.land(lines, f"{many}|{more}|x:bad")
    outcome = lines.run("+silver.shouts")["silver.shouts"]
    assert (outcome.status, outcome.note.mode, outcome.note.reasons) == ("done", "incremental", {"a bad word": 1})


def test_a_key_that_a_row_of_another_origin_holds_is_refused_as_in_a_rebuild(lines):
    keyed = words.TABLES.replace('key=["sample_id"], cluster_by=["size"],', 'key=["text"],')
    assert keyed != words.TABLES
    lines.module("tables", keyed)
    lines.run("+silver.shouts")
    for landed in ("a:hello|b:two words|c:x|d:hello", "a:hello|b:hello|c:x"):  # one that is new, one that changed
        words.land(lines, landed)
        outcome = lines.run("+silver.shouts")["silver.shouts"]
        assert outcome.status == "failed"
        assert "a second row of silver.shouts with the key text='HELLO!'" in outcome.error.message
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "TWO WORDS!", "c": "X!"}
