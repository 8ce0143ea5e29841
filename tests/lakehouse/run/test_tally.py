from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from lakehouse.run.report import FlowResult
from lakehouse.run.tally import Tally
from tests.lakehouse import words


def test_what_became_of_each_flow_is_one_line(project):
    words.write(project)
    plan = project.lake().plan()
    tally = Tally()
    assert "not begun: 0" in tally.summary()
    tally.planned(plan)
    first, second, *_ = plan.flows
    tally.began(first)
    tally.ended(FlowResult(first.flow.id, first.writes, "done", 3))
    tally.began(second)
    assert tally.summary() == (
        f"committed: {first.writes}@3; stopped: {second.writes}; not begun: 2 — the same command goes on from there"
    )
    tally.ended(FlowResult(second.flow.id, second.writes, "failed"))
    assert "stopped: nothing" in tally.summary()


def test_of_many_some_are_named():
    tally = Tally()
    for number in range(10):
        tally.ended(FlowResult(str(number), f"a.t{number}", "done", 0))
    assert "a.t7@0 and 2 more; stopped" in tally.summary()


STUCK = """
def shout(batch, params):
    \"\"\"Work for minutes, deaf to all.\"\"\"
    import time
    from pathlib import Path
    Path(__file__).with_name("begun").touch()
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            time.sleep(1)
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_run_though_an_operator_goes_on(project, number, status):
    flows = str(words.FLOWS)
    begin = flows.index("def shout(batch, params):")
    end = flows.index("@flow(writes=words")
    words.write(project)
    project.module("flows", flows[:begin] + STUCK.strip() + "\n\n\n" + flows[end:])
    config = project.root / "mixlake.yaml"
    config.write_text(config.read_text() + "parallel: 1\n")
    command = [sys.executable, "-m", "lakehouse.cli.main", "run", "bronze.lines", "silver.shouts"]
    process = subprocess.Popen(
        command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    begun = project.root / project.package / "begun"
    deadline = time.monotonic() + 60
    while not begun.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == status, out
    assert "committed: bronze.lines@" in out
    assert "stopped: silver.shouts" in out
    assert "goes on from there" in out
    assert "Traceback" not in out
    plan = project.plan("bronze.lines", "silver.shouts")
    assert (plan["bronze.lines"].state, plan["silver.shouts"].state) == ("fresh", "missing")
