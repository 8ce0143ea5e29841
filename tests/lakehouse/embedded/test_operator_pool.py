from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lakehouse import interruption
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded import operator_pool
from lakehouse.embedded.operator_pool import Endangered, run_operator
from lakehouse.embedded.operator_workers import Clock
from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[Column("id", pa.string(), "Identity.", nullable=False), Column("pid", pa.int64(), "Process.")],
    key=["id"],
)


def echo(batch, params):
    time.sleep(0.01)
    return pa.record_batch({"id": batch["id"], "pid": pa.repeat(os.getpid(), batch.num_rows)})


def several(batch, params):
    yield batch
    yield pa.table({"id": pc.binary_join_element_wise(batch["id"], params, "")})


def fail(batch, params):
    if params in batch["id"].to_pylist():
        raise ValueError("it's ä bad one")
    return batch


def kill(batch, params):
    if params in batch["id"].to_pylist():
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def lose(batch, params):
    return batch.slice(1)


def other(batch, params):
    return batch.append_column("other", batch["id"])


def text(batch, params):
    return "rows"


def partial(batch, params):
    return batch if params in batch["id"].to_pylist() else batch.rename_columns(["name"])


def hang(batch, params):
    if params in batch["id"].to_pylist():
        time.sleep(600)
    return batch


def crash(batch, params):
    if set(params) & set(batch["id"].to_pylist()):
        ctypes.string_at(0)  # as a decoder does that reads where it must not
    return batch


def kill_once(batch, params):
    mark = Path(params)
    if not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def rejected(row, reason):
    return row.append_column("_reject", pa.array([reason]))


