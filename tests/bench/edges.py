"""How long a trace takes over ``ledger.edges``, and how many files it opens.

A made graph: documents in three tables, each cut into three paragraphs in three tables more, eight of which are packed
into a sequence. An entry is a row or an edge; edges are stored in two orders. The index has four levels, each an
eighth of the one before, as `lakehouse.lineage.index.sync` leaves them. Before each trace the files are dropped from the page
cache, and each id is traced once. The peer is a scan of the same files by DuckDB.

    python tests/bench/edges.py                     # 10^6 entries
    python tests/bench/edges.py --edges 1e8         # 10^8: 7 GB in the temporary folder, some minutes to make
    python tests/bench/edges.py --edges 1e8 --keep /data/edges    # kept, and used again the next time
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DOCUMENTS = ("bronze.documents", "silver.document_scores", "silver.documents")
PARAGRAPHS = ("gold.document_tokens", "gold.samples", "silver.paragraphs")
SEQUENCES = "gold.sequences"
TABLES = (*DOCUMENTS, *PARAGRAPHS, SEQUENCES)
CUTS, PACKED = 3, 8
# Entries of a document: three rows, three cuts with three rows and three edges, and its share of a sequence.
PER_DOCUMENT = 3 + CUTS * 6 + CUTS / PACKED * (1 + PACKED)
RATIO = 8
LEVELS = 4
ROW_GROUP = 32_768
HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=float, default=1e6, help="entries of the index")
    parser.add_argument("--ids", type=int, default=20, help="traces of each kind of sample")
    parser.add_argument("--row-group", type=int, default=ROW_GROUP, help="entries of a row group")
    parser.add_argument("--keep", type=Path, help="make the lake in this folder, or use what lies there")
    arguments = parser.parse_args()
    if arguments.keep:
        measure(arguments.keep, int(arguments.edges), arguments.ids, arguments.row_group)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder, "lake"), int(arguments.edges), arguments.ids, arguments.row_group)


def measure(folder: Path, edges: int, ids: int, row_group: int) -> None:
    if not (folder / "ledger").exists():
        clock = time.monotonic()
        make(folder, edges, row_group)
        print(f"made in {time.monotonic() - clock:.0f} s")
    from lakehouse.declare.config import Config
    from lakehouse.lake import Lake
    from lakehouse.lineage.index.state import index_state

    lake = Lake(config=Config(lake=str(folder), root=folder))
    actions = pa.table(index_state(lake.project).edges.get_add_actions(flatten=True))
    size = pc.sum(actions.column("size_bytes")).as_py()
    print(
        f"{pc.sum(actions.column('num_records')).as_py():,} stored entries, {actions.num_rows} files, "
        f"{size / 1e9:.2f} GB, {len(set(actions.column('partition.level').to_pylist()))} levels"
    )
    samples = json.loads((folder / "samples.json").read_text())
    for kind, known in samples.items():
        traced(lake, folder, kind, known[:ids])
    fan(lake, folder, samples)
    command(folder, samples["paragraph"][ids])
    scans(lake, folder, samples["paragraph"][ids + 1 : ids + 4])


def traced(lake, folder: Path, kind: str, ids: list[str]) -> None:
    """Trace some samples whole, and tell the time of a trace and of a hop."""
    from lakehouse.lineage.index import lookup
    from lakehouse.lineage.trace import trace

    hops: list[tuple[int, int, float]] = []
    look_up = lookup.Index.lookup

    def timed(self, order, wanted):
        clock = time.monotonic()
        found = look_up(self, order, wanted)
        hops.append((len(wanted), found.files, time.monotonic() - clock))
        return found

    lookup.Index.lookup = timed
    seconds, nodes = [], []
    for sample in ids:
        forget(folder)
        clock = time.monotonic()
        found = trace(lake.project, sample)
        seconds.append(time.monotonic() - clock)
        nodes.append(len(found.nodes))
    lookup.Index.lookup = look_up
    one = [hop for hop in hops if hop[0] == 1]
    print(
        f"{kind:10} {statistics.median(nodes):4.0f} rows: trace median {seconds_text(seconds)} over {len(ids)} cold ids; "
        f"{len(hops) / len(ids):.1f} hops each, a hop of one id opens at most {max(hop[1] for hop in one)} files, "
        f"of {max(hop[0] for hop in hops)} ids {max(hop[1] for hop in hops)}; "
        f"a hop median {seconds_text([hop[2] for hop in hops])}"
    )


def fan(lake, folder: Path, samples: dict[str, list[str]]) -> None:
    """Look up ever more ids at once, as a wide trace does."""
    from lakehouse.lineage.index.lookup import Index
    from lakehouse.lineage.index.state import index_state

    index = Index(index_state(lake.project).edges)
    for count in (1, 10, 100, 1000):
        ids = samples["paragraph"][-count:]
        if len(ids) < count:
            break
        forget(folder)
        clock = time.monotonic()
        found = index.lookup("child", ids)
        print(f"one hop of {count:5} ids: {time.monotonic() - clock:.3f} s, {found.files} files")


def command(folder: Path, sample: str) -> None:
    """Time the command line, the start of Python included."""
    forget(folder)
    clock = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "lakehouse.cli.main", "--lake", str(folder), "trace", sample, "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    print(f"mixlake trace as a command: {time.monotonic() - clock:.2f} s")


def scans(lake, folder: Path, ids: list[str]) -> None:
    """Ask the same of DuckDB: over the files themselves, and through the lake's SQL with its pruning."""
    import duckdb

    from lakehouse.lineage.index.lookup import Index
    from lakehouse.lineage.index.state import index_state

    columns = 'parent, child, "table", run_id, source, license, uri'
    raw = (
        f"SELECT {columns}, sum(n) FROM read_parquet('{folder}/ledger/edges/*/sorted_by=%s/*.parquet') "
        "WHERE %s = ? GROUP BY ALL HAVING sum(n) > 0"
    )
    sql = f"SELECT {columns} FROM ledger.edges WHERE sorted_by = '%s' AND %s = '%s' GROUP BY ALL HAVING sum(n) > 0"
    index = Index(index_state(lake.project).edges)
    ways = {
        "lookup": lambda order, sample: index.lookup(order, [sample]).rows.num_rows,
        "mixlake sql": lambda order, sample: lake.sql(sql % (order, order, sample)).num_rows,
        "DuckDB, files of the order": lambda order, sample: len(
            duckdb.execute(raw % (order, order), [sample]).fetchall()
        ),
        "DuckDB, the other order": lambda order, sample: len(
            duckdb.execute(raw % ("child", order), [sample]).fetchall()
        ),
    }
    medians = {}
    for name, ask in ways.items():
        seconds = []
        for sample in ids:
            forget(folder)
            clock = time.monotonic()
            ask("parent", sample)
            seconds.append(time.monotonic() - clock)
        medians[name] = statistics.median(seconds)
        print(f"{name:28} {seconds_text(seconds)} ({medians[name] / medians['lookup']:.1f}x)")


