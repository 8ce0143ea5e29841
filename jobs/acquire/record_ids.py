"""The ids of records and where they are, so that a repeated one is found in whatever file it stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyarrow as pa

from jobs.acquire.original_file import Original, originals
from jobs.acquire.record_batch import batch_of
from jobs.acquire.records.fields import Fields
from jobs.acquire.records.rows import Described, address, checked_records, record_ids
from lakehouse.declare.flow import NoParams, flow
from lakehouse.declare.reads import read
from schemas.sources import files
from schemas.sources import record_ids as table

_ROWS = 10_000


@flow(
    id="jobs.acquire.record_ids",
    writes=table,
    reads={"files": read(files, where="not ready")},
    source_key_sql="get(parent_ids, 0)",
    batch_rows=1,
    tags=["landing"],
)
def list_ids(batch: pa.RecordBatch, params: NoParams) -> Iterator[pa.RecordBatch]:  # noqa: ARG001 - has none
    """Read each file's records for their ids; those that cannot be read have none, and are refused where they land.

    Args:
        batch: Rows of `bronze.files`.
        params: None.

    Yields:
        Rows of `bronze.record_ids`, at most 10,000 in a batch.

    Raises:
        FlowError: If the whole folder of a source is gone.
    """
    for original, license_ in zip(originals(batch), batch.column("license").to_pylist(), strict=True):
        declared = Described.from_json(original.records).declared
        good = ((record, fields) for record, fields, _ in checked_records(original, declared) if fields is not None)
        # Their texts and media are let go before the next are read.
        named = ((record.number, record.place, fields.without_content()) for record, fields in good)
        for some in itertools.batched(named, _ROWS):
            yield _rows(original, license_, some)


def _rows(original: Original, license_: str, named: tuple[tuple[int, str, Fields], ...]) -> pa.RecordBatch:
    numbers, places, fields = zip(*named, strict=True)
    uris = [address(original.uri, number, one) for number, one in zip(numbers, fields, strict=True)]
    count = len(numbers)
    columns = {
        "sample_id": record_ids(original.source, uris, fields),
        "parent_ids": [[original.sample_id]] * count,
        "source": [original.source] * count,
        "license": [license_] * count,
        "uri": [original.uri] * count,
        "number": numbers,
        "place": places,
    }
    return batch_of(table, columns, [None] * count)