@pytest.fixture
def workers(monkeypatch):
    """Let two worker processes do all batches."""
    monkeypatch.setattr(operator_pool, "_INLINE_SECONDS", 0.0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def runner(function, params=None, **fields):
    return Runner("flows.f", __file__, function, params, TABLE, **fields)


def batches(count=6, rows=2):
    return [pa.record_batch({"id": [f"{n}/{k}" for k in range(rows)]}) for n in range(count)]


def results(of, given=None, endangered=None):
    clock = Clock()
    rows = [
        row
        for part in run_operator(of, iter(given if given is not None else batches()), clock, endangered)
        for row in part.to_pylist()
    ]
    return rows, clock.seconds


def test_quick_operators_stay_in_this_process():
    rows, seconds = results(runner(echo))
    assert {row["pid"] for row in rows} == {os.getpid()}
    assert seconds > 0.05
    assert results(runner(echo), []) == ([], 0.0)


def test_slow_operators_go_to_workers_and_come_back_in_order(workers):
    rows, seconds = results(runner(echo), batches(12))
    assert [row["id"] for row in rows] == [f"{n}/{k}" for n in range(12) for k in range(2)]
    assert os.getpid() not in {row["pid"] for row in rows}
    assert seconds > 0.1


def test_an_operator_may_give_several_batches(workers):
    rows, _ = results(runner(several, "!"), batches(2, 1))
    assert [row["id"] for row in rows] == ["0/0", "0/0!", "1/0", "1/0!"]


ERRORS = [
    (runner(fail, "4/1"), "flows.f failed with ValueError: it's ä bad one"),
    (runner(lose, one_to_one="id"), "flows.f got 2 rows and returned 1: id '0/0' came 1 times and went 0 times"),
    (runner(other), "flows.f returned a column 'other' that silver.things does not have"),
    (runner(text), "flows.f returned str, not a record batch"),
    (runner(partial, "0/0"), "flows.f returned a column 'name'"),
]


def refuse(of, message):
    with pytest.raises(FlowError) as error:
        results(of)
    assert error.value.message.startswith(message)
    assert error.value.hint


@pytest.mark.parametrize(("of", "message"), ERRORS)
def test_a_wrong_result_is_refused(of, message):
    refuse(of, message)


@pytest.mark.parametrize(("of", "message"), ERRORS[:2])
def test_an_error_of_a_worker_keeps_its_message_and_advice(workers, of, message):
    refuse(of, message)


def test_a_killed_worker_is_an_error_that_says_what_to_do(workers):
    with pytest.raises(FlowError, match=r"flows.f: a worker process was ended by SIGKILL .* lower batch_rows"):
        results(runner(kill, "3/0"))


@pytest.mark.parametrize(
    ("of", "bad", "how"),
    [
        (runner(crash, ["3/0", "4/2"]), {"3/0", "4/2"}, "was ended by SIGSEGV"),
        (runner(kill, "0/1"), {"0/1"}, "was ended by SIGKILL"),
        (runner(hang, "5/3"), {"5/3"}, "took longer than 3 s"),
    ],
)
def test_a_row_that_ends_or_holds_up_its_process_is_rejected_and_the_others_go_on(of, bad, how, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    rows, _ = results(of, batches(6, 4), Endangered(3, rejected))
    assert [row["id"] for row in rows] == [f"{n}/{k}" for n in range(6) for k in range(4)]
    assert {row["id"]: row["_reject"] for row in rows if row.get("_reject")} == dict.fromkeys(
        bad, f"the process of the operator {how}"
    )


def test_a_worker_that_something_else_ended_costs_no_row(workers, tmp_path):
    rows, _ = results(runner(kill_once, str(tmp_path / "mark")), None, Endangered(0, rejected))
    assert len(rows) == 12
    assert not any(row.get("_reject") for row in rows)


def test_workers_that_an_interruption_ended_do_not_start_again(workers):
    found = run_operator(runner(hang, "5/1"), iter(batches(6)), Clock(), Endangered(60, rejected))
    for _ in range(4):
        next(found)
    timer = threading.Timer(1, interruption.interrupt_running)
    timer.start()
    began = time.monotonic()
    with pytest.raises(FlowError, match="was interrupted"):
        list(found)
    assert time.monotonic() - began < 30
    timer.join()


def test_an_operator_that_many_rows_end_fails_the_flow(workers, monkeypatch):
    monkeypatch.setattr(operator_pool, "MOST_LOST", 1)
    with pytest.raises(FlowError, match="was ended by SIGSEGV, as were those of 1 rows before"):
        results(runner(crash, ["0/0", "0/1", "1/0"]), None, Endangered(0, rejected))


def test_what_no_other_process_can_import_stays_here(workers):
    def inner(batch, params):
        return echo(batch, params)

    for function in (inner, lambda batch, _: echo(batch, None)):
        rows, _ = results(runner(function))
        assert {row["pid"] for row in rows} == {os.getpid()}
        assert len(rows) == 12
    # Nor what is given parameters that cannot be sent.
    rows, _ = results(runner(echo, params=inner))
    assert {row["pid"] for row in rows} == {os.getpid()}


def test_a_reader_that_stops_early_leaves_no_process(workers):
    found = run_operator(runner(echo), iter(batches(50)), Clock())
    next(found)
    found.close()
    deadline = time.monotonic() + 20
    while _workers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _workers() == []


def _workers():
    found = []
    for task in Path("/proc/self/task").iterdir():
        children = ""
        with contextlib.suppress(OSError):  # a thread may end meanwhile, and a process
            children = (task / "children").read_text()
        for child in children.split():
            with contextlib.suppress(OSError):
                found += [child] if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text() else []
    return found


SCRIPT = """
import pyarrow as pa
from lakehouse.embedded import operator_pool
from tests.lakehouse.embedded import test_operator_pool as tests

operator_pool._INLINE_SECONDS = 0.0
operator_pool.os.cpu_count = lambda: 2
print(len(tests.results(tests.runner(tests.echo))[0]))
"""


def test_a_script_need_not_be_guarded(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert (done.stdout, done.returncode) == ("12\n", 0), done.stderr


EDITED = """
import pyarrow as pa


def mark(batch, params):
    return pa.record_batch({"id": batch["id"], "pid": pa.repeat(1, batch.num_rows)})
"""


@pytest.mark.usefixtures("workers")
def test_code_that_changed_after_the_flow_began_is_not_run(tmp_path, monkeypatch):
    """A worker imports the operator from its file, which is then another one than this process has loaded."""
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "edited_operator.py"
    module.write_text(EDITED)
    made = Runner("acme.mark", str(module), importlib.import_module("edited_operator").mark, None, TABLE)

    def batches():
        module.write_text(EDITED.replace("repeat(1", "repeat(22"))
        yield pa.record_batch({"id": ["a"]})

    with pytest.raises(FlowError, match=r"edited_operator.py changed while it ran; nothing was committed"):
        list(run_operator(made, batches(), Clock()))
    sys.modules.pop("edited_operator")


def endless(batch, params):
    """Rows of 1 MiB, the first of which are read before the last are made."""
    for number in range(params):
        yield pa.record_batch({"id": [f"{number}-" + "x" * (1 << 20)]})


def test_results_are_passed_on_before_the_next_are_made():
    results = run_operator(runner(endless, 1 << 40), batches(1), Clock())
    assert [next(results)["id"][0].as_py()[:2] for _ in range(3)] == ["0-", "1-", "2-"]


def test_large_results_of_a_worker_come_through_a_file(workers, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = [part["id"][0].as_py()[:3] for part in run_operator(runner(endless, 70), batches(2), Clock())]
    assert found == [f"{number}-x"[:3] for number in range(70)] * 2
    assert list(tmp_path.iterdir()) == []
