"""Any order of commits, releases, compactions and vacuums: what is needed stays whole, and nothing else stays."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lakehouse.delta.change_feed import has_feed
from lakehouse.delta.history import newest_note
from lakehouse.delta.store.table_folder import table_store
from lakehouse.ledger.releases import drop_release, list_releases
from lakehouse.release.create import create_release
from lakehouse.release.retention import required_versions
from lakehouse.release.vacuum import vacuum
from lakehouse.release.verify import verify_release
from tests.lakehouse.lakes import followed, lake_at, note, noted, write

SCHEMA = pa.schema([("n", pa.int64())])
# Each is made from the ones named.
PARENTS = {"bronze.a": [], "silver.b": ["bronze.a"], "silver.d": ["bronze.a"], "gold.c": ["silver.b", "silver.d"]}
TABLE = st.sampled_from(sorted(PARENTS))


class Maintained(RuleBasedStateMachine):
    """Drives a lake of four tables beside a plain account of what it should hold."""

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp())
        self.lake = lake_at(self.folder)
        self.number = 0
        self.rows = {name: [] for name in PARENTS}
        self.released = {}
        followed(self.lake, *PARENTS, schema=SCHEMA)

    def teardown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def flow(self, table, **fields):
        """Return the note of a table's flow, which reads its inputs at their latest versions."""
        self.number += 1
        read = {parent: int(self.lake.catalog.open(parent).version()) for parent in PARENTS[table]}
        return note(table, f"run-{self.number}", inputs=read, digest=f"{table}-{self.number}", **fields)

    @rule(table=TABLE, count=st.integers(1, 3))
    def append(self, table, count):
        of = self.flow(table)
        new = [self.number * 10 + at for at in range(count)]
        write(self.lake, table, pa.table({"n": new}, SCHEMA), of)
        self.rows[table] = self.rows[table] + new

    @rule(table=TABLE)
    def overwrite(self, table):
        of = self.flow(table)
        write(self.lake, table, pa.table({"n": [self.number]}, SCHEMA), of, mode="overwrite")
        self.rows[table] = [self.number]

    @rule(table=TABLE)
    def delete(self, table):
        """Delete one row, which leaves change files."""
        if not self.rows[table]:
            return
        gone = self.rows[table][0]
        self.lake.catalog.open(table).delete(f"n = {gone}", commit_properties=noted(self.flow(table)))
        self.rows[table] = [n for n in self.rows[table] if n != gone]

    @rule(table=TABLE)
    def find_nothing_to_do(self, table):
        same = newest_note(self.lake.catalog.open(table))
        digest = same[1].digest if same else ""
        of = self.flow(table, changed=False)
        write(
            self.lake,
            table,
            SCHEMA.empty_table(),
            note(table, of.run_id, inputs=of.inputs, changed=False, digest=digest),
        )

    @rule(table=TABLE)
    def compact(self, table):
        self.lake.catalog.open(table).optimize.compact()

    @rule()
    def release(self):
        self.number += 1
        made = create_release(self.lake.project, f"r{self.number}")
        self.released[made.name] = {
            name: sorted(self.lake.catalog.open(name, version).to_pyarrow_table()["n"].to_pylist())
            for name, version in made.tables.items()
        }

    @precondition(lambda self: self.released)
    @rule(data=st.data())
    def drop(self, data):
        name = data.draw(st.sampled_from(sorted(self.released)))
        drop_release(self.lake.catalog, name)
        del self.released[name]

    @rule()
    def vacuum(self):
        planned = {item.table: item for item in vacuum(self.lake.catalog, dry_run=True, retention_hours=0)}
        before = {name: self.stored(name) for name in PARENTS}
        done = vacuum(self.lake.catalog, retention_hours=0)
        for item in done:
            if item.table in PARENTS:
                assert item == planned[item.table]
                assert before[item.table] - self.stored(item.table) == set(item.paths.to_pylist())
        self.nothing_else_is_left()
        self.live_releases_are_whole()
        self.flows_can_read_on()

    def stored(self, table):
        folder = Path(self.lake.catalog.table_uri(table))
        return {str(path.relative_to(folder)) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}

    def files(self, table, version):
        return {Path(uri).name for uri in self.lake.catalog.open(table, version).file_uris()}

    def nothing_else_is_left(self):
        """Compare with the files of all versions since the oldest that anybody has read, and of releases."""
        made_from = {(name, int(self.lake.catalog.open(name).version())) for name in PARENTS}
        waiting = list(made_from)
        while waiting:
            child, version = waiting.pop()
            found = newest_note(self.lake.catalog.open(child, version))
            new = {(parent, at) for parent, at in (found[1].inputs if found else {}).items()} - made_from
            made_from |= new
            waiting.extend(new)
        for name in PARENTS:
            latest = int(self.lake.catalog.open(name).version())
            read = [latest]
            for child, parents in PARENTS.items():
                found = newest_note(self.lake.catalog.open(child))
                if name in parents and found:
                    read.append(found[1].inputs[name])
            versions = set(range(min(read), latest + 1)) | {at for table, at in made_from if table == name}
            versions |= {release.tables[name] for release in list_releases(self.lake.catalog) if name in release.tables}
            # A version that is named may be held by a later one with the same rows.
            allowed = set().union(*(self.files(name, at) for at in versions))
            kept = required_versions(self.lake.catalog)[name]
            allowed |= set().union(*(self.files(name, at) for at in kept.by_version))
            assert {path for path in self.stored(name) if "/" not in path} <= allowed
            if min(read) == latest:
                assert not any("/" in path for path in self.stored(name))

    @invariant()
    def the_latest_rows_are_there(self):
        for name, rows in getattr(self, "rows", {}).items():
            assert sorted(self.lake.catalog.open(name).to_pyarrow_table()["n"].to_pylist()) == sorted(rows)

    def live_releases_are_whole(self):
        for name, tables in self.released.items():
            assert verify_release(self.lake.catalog, name, deep=True) == []
            pinned = {release.name: release.tables for release in list_releases(self.lake.catalog)}[name]
            for table, rows in tables.items():
                held = self.lake.catalog.open(table, pinned[table]).to_pyarrow_table()["n"].to_pylist()
                assert sorted(held) == rows

    def flows_can_read_on(self):
        for child, parents in PARENTS.items():
            found = newest_note(self.lake.catalog.open(child))
            for parent in parents if found else ():
                table = self.lake.catalog.open(parent)
                first = found[1].inputs[parent] + 1
                if first <= int(table.version()):
                    assert has_feed(table_store(table), first, int(table.version()))


Maintained.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestMaintained = Maintained.TestCase