def seconds_text(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.3f} s (most {max(seconds):.3f} s)"


def forget(folder: Path) -> None:
    """Drop the lake's files from the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def make(folder: Path, edges: int, row_group: int) -> None:
    """Write the graph: level 0 is the largest."""
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, create_table_with_add_actions

    from lakehouse.declare.config import Config
    from lakehouse.delta.commit_note import CommitNote
    from lakehouse.lake import Lake
    from lakehouse.ledger import tables

    lake = Lake(config=Config(lake=str(folder), root=folder))
    ids = {name: _empty_table(lake, name) for name in TABLES}
    table = Path(lake.catalog.table_uri(tables.edges.name))
    whole = sum(RATIO**-level for level in range(LEVELS))
    actions, samples = [], {}
    for level in range(LEVELS):
        graph = Graph(max(8, round(edges * RATIO**-level / whole / PER_DOCUMENT)), seed=level)
        if not level:
            samples = graph.samples(1100)
        for order in ("child", "parent"):
            for number, parts in enumerate(graph.files(order)):
                path = Path(f"level={level}", f"sorted_by={order}", f"part-{number:05}.parquet")
                stats = write(table / path, parts, order, row_group)
                partition = {"level": str(level), "sorted_by": order}
                size = (table / path).stat().st_size
                actions.append(AddAction(str(path), size, partition, 0, True, json.dumps(stats)))
    from lakehouse.lineage.index.state import FLOW, FORMAT

    note = CommitNote(
        run_id="bench", flow=FLOW, kind="frame", mode="full", code=FORMAT, params="{}",
        contract=tables.edges.fingerprint(), inputs=dict.fromkeys(TABLES, 0), ids=ids, changed=True, counts={},
        digest="",
    )  # fmt: skip
    from deltalake import Schema

    create_table_with_add_actions(
        str(table),
        Schema.from_arrow(pa.schema([pa.field(c.name, c.type) for c in tables.edges.columns])),
        actions,
        partition_by=["level", "sorted_by"],
        commit_properties=CommitProperties(custom_metadata={"userMetadata": note.to_json()}),
    )
    (folder / "samples.json").write_text(json.dumps(samples))


def write(path: Path, parts: Iterator[pa.Table], order: str, row_group: int) -> dict[str, object]:
    """Write a file as Spark would; return its statistics as they stand in the log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ends, rows, writer = [], 0, None
    for part in parts:
        writer = writer or pq.ParquetWriter(
            path, part.schema, compression="zstd", store_schema=False,
            use_dictionary=["table", "run_id", "source", "license"],
        )  # fmt: skip
        writer.write_table(part, row_group)
        ends += [part.column(order)[0].as_py(), part.column(order)[-1].as_py()]
        rows += part.num_rows
    writer.close()
    return {"numRecords": rows, "minValues": {order: ends[0]}, "maxValues": {order: ends[-1]}, "nullCount": {}}


