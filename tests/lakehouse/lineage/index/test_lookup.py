from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.lineage.index import lookup
from lakehouse.lineage.index.lookup import Index
from tests.lakehouse.lakes import lake_at
from tests.lakehouse.lineage.index.graphs import write_index

SAMPLES = [f"{letter}{digit}" for letter in "abc" for digit in range(6)]
TABLES = ["bronze.t", "silver.t"]

ids = st.sampled_from(SAMPLES)
itself = st.tuples(st.none(), ids, st.sampled_from(TABLES), st.sampled_from(["r1", "r2"]), *[st.none()] * 3)
edge = st.tuples(ids, ids, st.sampled_from(TABLES), *[st.none()] * 4)
counts = st.dictionaries(itself | edge, st.integers(1, 2), max_size=30)
# What an older level holds, a newer one may take away.
levels = st.lists(counts, min_size=1, max_size=3).flatmap(
    lambda made: st.tuples(
        st.just(made), st.sets(st.sampled_from(sorted(made[0], key=str)) if made[0] else st.nothing())
    )
)


def index_of(folder, made):
    lake = lake_at(Path(folder) / "lake")
    write_index(lake, made)
    return Index(lake.catalog.open("ledger.edges"))


def rows_of(found, columns=("parent", "child", "table")):
    rows = [tuple(row[name] for name in columns) for row in found.rows.to_pylist()]
    assert len(rows) == len(set(rows))
    return set(rows)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(levels, st.sets(ids, max_size=4))
def test_a_lookup_tells_what_adds_up_to_more_than_nothing(made, wanted):
    added, taken = made
    total = Counter()
    for level in added:
        total.update(level)
    for key in taken:
        total[key] = 0
    with tempfile.TemporaryDirectory() as folder:
        index = index_of(folder, [*added, {key: -sum(level.get(key, 0) for level in added) for key in taken}])
        there = {key for key, n in total.items() if n > 0}
        columns = ("parent", "child", "table", "run_id", "source", "license", "uri")
        found = rows_of(index.lookup("child", sorted(wanted)), columns)
        assert found == {key for key in there if key[1] in wanted}
        found = rows_of(index.lookup("parent", sorted(wanted)))
        assert found == {key[:3] for key in there if key[0] in wanted}
        found = rows_of(index.beginning("a"), columns)
        assert found == {key for key in there if key[1].startswith("a")}


@pytest.fixture
def fan(tmp_path):
    """One parent of a hundred children, every fifth of them taken away again; and many others."""
    made = Counter({("p", f"c{number:03}", "silver.t", *[None] * 4): 1 for number in range(100)})
    other = Counter({(None, f"x{number:03}", "silver.t", "r1", *[None] * 3): 1 for number in range(100)})
    taken = Counter(dict.fromkeys(list(made)[::5], -1))
    return index_of(tmp_path, [made, other, taken])


def test_a_wide_fan_is_cut_where_all_levels_were_read(fan):
    whole = fan.lookup("parent", ["p"])
    assert not whole.truncated
    assert whole.rows.num_rows == 80
    cut = fan.lookup("parent", ["p"], max_rows=30)
    assert cut.truncated
    children = [child for _, child, _ in sorted(rows_of(cut))]
    # The beginning of the whole, of which nothing that was taken away comes back.
    assert children == [child for _, child, _ in sorted(rows_of(whole))][: len(children)]
    assert 20 <= len(children) <= 30


def test_entries_added_up_in_parts_are_those_added_up_at_once():
    schema = pa.schema([("parent", pa.string()), ("child", pa.string()), ("table", pa.string()), ("n", pa.int64())])
    rows = [("p", f"c{number % 50:02}", f"t{number % 3}", 1 - 2 * (number % 7 == 0)) for number in range(600)]
    total = Counter()
    for *key, n in rows:
        total[tuple(key)] += n
    for max_rows, size in ((10, 1), (10, 40), (40, 90), (1000, 7)):
        parts = [
            pa.Table.from_arrays(list(map(pa.array, zip(*rows[at : at + size], strict=True))), schema=schema)
            for at in range(0, len(rows), size)
        ]
        entries, truncated = lookup._add_up(parts, "parent", max_rows)
        found = {tuple(row[name] for name in ("parent", "child", "table")): row["n"] for row in entries.to_pylist()}
        assert truncated is (max_rows < len(total))
        assert len(found) <= max_rows
        assert len(found) > (max_rows - 3 if truncated else len(total) - 1)
        last = max(found)[1]
        assert found == {key: n for key, n in total.items() if n and (key[1] <= last or not truncated)}


def test_only_files_whose_range_holds_an_id_are_opened(fan):
    assert fan.lookup("child", ["x050"]).files == 1
    assert fan.lookup("parent", ["p"]).files == 2
    assert fan.lookup("parent", ["a"]).files == 0
    assert fan.beginning("x05").files == 1
    assert fan.lookup("child", []).files == 0


def bytes_read(function):
    """Return a function's result and the bytes that this process read for it."""
    before = int(Path("/proc/self/io").read_text().split()[1])
    found = function()
    return found, int(Path("/proc/self/io").read_text().split()[1]) - before


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the kernel does not count reads here")
def test_only_row_groups_whose_range_holds_an_id_are_read(tmp_path):
    def noise(text):
        return hashlib.sha256(text.encode()).hexdigest() * 2

    # Each of 40 row groups holds some 250 KiB, nearly all of it in the columns beside the id.
    made = {
        (
            None,
            f"x{number:05}",
            "silver.t",
            *(noise(f"{name}{number}") for name in ("run", "source", "license", "uri")),
        ): 1
        for number in range(20_000)
    }
    lake = lake_at(tmp_path / "lake")
    write_index(lake, [Counter(made)], group=500)
    index = Index(lake.catalog.open("ledger.edges"))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
    assert size > 10 << 20
    index.lookup("child", ["x00000"])
    found, read = bytes_read(lambda: index.lookup("child", ["x05000"]))
    assert found.rows.num_rows == 1
    assert read < size / 20
    # In its range, but not there: its columns beside the id are left alone.
    found, read = bytes_read(lambda: index.lookup("child", ["x0500a"]))
    assert found.rows.num_rows == 0
    # A row group is a fortieth of the file.
    assert read < size / 45
    found, read = bytes_read(lambda: index.lookup("child", ["y"]))
    assert (found.files, found.rows.num_rows) == (0, 0)
    assert read < 4096


def test_files_without_statistics_are_read(tmp_path):
    import json

    entry = (None, "a1", "silver.t", "r1", None, None, None)
    index_of(tmp_path, [Counter({entry: 1})])
    lake = lake_at(tmp_path / "lake")
    log = Path(lake.catalog.table_uri("ledger.edges"), "_delta_log", f"{1:020d}.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["stats"] = '{"numRecords": 1}'
    log.write_text("\n".join(json.dumps(line) for line in lines))
    index = Index(lake.catalog.open("ledger.edges"))
    assert index.lookup("child", ["a1"]).rows.num_rows == 1
    assert index.beginning("a").rows.num_rows == 1


def test_an_empty_index_holds_nothing(tmp_path):
    index = index_of(tmp_path, [])
    found = index.lookup("child", ["a1"])
    assert (found.rows.num_rows, found.files) == (0, 0)
    assert found.rows.column_names == ["parent", "child", "table", "run_id", "source", "license", "uri"]
