"""Seeded rounds of change, kill and restart, each checked against what the input says the tables must hold.

    PYTHONPATH=. python tests/lakehouse/chaos.py --rounds 20 --sigkill 4 --seed 1

A round changes the input, starts runs that die, sometimes compacts or vacuums (and may die of that), and mostly lets
a last run end; where it does not, the next round goes on from what is there. Deaths are of two kinds:

* In process, the cheap one: at a boundary `Killed` is raised, in the thread that came there and from then on in each
  thread that comes to any boundary. It is no `Exception`, so that nothing in the engine takes note of it; what the
  engine does on the way out is to let go of cached rows and settings of a session, and to tell the run's OpenLineage
  events that it stopped: no table sees any of it. Spark jobs under way in other threads come to their end. A death "torn" leaves
  what a writer leaves that dies between its data files and its commit: whole and half data files, and half a commit
  under a temporary name.
* By SIGKILL, of a process of its own: at a boundary (`killed.py`), where the JVM outlives its driver for a moment and
  may still commit, or of driver and JVM together as soon as a data file shows up that no commit names.

After each death every table must hold what some input of the past made of it, whole; after each run that ended, what
the newest input makes of it: rows, quarantine, one ledger entry a commit, and the index of lineage. In the end the
digests must be those of a lake that saw the last input only, with nothing in the way.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import SparkSession

from lakehouse.declare import discovery
from lakehouse.declare.contract import Table
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import commits_with_notes
from lakehouse.ledger import tables
from lakehouse.query import quarantine
from lakehouse.release.optimize import optimize
from lakehouse.release.vacuum import vacuum
from tests.lakehouse import words
from tests.lakehouse.bindings import rebind
from tests.lakehouse.killed import COMMAND, ENVIRONMENT
from tests.lakehouse.lineage.index.graphs import all_entries, held_entries

NAMES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
FIRST = {"a": "hello", "b": "two words", "c": "", "d": "four score and seven", "e": "x"}
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
_WATCHED = ("bronze/lines", "silver/shouts", "silver/words", "gold/counts")

# Boundary, and how often a run comes there.
_RUN = {
    "lakehouse.delta.append:create": 6,
    "lakehouse.ledger.runs:sync_runs": 1,
    "lakehouse.delta.append:append_once": 1,
    "lakehouse.lineage.index.sync:sync_edges": 1,
}
RUN = {
    "embedded": {
        **_RUN,
        "lakehouse.embedded.delta_writer:append_quarantine": 1,
        "lakehouse.embedded.delta_writer:write": 5,
    },
    "spark": {
        **_RUN,
        "lakehouse.spark.delta_writer:append_quarantine": 1,
        "lakehouse.spark.delta_writer:write": 4,
        "lakehouse.spark.delta_writer:replace_where": 1,
    },
}
MAINTENANCE = {"lakehouse.release.optimize:replace_files": 2, "lakehouse.release.vacuum:delete_files": 4}
TORN = {
    "lakehouse.embedded.delta_writer:write",
    "lakehouse.spark.delta_writer:write",
    "lakehouse.release.optimize:replace_files",
    "lakehouse.spark.delta_writer:replace_where",
}


class Killed(BaseException):
    """A death, as far as one can be had without one: no handler of errors sees it."""


class Killer:
    """Dies at a boundary, once.

    Args:
        where: ``module:function`` of the engine.
        when: before, torn or after.
        number: Which of the calls, from 1.
    """

    def __init__(self, where, when, number):
        self.where, self.when, self.number = where, when, number
        self.dead = False
        self._calls = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def at_work(self):
        """Watch all boundaries."""
        with contextlib.ExitStack() as stack:
            for where in {**RUN["embedded"], **RUN["spark"], **MAINTENANCE}:
                stack.callback(rebind(where, functools.partial(self._patched, where)))
            yield self

    def _patched(self, where, original):
        def patched(*args, **kwargs):
            with self._lock:
                self._check()
                self._calls += where == self.where
                mine = where == self.where and self._calls == self.number
                if mine and self.when != "after":
                    self.dead = True
            if mine and self.when == "torn":
                catalog = next(arg for arg in args if isinstance(arg, Catalog))
                tear(catalog.table_uri(next(arg for arg in args if isinstance(arg, Table)).name))
            self._check()
            answer = original(*args, **kwargs)
            self.dead = self.dead or (mine and self.when == "after")
            self._check()
            return answer

        return patched

    def _check(self):
        if self.dead:
            raise Killed(self.where)


def tear(uri):
    """Leave what a writer of a table leaves that dies before its commit."""
    folder = Path(uri)
    there = sorted(folder.glob("*.parquet"))
    for file in there[:1]:
        shutil.copyfile(file, folder / f"part-00000-{uuid.uuid4()}-c000.snappy.parquet")
        half = file.read_bytes()[: file.stat().st_size // 2]
        (folder / f"part-00001-{uuid.uuid4()}-c000.snappy.parquet").write_bytes(half)
    log = sorted(folder.glob("_delta_log/*.json"))
    if log:
        (folder / "_delta_log" / f".{int(log[-1].stem) + 1:020d}.json.{uuid.uuid4()}.tmp").write_bytes(b'{"commitIn')


def expected(lines):
    """Return, by table, the rows that an input must come to, and the ids that are set aside."""
    good = {key: text for key, text in lines.items() if text}
    shouts = {(key, text.upper() + "!", len(text) + 1) for key, text in good.items()}
    cut = {(f"{key}/{word}", (key,), word) for key, text in good.items() for word in text.split()}
    found = {
        "bronze.lines": Counter(good.items()),
        "silver.shouts": Counter(shouts),
        "silver.words": Counter(cut),
        "gold.counts": Counter(Counter(size for _, _, size in shouts).items()),
    }
    return found, sorted(set(lines) - set(good))


def held(lake, name):
    """Return the rows of a table, but for the run that wrote them."""
    if not lake.catalog.has(name):
        return Counter()
    rows = lake.table(name).drop_columns("run_id").to_pylist()
    return Counter(tuple(tuple(v) if isinstance(v, list) else v for v in row.values()) for row in rows)


def change(rng, lines):
    """Return other lines: some added, some altered, some gone, and some that break the check."""
    new = dict(lines)
    for key in rng.sample(sorted(new), k=rng.randint(0, max(0, len(new) - 4))):
        del new[key]
    touched = rng.sample(sorted(new), k=min(len(new), rng.randint(0, 2)))
    added = [f"{rng.choice('ghijklmnop')}{rng.randint(0, 99)}" for _ in range(rng.randint(1, 3))]
    for key in (*touched, *added):
        new[key] = " ".join(rng.sample(_WORDS, rng.randint(1, 3)))
    bad = rng.sample(sorted(new), k=rng.randint(0, len(new) // 3))
    return {key: "" if key in bad else text or rng.choice(_WORDS) for key, text in new.items()}


@dataclass
class Chaos:
    """A lake that much happens to.

    Args:
        project: The project, see ``tests/conftest.py``.
        seed: What decides.
        engines: Each run draws one of them.
        tell: Told a line a round.
    """

    project: object
    seed: int
    engines: tuple = ("embedded", "spark")
    tell: object = print
    lines: dict = field(default_factory=lambda: dict(FIRST))
    past: list = field(default_factory=list)
    deaths: Counter = field(default_factory=Counter)
    done: Counter = field(default_factory=Counter)

    def rounds(self, soft, hard, minutes=None):
        """Do rounds of both kinds, mixed, as many as begin in time, and compare the digests in the end."""
        end = time.monotonic() + 60 * minutes if minutes else float("inf")
        words.write(self.project, self._text())
        # Of a few lines that change many may be bad.
        self.project.module("tables", words.TABLES.replace("tolerance=0.5", "tolerance=1.0"))
        kinds = ["soft"] * soft + ["hard"] * hard
        random.Random(self.seed).shuffle(kinds)
        for number, kind in enumerate(kinds):
            clock = time.monotonic()
            if clock > end:
                break
            events = self._round(random.Random(f"{self.seed}/{number}"), kind)
            self.done[kind] += 1
            self.tell(f"round {number + 1} of {len(kinds)}: {', '.join(events)}; {time.monotonic() - clock:.0f} s")
        self._end()
        self._compare_digests()
        self.tell(self.summary())

    def summary(self):
        """Return what was done, in a line."""
        deaths = ", ".join(f"{n} {where}" for where, n in sorted(self.deaths.items()))
        return (
            f"seed {self.seed}: {self.done['soft']} rounds in process and {self.done['hard']} with SIGKILL on {' and '.join(self.engines)}, "
            f"{sum(self.deaths.values())} deaths ({deaths}), {self.done['runs']} runs to the end, "
            f"{self.done['optimize']} compactions, {self.done['vacuum']} vacuums: nothing lost, doubled or half-visible"
        )

    def _round(self, rng, kind):
        self.lines = change(rng, self.lines)
        self.past.append(self.lines)
        words.land(self.project, self._text())
        events = [f"{len(self.lines)} lines"]
        for _ in range(rng.randint(1, 2) if kind == "soft" else 1):
            events.append(self._die(rng) if kind == "soft" else self._be_killed(rng))
            self._nothing_is_half_visible()
        if rng.random() < 0.4:
            events.append(self._maintain(rng))
            self._nothing_is_half_visible()
        if rng.random() < 0.75:
            self._draw(rng)
            self._end()
            events.append("ended")
        return events

    def _text(self):
        return "|".join(f"{key}:{text}" for key, text in self.lines.items())

    def _die(self, rng):
        """Run until a boundary."""
        engine = self._draw(rng)
        where = rng.choice(list(RUN[engine]))
        when = rng.choice(["before", "after", "torn"] if where in TORN else ["before", "after"])
        killer = Killer(where, when, rng.randint(1, RUN[engine][where]))
        with killer.at_work(), contextlib.suppress(Killed):
            self._run()
        return self._died(killer)

    def _died(self, killer):
        name = killer.where.rpartition(":")[2]
        if not killer.dead:
            return f"did not come to {name} {killer.number}"
        _forget_logs()
        self.deaths[f"{killer.when} {name}"] += 1
        return f"died {killer.when} {name} {killer.number}"

    def _be_killed(self, rng):
        """Run in a process of its own, which is killed."""
        # Each change comes to these; a start of Spark is too dear for a boundary that a run may not come to.
        engine = self._draw(rng)
        write = f"lakehouse.{engine}.delta_writer:write"
        where = rng.choice([write, "lakehouse.ledger.runs:sync_runs", "mid-write", "mid-write"])
        when, number = rng.choice(["before", "after"]), str(rng.randint(1, min(2, RUN[engine].get(where, 1))))
        point = (write, "after", "99") if where == "mid-write" else (where, when, number)
        before = self._orphans()
        process = subprocess.Popen(
            [*COMMAND, str(self.project.root), *point],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.project.root,
            start_new_session=True,
            env={**ENVIRONMENT, "SPARK_LOCAL_DIRS": str(self.project.root / "local")},
        )
        end, skipped = time.monotonic() + 300, rng.randint(0, 2)
        while process.poll() is None:
            if time.monotonic() > end:
                os.killpg(process.pid, signal.SIGKILL)
                message = f"a run with a death at {point} hung"
                raise AssertionError(message)
            time.sleep(0.001)
            if where == "mid-write" and (new := self._orphans() - before):
                # The first tables' files, or a later one's; and then at once, or a little later.
                before |= new
                skipped -= 1
                if skipped < 0:
                    time.sleep(rng.choice([0, 0, 0.05, 0.3]))
                    os.killpg(process.pid, signal.SIGKILL)
        name = where.rpartition(":")[2]
        if process.wait() != -signal.SIGKILL:
            return f"SIGKILL came too late for {name}"
        self.deaths[f"SIGKILL {name}"] += 1
        return f"SIGKILL {name if where == 'mid-write' else f'{when} {name} {number}'}"

    def _orphans(self):
        root = self.project.root / "lake"
        return {path for table in _WATCHED for path in root.glob(f"{table}/*.parquet")}

    def _maintain(self, rng):
        where = rng.choice(list(MAINTENANCE))
        killer = Killer(where, rng.choice(["before", "after", "torn"] if where in TORN else ["before", "after"]), 1)
        if rng.random() < 0.5:
            killer.number = 99
        lake = self.project.lake()
        with killer.at_work(), contextlib.suppress(Killed):
            if where == "lakehouse.release.optimize:replace_files":
                optimize(lake.project, [name for name in NAMES if lake.catalog.has(name)])
                self.done["optimize"] += 1
            else:
                # No writer is at work, so that files of no commit may go, too.
                vacuum(lake.catalog, retention_hours=0)
                self.done["vacuum"] += 1
        name = "compacted" if where == "lakehouse.release.optimize:replace_files" else "vacuumed"
        return name if not killer.dead else self._died(killer)

    def _draw(self, rng):
        """Choose the engine of the next run."""
        engine = rng.choice(self.engines)
        self.project.use(engine)
        return engine

    def _run(self):
        report = self.project.lake().run()
        assert report.ok, [str(outcome.error) for outcome in report.results]
        return report

    def _nothing_is_half_visible(self):
        lake = self.project.lake()
        past = [expected(lines)[0] for lines in self.past]
        for name in NAMES:
            now = held(lake, name)
            assert not now or any(now == of[name] for of in past), (name, now)

    def _end(self):
        """Run to the end, and look at everything."""
        self._run()
        self.done["runs"] += 1
        lake = self.project.lake()
        rows, aside = expected(self.lines)
        for name in NAMES:
            assert held(lake, name) == rows[name], (name, held(lake, name), rows[name])
        assert [item.writes for item in lake.plan().flows if item.state != "fresh"] == []
        assert [found["rows"] for found in quarantine.count_quarantined(lake.project)] == (
            [len(aside)] if aside else []
        )
        assert [
            row["sample_id"] for row in quarantine.quarantined_rows(lake.project, "bronze.lines", limit=99)
        ] == aside
        notes = [
            (name, version, note) for name in NAMES for version, _, note in commits_with_notes(lake.catalog.open(name))
        ]
        recorded = Counter((row["table"], row["version"]) for row in lake.table(tables.runs.name).to_pylist())
        assert recorded == Counter((name, version) for name, version, _ in notes), recorded
        kept = Counter()
        if lake.catalog.has(tables.quarantine.name):
            kept.update(row["attempt"] for row in lake.table(tables.quarantine.name).to_pylist() if row["row"])
        for name, version, note in notes:
            if note.quarantine:
                assert kept[note.quarantine] == sum(note.reasons.values()), (name, version)
        entries = all_entries(lake)
        assert held_entries(lake) == {
            "child": entries,
            "parent": Counter({key: n for key, n in entries.items() if key[0] is not None}),
        }
        self.past = [self.lines]

    def _compare_digests(self):
        report = self.project.lake("undisturbed").run()
        assert report.ok
        found = [{item.writes: item.last[1].digest for item in self.project.lake(n).plan().flows} for n in _LAKES]
        assert found[0] == found[1]
        aside = [
            [
                (row["reason"], row["sample_id"])
                for row in quarantine.quarantined_rows(self.project.lake(n).project, "bronze.lines")
            ]
            for n in _LAKES
        ]
        assert aside[0] == aside[1]


_LAKES = ("lake", "undisturbed")


def _forget_logs():
    """Let the JVM forget the logs that it has read, as a new one would not know them."""
    session = SparkSession.getActiveSession()
    if session is not None:
        session._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def main(argv=None):
    """Run chaos in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10, help="rounds in process")
    parser.add_argument("--sigkill", type=int, default=2, help="rounds with a process that is killed")
    parser.add_argument("--minutes", type=float, help="begin no round later than this")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    asked = parser.parse_args(argv)
    from lakehouse.declare.config import Config
    from lakehouse.spark.session import start
    from tests.conftest import Project

    discovery._entry_points = lambda group: []
    with tempfile.TemporaryDirectory(prefix="mixlake-chaos-") as folder:
        root = Path(folder)
        settings = {"spark.master": "local[2]", "spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "2"}
        config = Config(lake=str(root / "lake"), spark={**settings, "spark.local.dir": str(root / "local")}, root=root)
        session = start(config, root / "spark.log")
        chaos = Chaos(Project(root / "project", "chaotic"), asked.seed, tell=lambda line: print(line, flush=True))
        try:
            chaos.rounds(asked.rounds, asked.sigkill, asked.minutes)
        except BaseException:
            shutil.copytree(root / "project", f"{folder}-failed")
            print(f"seed {asked.seed} failed after {dict(chaos.done)}; the lake is in {folder}-failed", flush=True)
            raise
        finally:
            session.stop()


if __name__ == "__main__":
    main()
