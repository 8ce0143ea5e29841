"""Readers at a pinned version see the same rows, whatever a writer does meanwhile: rewrite, compact, vacuum."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading

from lakehouse.release.create import create_release
from lakehouse.release.optimize import optimize
from lakehouse.release.vacuum import vacuum
from tests.lakehouse import words

TEXT = "a:hello|b:two words|c:|d:four score and seven|e:x|f:y"
QUESTION = "SELECT * FROM bronze.lines JOIN silver.shouts USING (sample_id) ORDER BY ALL"

# A process that knows nothing of the writer, and reads until its input ends.
READER = """
import hashlib, sys, threading
from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from pathlib import Path

stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
lake = Lake(config=Config(lake=sys.argv[1], root=Path(sys.argv[1]).parent))
seen, times = set(), 0
while not stop.is_set() or times < 2:
    seen.add(hashlib.sha256(repr(lake.sql(sys.argv[2], at="r-1").to_pylist()).encode()).hexdigest())
    times += 1
    stop.wait(0.5)
print(times, *seen)
"""


def digest(rows):
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_a_release_reads_the_same_while_a_writer_rewrites_compacts_and_vacuums(project):
    words.write(project, TEXT)
    project.run()
    lake = project.lake()
    create_release(lake.project, "r-1")
    pinned = lake.sql(QUESTION, at="r-1").to_pylist()
    version = int(lake.catalog.open("silver.shouts").version())
    stop, wrong, times = threading.Event(), [], dict.fromkeys(("sql", "scan", "stream", "delta"), 0)

    def reads(name, read):
        first = None
        while not stop.is_set() or times[name] < 2:
            try:
                now = digest(read())
            except Exception as error:  # noqa: BLE001 - whatever it is, a reader may not see it
                wrong.append((name, error))
                return
            first = first or now
            times[name] += 1
            if now != first:
                wrong.append((name, "other rows"))
            stop.wait(0.3)  # leaves the writer a share of the machine

    # One stream is opened before the writer begins, and read to its end after it has ended.
    slow = lake.sql("SELECT text FROM bronze.lines ORDER BY text", at="r-1", format="reader")
    old = lake.catalog.open("silver.shouts", version)
    ways = {
        "sql": lambda: lake.sql(QUESTION, at="r-1").to_pylist(),
        "scan": lambda: sorted(map(repr, lake.scan("silver.shouts", at="r-1").collect().rows())),
        "stream": lambda: sorted(
            row["text"] for batch in lake.table("bronze.lines", at="r-1", format="reader") for row in batch.to_pylist()
        ),
        "delta": lambda: sorted(map(repr, old.to_pyarrow_table().to_pylist())),
    }
    threads = [threading.Thread(target=reads, args=item) for item in ways.items()]
    process = subprocess.Popen(
        [sys.executable, "-c", READER, lake.uri, QUESTION], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for thread in threads:
        thread.start()
    try:
        for text in ("a:hi|b:two words|d:four|x:new", "a:hi|q:q|d:score"):
            words.land(project, text)
            assert project.lake().run(full=True).ok
            assert not any(item.failed for item in optimize(project.lake().project))
            assert all(set(item.retained) for item in vacuum(project.lake().catalog, retention_hours=0))
        freed = sum(item.files for item in vacuum(project.lake().catalog, retention_hours=0, dry_run=True))
    finally:
        stop.set()
        printed, _ = process.communicate("", timeout=120)
        for thread in threads:
            thread.join()
    assert freed == 0
    assert not wrong
    assert all(number >= 2 for number in times.values()), times
    count, *seen = printed.split()
    assert int(count) >= 2
    assert seen == [digest(pinned)]
    assert slow.read_all().column("text").to_pylist() == ["four score and seven", "hello", "two words", "x", "y"]
    assert lake.sql(QUESTION, at="r-1").to_pylist() == pinned
    assert lake.sql("SELECT count(*) AS n FROM bronze.lines").to_pydict() == {"n": [3]}
