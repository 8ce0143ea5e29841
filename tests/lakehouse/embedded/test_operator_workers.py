from __future__ import annotations

import pytest

from lakehouse.embedded.operator_workers import Workers
from tests.lakehouse import words

CRASH = """
def loud(text, mark):
    if "c:crash" in [f"c:{value}" for value in text.to_pylist()]:
        import ctypes

        ctypes.string_at(0)
    return pc.binary_join_element_wise(pc.utf8_upper(text), mark, "")
"""


def test_a_row_at_which_a_library_crashes_is_quarantined_and_the_run_goes_on(project):
    if project.spark:
        pytest.skip("Spark repeats tasks by its own rules")
    words.write(project, "a:hello|b:two words|c:crash|d:more")
    before, _, rest = words.FLOWS.partition("def loud(text, mark):\n")
    _, _, rest = rest.partition("\n\n\n")
    flows = before + CRASH.strip() + "\n\n\n" + rest
    declared = '@flow(writes=shouts, reads={"lines": lines}, params=Loudness, tags=["loud"]'
    assert declared in flows
    project.module("flows", flows.replace(declared, declared + ", batch_seconds=60, reject_tolerance=0.5"))
    done = project.run()
    assert {table: result.status for table, result in done.items()} == dict.fromkeys(done, "done")
    assert {row["text"] for row in project.rows("silver.shouts")} == {"HELLO!", "TWO WORDS!", "MORE!"}
    (row,) = project.lake().sql('SELECT "row", reason FROM ledger.quarantine').to_pylist()
    assert row["reason"] == "the process of the operator was ended by SIGSEGV"
    assert '"c"' in row["row"]
    words.land(project, "a:hello|b:two words|c:fine|d:more")
    project.run()
    assert "FINE!" in [row["text"] for row in project.rows("silver.shouts")]


def test_a_pool_that_is_broken_tells_whoever_waits(tmp_path, monkeypatch):
    from tests.lakehouse.embedded.test_operator_pool import batches, echo, runner

    workers = Workers(runner(echo), {}, tmp_path, 1, 0)
    try:
        (batch,) = batches(1)
        assert [part.num_rows for part in workers.result(workers.submit(batch)).rows()] == [2]
        workers._processes[0].kill()
        workers._processes[0].join()
        with pytest.raises(Exception, match="was ended by SIGKILL"):
            workers.result(workers.submit(batch))
        workers.restart()
        assert [part.num_rows for part in workers.result(workers.submit(batch)).rows()] == [2]
    finally:
        workers.stop()