def _empty_table(lake, name: str) -> str:
    from deltalake import DeltaTable

    strings = [("sample_id", pa.string()), ("source", pa.string()), ("license", pa.string()), ("run_id", pa.string())]
    schema = pa.schema([*strings, ("parent_ids", pa.list_(pa.string()))])
    return str(DeltaTable.create(lake.catalog.table_uri(name), schema).metadata().id)


class Graph:
    """One level: documents, their paragraphs and sequences, with random ids."""

    def __init__(self, documents: int, seed: int) -> None:
        self.cuts = documents * CUTS
        self.sequences = self.cuts // PACKED
        self.counts = np.array([documents, self.cuts, self.sequences])
        self.starts = np.concatenate([[0], np.cumsum(self.counts)])
        random = np.random.default_rng(seed)
        # Big-endian halves: their order is that of the hex digits.
        self.ids = random.integers(0, 2**64, (self.starts[-1], 2), np.uint64)
        self.order = np.argsort(self.ids[:, 0])

    def samples(self, count: int) -> dict[str, list[str]]:
        random = np.random.default_rng(1)
        kinds = zip(("document", "paragraph", "sequence"), self.starts[:-1], self.counts, strict=True)
        return {kind: self.hex(start + random.permutation(held)[:count]).to_pylist() for kind, start, held in kinds}

    def hex(self, numbers: np.ndarray) -> pa.Array:
        digits = HEX[self.ids[numbers].astype(">u8").view(np.uint8)]
        offsets = np.arange(0, 32 * len(numbers) + 1, 32, dtype=np.int32)
        return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits.reshape(-1)))

    def files(self, order: str) -> Iterator[Iterator[pa.Table]]:
        """Yield the files of one order, each as tables one after the other."""
        from lakehouse.lineage.index.spark_entries import ROWS_PER_FILE

        # Entries of each kind of sample.
        each = np.array([3, 6, 1 + PACKED] if order == "child" else [3 * CUTS, 1, 0])
        kinds = np.searchsorted(self.starts[1:], self.order, "right")
        entries = each[kinds]
        ends = np.cumsum(entries)
        files = -(-int(ends[-1]) // ROWS_PER_FILE)
        bounds = np.searchsorted(ends, np.linspace(0, ends[-1], files + 1)[1:-1])
        for numbers in np.split(np.arange(len(self.order)), bounds):
            pieces = np.array_split(numbers, -(-len(numbers) // 200_000))
            yield (self._rows(order, self.order[piece], kinds[piece], entries[piece]) for piece in pieces)

    def _rows(self, order: str, ids: np.ndarray, kinds: np.ndarray, entries: np.ndarray) -> pa.Table:
        at = np.repeat(np.arange(len(ids)), entries)
        within = np.arange(len(at)) - np.repeat(np.cumsum(entries) - entries, entries)
        key, kind = ids[at], kinds[at]
        number = key - self.starts[kind]
        first = len(DOCUMENTS)
        if order == "child":
            table = np.select([kind == 0, kind == 1], [within, first + within % 3], len(TABLES) - 1)
            itself = np.where(kind == 2, within == 0, within < 3)
            other = np.select(
                [itself, kind == 1], [0, number // CUTS], self.starts[1] + number * PACKED + np.maximum(within, 1) - 1
            )
            parent = pc.if_else(pa.array(itself), pa.scalar(None, pa.string()), self.hex(other))
            child = self.hex(key)
        else:
            table = np.where(kind == 0, first + within % 3, len(TABLES) - 1)
            packed = np.minimum(number // PACKED, self.sequences - 1)
            other = np.where(kind == 0, self.starts[1] + number * CUTS + within // 3, self.starts[2] + packed)
            itself = np.zeros(len(at), bool)
            parent, child = self.hex(key), self.hex(other)

        def detail(values: list[str], of: np.ndarray) -> pa.Array:
            codes = pa.array(of.astype(np.int32), mask=~itself)
            return pa.DictionaryArray.from_arrays(codes, values).cast(pa.string())

        addresses = pc.binary_join_element_wise(
            "https://example.org/archive", pa.array(number).cast(pa.string()), "page.html", "/"
        )
        landed = pa.array(itself & (kind == 0) & (within == 0))
        return pa.table(
            {
                "parent": parent,
                "child": child,
                "table": pa.DictionaryArray.from_arrays(pa.array(table.astype(np.int32)), list(TABLES)).cast(
                    pa.string()
                ),
                "run_id": detail([f"20260101T000000-{run:08x}" for run in range(64)], number % 64),
                "source": detail([f"source-{source}" for source in range(200)], number % 200),
                "license": detail(["MIT", "CC-BY-4.0", "CC0-1.0", "Apache-2.0"], number % 4),
                "uri": pc.if_else(landed, addresses, pa.scalar(None, pa.string())),
                "n": pa.array(np.ones(len(at), np.int32)),
            }
        )


if __name__ == "__main__":
    main()
