from __future__ import annotations

import pytest

from lakehouse.errors import CollisionError, FlowError
from lakehouse.plan.plan import make_plan
from lakehouse.run import scheduler
from lakehouse.run.listener import Listener
from lakehouse.run.scheduler import RunContext, Scheduler
from lakehouse.run.spark_session import SparkHandle
from tests.lakehouse import words


class Recorder(Listener):
    def __init__(self):
        self.ended_results = []

    def ended(self, result):
        self.ended_results.append(result)


@pytest.fixture
def context(project, monkeypatch):
    """A run of the small project's bronze flow and what follows it, without Spark."""
    words.write(project)
    monkeypatch.setattr(SparkHandle, "get", lambda self: None)
    lake = project.lake()

    def make(*select):
        listener = Recorder()
        spark = SparkHandle(lake.project, project.root / "spark.log", listener)
        return RunContext(lake.project, make_plan(lake.project, select), "run-1", spark, listener)

    return make


def executed(monkeypatch, error):
    calls = []

    def execute(*args, **options):
        calls.append(args)
        raise error

    monkeypatch.setattr(scheduler, "execute_flow", execute)
    return calls


def test_a_failure_skips_what_depends_on_it_and_each_result_is_reported(context, monkeypatch):
    calls = executed(monkeypatch, FlowError("it broke", "fix it"))
    run = context("bronze.lines", "silver.shouts", "gold.counts")
    results = {result.writes: result for result in Scheduler(run).results()}
    assert len(calls) == 1
    assert {name: result.status for name, result in results.items()} == {
        "bronze.lines": "failed",
        "silver.shouts": "skipped",
        "gold.counts": "skipped",
    }
    assert "was skipped, since" in str(results["gold.counts"].error)
    assert results["bronze.lines"].seconds > 0
    assert list(results.values()) == run.listener.ended_results


def test_a_flow_that_loses_every_time_fails_after_three_attempts(context, monkeypatch):
    calls = executed(monkeypatch, CollisionError("another run committed", "it is planned again"))
    (result,) = Scheduler(context("bronze.lines")).results()
    assert len(calls) == 3
    assert result.status == "failed"
    assert isinstance(result.error, CollisionError)
    assert "bronze.lines" in result.error.message


def test_an_error_that_nobody_foresaw_names_the_flow(context, monkeypatch):
    executed(monkeypatch, ZeroDivisionError("division by zero\nat line 3"))
    (result,) = Scheduler(context("bronze.lines")).results()
    assert result.error.message == f"{result.flow} failed: ZeroDivisionError: division by zero"


def test_a_missing_input_is_not_read_as_an_empty_table(context, monkeypatch):
    calls = executed(monkeypatch, AssertionError("not reached"))
    (result,) = Scheduler(context("silver.shouts")).results()
    assert calls == []
    assert "bronze.lines, which was never written" in result.error.message
    assert "mixlake run +silver.shouts" in result.error.hint


class Panic(BaseException):
    """As libraries in Rust raise one."""


def test_a_panic_fails_its_flow_and_an_interrupt_ends_the_run(context, monkeypatch):
    executed(monkeypatch, Panic("index out of bounds\nstack"))
    (result,) = Scheduler(context("bronze.lines")).results()
    assert "failed: Panic: index out of bounds" in str(result.error)
    executed(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        Scheduler(context("bronze.lines")).results()
