from __future__ import annotations

import pytest

from lakehouse.errors import MixlakeError
from tests.lakehouse import words

pytestmark = pytest.mark.usefixtures("spark")


@pytest.fixture
def lines(project):
    return words.write(project)


def texts(project, table, lake="lake"):
    return {row["sample_id"]: row["text"] for row in project.rows(table, lake)}


def digests(project, lake="lake"):
    names = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
    return {name: project.plan(lake=lake)[name].last[1].digest for name in names}


def test_first_run_makes_all_and_second_run_nothing(lines):
    first = lines.run()
    assert {o.status for o in first.values()} == {"done"}
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "TWO WORDS!", "c": "X!"}
    assert texts(lines, "silver.words") == {"a/hello": "hello", "b/two": "two", "b/words": "words", "c/x": "x"}
    assert [(row["size"], row["n"]) for row in lines.rows("gold.counts")] == [(10, 1), (2, 1), (6, 1)]
    assert {row["run_id"] for row in lines.rows("silver.shouts")} == {first["silver.shouts"].note.run_id}
    assert {o.status for o in lines.run().values()} == {"fresh"}


def test_only_changed_rows_are_processed_and_equal_a_rebuild(lines):
    lines.run()
    words.land(lines, "a:hello|b:two new words|d:late")
    again = lines.run()
    shouted = again["silver.shouts"].note
    assert shouted.mode == "incremental"
    assert shouted.counts["read"] == 2
    assert (shouted.counts["inserted"], shouted.counts["updated"], shouted.counts["deleted"]) == (1, 1, 1)
    cut = again["silver.words"].note.counts
    assert (cut["inserted"], cut["updated"], cut["deleted"]) == (2, 0, 1)
    lines.run(lake="rebuilt")
    assert digests(lines) == digests(lines, "rebuilt")


def test_only_inserts_are_appended(lines):
    lines.run()
    words.land(lines, "a:hello|b:two words|c:x|d:more")
    note = lines.run()["silver.shouts"].note
    assert (note.mode, note.counts["read"], note.counts["inserted"]) == ("incremental", 1, 1)
    assert lines.lake().open("silver.shouts").history(1)[0]["operation"] == "WRITE"


def test_changed_code_runs_only_it_and_what_depends_on_it(lines):
    lines.run()
    lines.module("flows", words.FLOWS.replace("pc.utf8_upper(text), mark", "pc.utf8_upper(text), mark + mark"))
    plan = lines.plan()
    assert [c.kind for c in plan["silver.shouts"].causes] == ["code"]
    assert plan["gold.counts"].causes[0].kind == "upstream"
    outcomes = lines.run()
    assert {name: o.status for name, o in outcomes.items()} == {
        "bronze.lines": "fresh",
        "silver.words": "fresh",
        "silver.shouts": "done",
        "gold.counts": "done",
    }
    assert texts(lines, "silver.shouts")["a"] == "HELLO!!"


def test_a_flow_whose_input_turns_out_unchanged_is_not_executed(lines):
    lines.run()
    lines.module("flows", words.FLOWS.replace("pc.utf8_upper(text)", "pc.utf8_upper(pc.utf8_upper(text))"))
    outcomes = lines.run()
    assert outcomes["silver.shouts"].note.changed is False
    assert outcomes["gold.counts"].status == "fresh"


def test_docstrings_and_comments_make_nothing_stale(lines):
    lines.run()
    lines.module("flows", "# a comment\n" + words.FLOWS.replace("Shout a line.", "Say a line loudly."))
    assert {item.state for item in lines.plan().values()} == {"fresh"}


def test_params_and_sql_and_contract_are_reasons(lines):
    lines.run()
    outcome = lines.run(params={"silver.shouts": {"mark": "?"}})["silver.shouts"]
    assert outcome.status == "done"
    lines.sql("gold.counts", words.COUNTS.replace("count(*)", "count(*) + 0"))
    lines.module(
        "tables",
        words.TABLES.replace('doc="A word."', 'doc="One word."').replace(
            '"silver.words", ', '"silver.words", cluster_by=["text"], '
        ),
    )
    causes = {name: {c.kind for c in item.causes} for name, item in lines.plan().items()}
    assert causes["silver.shouts"] == {"params"}
    assert "code" in causes["gold.counts"]
    assert causes["silver.words"] == {"contract"}


def test_rows_that_break_a_check_are_quarantined_and_counted(lines):
    words.land(lines, "a:hello|b:|c:x")
    note = lines.run()["bronze.lines"].note
    assert note.reasons == {"text is not empty": 1}
    assert note.counts["quarantined"] == 1
    row = lines.rows("ledger.quarantine")[0]
    assert (row["sample_id"], row["reason"], row["attempt"]) == ("b", "text is not empty", note.quarantine)
    assert set(texts(lines, "bronze.lines")) == {"a", "c"}


def test_too_many_broken_rows_fail_the_flow_and_commit_nothing(lines):
    words.land(lines, "a:|b:|c:x")
    outcomes = lines.run()
    assert outcomes["bronze.lines"].status == "failed"
    assert "2 of 3 rows" in outcomes["bronze.lines"].error.message
    assert outcomes["silver.shouts"].status == "skipped"
    assert lines.rows("bronze.lines") == []


def test_doubled_keys_fail_the_flow(lines):
    words.land(lines, "a:one|a:two")
    error = lines.run("bronze.lines")["bronze.lines"].error
    assert "sample_id='a'" in error.message


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ('"size": pc.utf8_length(text)', "left out"),
        ('"size": text', "size"),
        ('"size": pc.utf8_length(text), "extra": text', "extra"),
    ],
)
def test_an_operator_of_the_wrong_schema_is_refused_with_its_file(lines, broken, says):
    good = '"sample_id": batch["sample_id"], "text": text, "size": pc.utf8_length(text)'
    bad = '"text": text' if says == "left out" else good.replace('"size": pc.utf8_length(text)', broken)
    lines.module("flows", words.FLOWS.replace(good, bad))
    error = lines.run()["silver.shouts"].error
    assert says in error.message
    assert "flows.py" in error.message


def test_an_operator_that_raises_is_named_with_its_line(lines):
    lines.module("flows", words.FLOWS.replace("text = loud(", "raise ValueError('boom')\n    text = loud("))
    outcomes = lines.run()
    assert isinstance(outcomes["silver.shouts"].error, MixlakeError)
    assert "boom" in outcomes["silver.shouts"].error.message
    assert "flows.py:" in outcomes["silver.shouts"].error.message
    assert outcomes["silver.words"].status == "done"


def test_a_run_of_one_table_reads_the_others_as_they_are(lines):
    lines.run()
    words.land(lines, "a:changed")
    assert lines.run("silver.shouts")["silver.shouts"].status == "fresh"
    assert lines.plan("silver.shouts+")["silver.shouts"].state == "fresh"
    assert lines.run("+silver.shouts")["silver.shouts"].status == "done"


def test_full_processes_all_rows_but_writes_only_differences(lines):
    lines.run()
    note = lines.run(full=True)["silver.shouts"].note
    assert (note.mode, note.counts["read"], note.changed) == ("full", 3, False)


def test_ledger_runs_hold_every_commit(lines):
    lines.run()
    words.land(lines, "a:hello")
    lines.run()
    found = {(row["table"], row["version"]) for row in lines.rows("ledger.runs")}
    assert {("bronze.lines", 1), ("bronze.lines", 2), ("gold.counts", 1), ("gold.counts", 2)} <= found
