from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import MixlakeError
from tests.lakehouse import words


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
    for name in first:
        assert len(lines.lake().catalog.open(name).file_uris()) == 1, f"{name}: so few rows are one file"


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
    lines.run("+silver.shouts")
    words.land(lines, "a:hello|b:two words|c:x|d:more")
    note = lines.run("+silver.shouts")["silver.shouts"].note
    assert (note.mode, note.counts["read"], note.counts["inserted"]) == ("incremental", 1, 1)
    assert lines.lake().catalog.open("silver.shouts").history(1)[0]["operation"] == "WRITE"


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


def test_held_rows_are_not_read_where_the_digest_says_that_they_are_wanted(lines):
    lines.run("+silver.shouts")
    for uri in lines.lake().catalog.open("silver.shouts").file_uris():
        Path(uri).unlink()
    lines.module("flows", words.FLOWS.replace("pc.utf8_upper(text)", "pc.utf8_upper(pc.utf8_upper(text))"))
    note = lines.run("silver.shouts")["silver.shouts"].note
    assert (note.mode, note.changed, note.counts["rows"]) == ("full", False, 3)
    # Who says --full does not want a note's word for it: the rows are written again.
    assert lines.run("silver.shouts", full=True)["silver.shouts"].status == "done"
    assert texts(lines, "silver.shouts")["a"] == "HELLO!"


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
    error = lines.run("+silver.shouts")["silver.shouts"].error
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
    lines.run("+silver.shouts")
    words.land(lines, "a:changed")
    assert lines.run("silver.shouts")["silver.shouts"].status == "fresh"
    assert lines.plan("silver.shouts+")["silver.shouts"].state == "fresh"
    assert lines.run("+silver.shouts")["silver.shouts"].status == "done"


def test_full_processes_all_rows_but_writes_only_differences(lines):
    lines.run("+silver.shouts")
    note = lines.run("silver.shouts", full=True)["silver.shouts"].note
    assert (note.mode, note.counts["read"], note.changed) == ("full", 3, False)


def test_ledger_runs_hold_every_commit(lines):
    lines.run("+gold.counts")
    words.land(lines, "a:hello")
    lines.run("+gold.counts")
    found = {(row["table"], row["version"]) for row in lines.rows("ledger.runs")}
    assert {("bronze.lines", 1), ("bronze.lines", 2), ("gold.counts", 1), ("gold.counts", 2)} <= found


def test_a_column_more_upstream_is_taken_in_and_rows_stay_right(lines):
    lines.run()
    more = words.TABLES.replace(
        "columns=[ID, TEXT, RUN], key", 'columns=[ID, TEXT, Column("note", pa.string(), "Note."), RUN], key', 1
    )
    lines.module("tables", more)
    words.land(lines, "a:hello|b:two|d:more")
    outcomes = lines.run()
    assert {o.status for o in outcomes.values()} == {"done"}, [str(o.error) for o in outcomes.values()]
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "TWO!", "d": "MORE!"}
    assert set(lines.rows("bronze.lines")[0]) == {"sample_id", "text", "note", "run_id"}
    lines.run(lake="rebuilt")
    assert digests(lines) == digests(lines, "rebuilt")


def keys_once(project, table, lake="lake"):
    ids = [row["sample_id"] for row in project.rows(table, lake)]
    assert len(ids) == len(set(ids))
    return ids


def test_a_renamed_flow_takes_its_table_over(lines):
    lines.run("+silver.shouts")
    lines.module("flows", words.FLOWS.replace("def shout(batch, params)", "def holler(batch, params)"))
    outcome = lines.run("+silver.shouts")["silver.shouts"]
    assert (outcome.status, outcome.note.changed) == ("done", False)
    assert len(keys_once(lines, "silver.shouts")) == 3


