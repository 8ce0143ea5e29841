"""Real files of records, made by the formats' own libraries."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

ROWS = [{"id": f"r{n}", "text": f"Text {n}, with “quotes”,\nlines and 漢字.", "lang": "en"} for n in range(20)]


def zstd(data: bytes) -> bytes:
    """Data in Zstandard's format."""
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue())


def json_lines(rows=ROWS) -> bytes:
    """Rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def delimited(rows=ROWS, delimiter=",", encoding="utf-8", **how) -> bytes:
    """Rows as CSV, with a header."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, **how)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def parquet(rows=ROWS, **how) -> bytes:
    """Rows as Parquet."""
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), out, **how)
    return bytes(out.getvalue())


def arrow(rows=ROWS, *, stream=False, compression=None) -> bytes:
    """Rows as Arrow IPC, a file or a stream, in batches of 7."""
    table, out = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=7)
    return bytes(out.getvalue())


def tar(samples) -> bytes:
    """Samples as a WebDataset: of each its key and its members by suffix."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for key, members in samples:
            for suffix, data in members.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def warc(*records, compressed=True) -> bytes:
    """Records as a WARC file: of each its type, URL, body, and HTTP or WARC headers."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=compressed)
    for number, (kind, url, body, headers) in enumerate(records):
        warc_headers = {
            "WARC-Record-ID": f"<urn:uuid:{number:08d}>",
            "WARC-Date": "2024-05-01T10:00:00Z",
            **{name: value for name, value in headers.items() if name.startswith("WARC-")},
        }
        http = None
        if kind in ("response", "request"):
            plain = [(name, value) for name, value in headers.items() if not name.startswith(("WARC-", ":"))]
            http = StatusAndHeaders(headers.get(":status", "200 OK"), plain, protocol="HTTP/1.1")
        writer.write_record(
            writer.create_warc_record(
                url,
                kind,
                payload=io.BytesIO(body),
                length=len(body),
                warc_content_type=headers.get("Content-Type", "text/plain") if http is None else "",
                http_headers=http,
                warc_headers_dict=warc_headers,
            )
        )
    return out.getvalue()


def texts() -> dict[str, bytes]:
    """The same rows in each format of texts, by a name that says the format."""
    pages = [("conversion", f"https://x.org/{row['id']}", row["text"].encode(), {}) for row in ROWS]
    members = [(row["id"], {"txt": row["text"].encode(), "json": json.dumps(row).encode()}) for row in ROWS]
    return {
        "a.jsonl": json_lines(),
        "a.jsonl.gz": gzip.compress(json_lines()),
        "a.jsonl.zst": zstd(json_lines()),
        "a.ndjson.bz2": bz2.compress(json_lines()),
        "a.json": json.dumps(ROWS, indent=1).encode(),
        "b.json.gz": gzip.compress(json_lines()),
        "a.csv": delimited(),
        "a.csv.gz": gzip.compress(delimited(quoting=csv.QUOTE_ALL)),
        "a.tsv": delimited(delimiter="\t"),
        "a.parquet": parquet(),
        "b.parquet": parquet(compression="zstd", row_group_size=6, use_dictionary=False),
        "a.arrow": arrow(),
        "b.arrow": arrow(stream=True, compression="zstd"),
        "a.feather": arrow(compression="lz4"),
        "a.tar": tar(members),
        "a.tar.gz": gzip.compress(tar(members)),
        "a.warc.wet.gz": warc(*pages),
        "a.warc": warc(*pages, compressed=False),
    }
