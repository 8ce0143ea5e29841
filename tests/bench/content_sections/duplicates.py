"""Text that repeats: what of a lake is contained in another document, by comparing all pairs, and the flows' speed.

Containment is measured on the documents that the policy keeps and that repeat no other one: those of 20 shingles and
more of which 0.8 and more stand in one other, before and after those that `silver.document_containments` names go.
The speed is that of signing and of the two searches on copies of the text with one word in fifty replaced.

    python tests/bench/content.py duplicates --lake ./lake
    python tests/bench/content.py duplicates --lake ./lake --copies 3    # about 100 MB of the demo's text
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa

MB = 1e6


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="duplicates")
    parser.add_argument("--lake", default="lake")
    parser.add_argument("--copies", type=int, default=0, help="copies of the text for the figures of speed")
    arguments = parser.parse_args(argv)
    if not Path(arguments.lake).is_dir():
        print(f"   {arguments.lake} is no lake: give --lake")
        return
    from lakehouse.lake import Lake

    lake = Lake(arguments.lake)
    rows = lake.sql("SELECT sample_id, source, license, modality, text FROM silver.documents ORDER BY sample_id")
    measure(lake, rows)
    if arguments.copies:
        speed(rows, arguments.copies)


def measure(lake, rows) -> None:
    from jobs.dedup.minhash import shingle_sets

    ids = rows.column("sample_id").to_pylist()
    place = {sample: number for number, sample in enumerate(ids)}
    chars = np.array([len(text) for text in rows.column("text").to_pylist()])
    code = np.array([modality == "code" for modality in rows.column("modality").to_pylist()])
    sets, offsets = shingle_sets(rows.column("text").combine_chunks(), 5, code)

    def marked(query: str):
        found = np.zeros(len(ids), bool)
        found[[place[row["sample_id"]] for row in lake.sql(query).to_pylist()]] = True
        return found

    dropped = marked("SELECT sample_id FROM silver.document_order WHERE dropped")
    gone = dropped | marked("SELECT sample_id FROM silver.document_duplicates")
    contained = marked("SELECT sample_id FROM silver.document_containments")
    pairs = lake.sql("SELECT sample_id, keeper_id, method FROM silver.document_duplicates").to_pylist()
    ends = [(place[row["sample_id"]], place[row["keeper_id"]]) for row in pairs if row["method"] == "near"]
    print(
        f"   removals {len(pairs)}, near {len(ends)}; longer than their keeper {sum(chars[a] > chars[b] for a, b in ends)}"
    )
    print(f"   keepers that the policy drops {sum(dropped[place[row['keeper_id']]] for row in pairs)}")
    for name, left in (("before", ~gone), ("after", ~gone & ~contained)):
        share = best_shares(sets, offsets, left)
        found = left & (np.diff(offsets) >= 20) & (share >= 0.8)
        print(
            f"   {name}: of {left.sum()} kept, {found.sum()} contained in one other ({chars[found].sum()} characters)"
        )


def best_shares(sets, offsets, left):
    """Return the greatest share of each document's shingles that one other of those left has."""
    counts = np.diff(offsets)
    owner = np.repeat(np.arange(len(counts)), counts)
    chosen = left[owner]
    order = np.argsort(sets[chosen], kind="stable")
    shingles, owners = sets[chosen][order], owner[chosen][order]
    first = np.append(True, shingles[1:] != shingles[:-1])
    numbers = np.cumsum(first) - 1
    starts = np.append(np.flatnonzero(first), len(shingles))
    back = np.argsort(owners, kind="stable")
    begins = np.searchsorted(owners[back], np.arange(len(counts) + 1))
    return _best(numbers[back], begins, starts, owners, len(counts)) / np.maximum(counts, 1)


@numba.njit
def _best(numbers, begins, starts, owners, n):
    best, shared, touched = np.zeros(n), np.zeros(n, np.int64), np.empty(n, np.int64)
    for document in range(n):
        met = 0
        for place in range(begins[document], begins[document + 1]):
            for owner in owners[starts[numbers[place]] : starts[numbers[place] + 1]]:
                if owner != document:
                    if shared[owner] == 0:
                        touched[met] = owner
                        met += 1
                    shared[owner] += 1
        for other in touched[:met]:
            best[document] = max(best[document], shared[other])
            shared[other] = 0
    return best


def speed(rows, copies: int) -> None:
    from jobs.dedup.contained import ContainedParams, contained_documents
    from jobs.dedup.near import NearParams, near_duplicates
    from jobs.dedup.signatures import SignatureParams, sign_documents
    from lakehouse.declare.flow import Flow
    from lakehouse.embedded.conditions import open_database
    from lakehouse.embedded.relations import EmbeddedRelations
    from lakehouse.engine import Call
    from schemas.mixture import mixture

    drawn = random.Random(1)
    texts, kinds, sources = (rows.column(name).to_pylist() for name in ("text", "modality", "source"))
    made = [edited(drawn, text) if copy else text for copy in range(copies) for text in texts]
    ids = [f"{number:032x}" for number in range(len(made))]
    table = pa.table(
        {
            "sample_id": ids,
            "parent_ids": pa.array([[]] * len(made), pa.list_(pa.string())),
            "source": sources * copies,
            "license": ["MIT"] * len(made),
            "modality": kinds * copies,
            "text": made,
        }
    )
    size = sum(len(text.encode()) for text in made) / MB
    order = pa.table(
        {"sample_id": ids, "dropped": [False] * len(ids), "place": ["0"] * len(ids), "own_language": [True] * len(ids)}
    )
    began = time.process_time()
    signed = pa.Table.from_batches([sign_documents(b, SignatureParams()) for b in table.to_batches(max_chunksize=2048)])
    report("signatures", size, began)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(folder, "4GB")
        call = Call(None, {}, -1)
        relations = EmbeddedRelations(
            None, Flow(id="b", kind="relational", writes=mixture, reads={}), call, database, Path(folder)
        )
        given = relations.from_arrow
        texts = given(table.select(["sample_id", "modality", "text"]))
        began = time.process_time()
        near = relations.to_arrow(near_duplicates(given(signed), given(order), texts, relations, NearParams()))
        report(f"near duplicates ({len(near)})", size, began)
        began = time.process_time()
        found = contained_documents(given(signed), given(order), given(near), texts, relations, ContainedParams())
        report(f"contained ({len(relations.to_arrow(found))})", size, began)
        database.close()


def edited(drawn, text: str) -> str:
    words = text.split(" ")
    for place in range(len(words)):
        if drawn.random() < 0.02:
            words[place] = f"z{drawn.randrange(10**6)}"
    return " ".join(words)


def report(name: str, size: float, began: float) -> None:
    seconds = time.process_time() - began
    print(f"   {name:<28} {size:6.1f} MB in {seconds:6.1f} CPU-s: {size / seconds:5.1f} MB a CPU-s")