def test_a_run_that_comes_late_applies_nothing_twice(lines):
    from lakehouse.plan.plan import make_plan
    from lakehouse.run.listener import Listener
    from lakehouse.run.scheduler import RunContext, Scheduler
    from lakehouse.run.spark_session import SparkHandle

    lines.run()
    words.land(lines, "a:hello|b:two words|c:x|d:more")
    lake = lines.lake()
    plan = make_plan(lake.project)
    spark = SparkHandle(lake.project, lines.root / "late.log", Listener())
    late = Scheduler(RunContext(lake.project, plan, "late", spark, Listener()))
    lines.run()
    assert {o.status for o in late.results()} <= {"done", "fresh"}
    assert len(keys_once(lines, "silver.shouts")) == 4
    lines.run(lake="rebuilt")
    assert digests(lines) == digests(lines, "rebuilt")


def test_a_table_without_a_key_is_rewritten_whole(lines):
    lines.module(
        "tables",
        words.TABLES.replace(
            'Column("size", pa.int32(), "Characters."), RUN], key=["sample_id"],',
            'Column("size", pa.int32(), "Characters."), RUN],',
        ),
    )
    lines.run("+silver.shouts")
    words.land(lines, "a:hello|b:changed|c:x")
    assert lines.run("+silver.shouts")["silver.shouts"].status == "done"
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "CHANGED!", "c": "X!"}


def test_an_input_put_in_anothers_place_is_read_whole(lines):
    import shutil

    lines.run("+silver.shouts")
    shutil.rmtree(lines.root / "lake" / "bronze")
    assert any("gone" in c.detail for c in lines.plan()["silver.shouts"].causes)
    refused = lines.run("silver.shouts")["silver.shouts"]
    assert "is gone" in refused.error.message
    words.land(lines, "z:other")
    assert lines.run("+silver.shouts")["silver.shouts"].status == "done"
    assert texts(lines, "silver.shouts") == {"z": "OTHER!"}


def test_an_input_that_was_never_made_is_not_taken_for_an_empty_one(lines):
    error = lines.run("silver.shouts")["silver.shouts"].error
    assert "never written" in error.message
    assert "+silver.shouts" in error.hint


@pytest.mark.parametrize("change", ["type", "fewer", "key"])
def test_a_contract_that_rows_do_not_fit_is_refused_until_the_table_is_written_anew(lines, change):
    lines.run("+gold.counts")
    old = 'Column("size", pa.int32(), "Characters."), RUN], key=["sample_id"], cluster_by=["size"],'
    assert old in words.TABLES
    new = {
        "type": old.replace("pa.int32()", "pa.string()"),
        "fewer": 'RUN], key=["sample_id"],',
        "key": old.replace('key=["sample_id"]', 'key=["sample_id", "size"]'),
    }[change]
    lines.module("tables", words.TABLES.replace(old, new))
    flows = words.FLOWS
    if change == "fewer":
        flows = flows.replace(', "size": pc.utf8_length(text)', "")
        lines.sql(
            "gold.counts",
            f"{words.PORTABLE}SELECT CAST(length(text) AS INT) AS size, count(*) AS n FROM silver.shouts GROUP BY 1",
        )
    if change == "type":
        length = '"size": pc.utf8_length(text)'
        assert length in flows
        flows = flows.replace(length, f"{length}.cast(pa.string())")
        lines.sql(
            "gold.counts",
            f"{words.PORTABLE}SELECT CAST(size AS INT) AS size, count(*) AS n FROM silver.shouts GROUP BY 1",
        )
    lines.module("flows", flows)
    before = lines.rows("silver.shouts")
    refused = lines.run("+gold.counts")["silver.shouts"]
    assert refused.status == "failed"
    says = {
        "type": "size is stored as int32, now string",
        "fewer": "size is no longer declared",
        "key": "its key was sample_id",
    }
    assert says[change] in refused.error.message
    assert "mixlake run silver.shouts --migrate" in refused.error.hint
    assert lines.rows("silver.shouts") == before
    outcomes = lines.run("+gold.counts", migrate=True)
    assert {o.status for o in outcomes.values()} <= {"done", "fresh"}, [str(o.error) for o in outcomes.values()]
    words.land(lines, "a:hello|b:changed|d:new")
    outcomes = lines.run("+gold.counts")
    assert {o.status for o in outcomes.values()} == {"done"}, [str(o.error) for o in outcomes.values()]
    assert texts(lines, "silver.shouts") == {"a": "HELLO!", "b": "CHANGED!", "d": "NEW!"}
