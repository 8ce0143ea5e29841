from __future__ import annotations

import datetime as dt
import json
import struct
import wave
import zlib
from io import BytesIO

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.declare.config import Config
from lakehouse.ledger.tables import training_steps
from lakehouse.project import Project
from lakehouse.release.create import create_release
from schemas.documents import documents
from schemas.images import images
from schemas.mixture import mixture, quotas, sequences, supply
from schemas.samples import samples
from schemas.utterances import utterances

HOSTILE = (
    "</style></script><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    "'\"&<svg onload=document.title='ran'>]]><!--"
)


def png(width, height):
    """Return a black PNG."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress((b"\0" + b"\0" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def sound():
    """Return a tenth of a second of silence."""
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16000, 1600, "NONE", ""))
        out.writeframes(b"\0\0" * 1600)
    return file.getvalue()


def filled(table, /, **values):
    """Return a row of a table in which every text that is not given is hostile."""
    return {column.name: values.get(column.name, _value(column.type)) for column in table.columns}


def _value(kind):
    if pa.types.is_string(kind):
        return HOSTILE
    if pa.types.is_map(kind):
        return [(_value(kind.key_type), _value(kind.item_type))]
    if pa.types.is_boolean(kind):
        return True
    if pa.types.is_integer(kind):
        return 1
    if pa.types.is_floating(kind):
        return 1.0
    if pa.types.is_timestamp(kind):
        return dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    if pa.types.is_binary(kind):
        return b""
    return [] if pa.types.is_list(kind) else None


def write(root, table, rows, mode="overwrite"):
    """Write rows as a table of a lake."""
    place = root.joinpath(*table.name.split("."))
    write_deltalake(str(place), pa.Table.from_pylist(rows, schema=table.schema), mode=mode)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A project whose lake has all that a report shows, with hostile texts throughout, and a folder of runs."""
    root = tmp_path_factory.mktemp("hostile")
    lake = root / "lake"
    tables = {"text": documents, "image": images, "speech": utterances}
    write(lake, documents, [filled(documents, sample_id=f"text{n}") for n in range(5)])
    write(lake, images, [filled(images, sample_id="image0", image=png(40, 30))])
    write(lake, utterances, [filled(utterances, sample_id="speech0", audio=sound())])
    ids = [("text", n) for n in range(5)] + [("image", 0), ("speech", 0)]
    decided = [
        filled(
            samples,
            sample_id=f"{modality}{n}",
            table=tables[modality].name,
            modality=modality,
            keep=n < 3,
            reasons=[] if n < 3 else [HOSTILE] if n == 3 else ["too short", HOSTILE],
        )
        for modality, n in ids
    ]
    write(lake, samples, decided)
    write(
        lake, quotas, [filled(quotas, stage=HOSTILE, target=10), filled(quotas, stage=HOSTILE, cell="none", target=0)]
    )
    write(lake, supply, [filled(supply)])
    write(lake, mixture, [filled(mixture, sample_id="text0", stage=HOSTILE, n_tokens=7, epoch=0)])
    rows = [
        filled(sequences, sample_id=f"s{n}", stage=HOSTILE, position=n, cells=[(HOSTILE, 6), ("b", 2)])
        for n in range(4)
    ]
    write(lake, sequences, rows)
    project = Project(Config(lake=str(lake), root=root))
    create_release(project, "first", note=HOSTILE)
    write(lake, mixture, [filled(mixture, sample_id="text1", stage=HOSTILE, n_tokens=9, epoch=0)], mode="append")
    create_release(project, "second", note=HOSTILE)
    steps = [
        filled(training_steps, training_run="demo-20260102T000000-abcd", step=n + 1, release="first", positions=[n])
        for n in range(4)
    ]
    write(lake, training_steps, steps)
    runs = root / "runs" / "demo"
    runs.mkdir(parents=True)
    lines = [{"step": n + 1, "loss": 9.0 - n, f"loss.{HOSTILE}": 8.0 - n, "lr": 0.1} for n in range(4)]
    (runs / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return project, root / "runs"
