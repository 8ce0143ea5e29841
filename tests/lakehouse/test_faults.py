"""What a kill at any instant, or two runs at once, may not do: lose a row, double one, or show half a table."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import Catalog
from lakehouse.lake import Lake
from lakehouse.ledger.tables import training_steps
from tests.lakehouse import words
from tests.lakehouse.killed import COMMAND, ENVIRONMENT, kill

NAMES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
TEXT = "a:hello|b:two words|c:|d:four score and seven|e:x|f:y"
LATER = "a:hello|b:three words now|c:|e:x|g:late"


def digests(project, lake):
    return {name: project.plan(lake=lake)[name].last[1].digest for name in NAMES}


def writer(project):
    """Return the module that commits the flows' rows."""
    return f"lakehouse.{'spark' if project.spark else 'embedded'}.delta_writer"


_UNDISTURBED = {}


def undisturbed(project, *texts):
    """Digests after landing the texts one after the other with nothing in the way; made once for each."""
    if texts not in _UNDISTURBED:
        for text in texts:
            words.land(project, text)
            project.run(lake="undisturbed")
        _UNDISTURBED[texts] = digests(project, "undisturbed")
    return _UNDISTURBED[texts]


@pytest.mark.parametrize(
    ("where", "when", "number"),
    [
        ("WRITER:append_quarantine", "after", 1),
        ("WRITER:write", "after", 1),
        *(
            pytest.param(*point, marks=pytest.mark.slow)
            for point in [
                ("lakehouse.delta.append:create", "after", 2),
                ("WRITER:write", "before", 2),
                ("WRITER:write", "after", 3),
                ("lakehouse.ledger.runs:sync_runs", "before", 1),
            ]
        ),
    ],
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(project, where, when, number):
    words.write(project, TEXT)
    kill(project, where.replace("WRITER", writer(project)), when, number)
    assert all(o.status in {"done", "fresh"} for o in project.run().values())
    assert digests(project, "lake") == undisturbed(project, TEXT)
    seen = [
        (row["flow"], row["reason"])
        for row in project.lake()
        .sql("SELECT q.flow, q.reason FROM ledger.quarantine q JOIN ledger.runs r ON q.attempt = r.quarantine")
        .to_pylist()
    ]
    assert [reason for _, reason in seen] == ["text is not empty"]
    recorded = {(row["table"], row["version"]) for row in project.rows("ledger.runs")}
    assert {name for name, _ in recorded} == set(NAMES)


def test_a_kill_while_changes_are_merged_loses_nothing(project):
    words.write(project, TEXT)
    project.run()
    words.land(project, LATER)
    kill(project, f"{writer(project)}:write", "before", 2)
    project.run()
    assert digests(project, "lake") == undisturbed(project, LATER)


def test_a_kill_in_the_middle_of_the_work(project):
    words.write(project, TEXT)
    process = subprocess.Popen(
        [*COMMAND, str(project.root), f"{writer(project)}:write", "after", "99"],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=project.root,
    )
    log = project.root / "lake" / "silver" / "shouts" / "_delta_log"
    end = time.monotonic() + 120
    while not log.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.4)
    process.kill()
    process.wait()
    project.run()
    assert digests(project, "lake") == undisturbed(project, TEXT)


@pytest.mark.parametrize(
    "engines",
    [("embedded", "embedded"), pytest.param(("embedded", "spark"), marks=pytest.mark.slow)],
    ids="+".join,
)
def test_two_runs_at_once_commit_each_change_once(project, engines, request):
    if "spark" in engines:
        request.getfixturevalue("spark")
    words.write(project, TEXT)
    lakes = [Lake(config=lake.config.with_engine(engine)) for engine in engines for lake in [project.lake()]]
    reports = []
    threads = [threading.Thread(target=lambda one=one: reports.append(one.run())) for one in lakes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(report.ok for report in reports), [o.error for r in reports for o in r.results]
    assert digests(project, "lake") == undisturbed(project, TEXT)
    assert len(project.rows("silver.shouts")) == 5


def test_ledger_rows_of_one_transaction_land_once(tmp_path):
    import datetime as dt

    import pyarrow as pa

    row = {
        "training_run": "t",
        "step": 1,
        "release": "r",
        "digest": "d",
        "stage": "cold",
        "seed": 0,
        "begin": 0,
        "end": 2,
        "positions": [0, 1],
        "at": dt.datetime.now(dt.UTC),
    }
    rows = pa.Table.from_pylist([row], schema=training_steps.schema)
    threads = [
        threading.Thread(
            target=append_rows,
            args=(Catalog(str(tmp_path)), training_steps, rows),
            kwargs={"app_id": "a", "version": v},
        )
        for v in (1, 1, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Catalog(str(tmp_path)).open("ledger.training_steps").to_pyarrow_table().num_rows == 1
