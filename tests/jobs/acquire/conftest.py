"""Real small files to land, made by Pillow and soundfile."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from PIL import Image

from jobs.acquire.files import FilesParams, files
from jobs.acquire.record_batch import batch_of
from jobs.acquire.sources import SourcesParams, sources
from schemas.sources import files as files_table


def picture(kind="PNG", size=(24, 16), seed=0, **save):
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **save)
    return out.getvalue()


def recording(kind="OGG", seconds=0.5, rate=16000, subtype=None):
    import soundfile

    time = np.arange(int(rate * seconds)) / rate
    out = io.BytesIO()
    soundfile.write(out, 0.3 * np.sin(2 * np.pi * 220 * time), rate, format=kind, subtype=subtype)
    return out.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own; nothing is read from or written to the user's."""
    place = tmp_path / "cache"
    monkeypatch.setenv("MIXLAKE_CACHE", str(place))
    monkeypatch.delenv("MIXLAKE_ASSETS", raising=False)
    return place


def land_files(batch, params=None):
    """All rows that bronze.files makes of a batch of sources, as one batch."""
    none = batch_of(files_table, {column.name: [] for column in files_table.columns if column.name != "run_id"}, [])
    parts = [part.select(none.schema.names) for part in files(batch, params or FilesParams())]
    return pa.Table.from_batches([none, *parts]).combine_chunks().to_batches()[0] if parts else none


class World:
    """A folder of files and a YAML file that declares it."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "data"
        self.folder.mkdir(parents=True)

    def put(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def declare(self, **said):
        declared = {
            "connector": "folder",
            "path": "data",
            "license": "CC0-1.0",
            "modality": "text",
            "kind": "note",
        } | said
        (self.root / "sources.yaml").write_text(yaml.safe_dump({"sources": {"mine": declared}}))
        return SourcesParams(files=(str(self.root / "sources.yaml"),), packaged=False)

    def sources(self, **said):
        return sources(self.declare(**said))

    def files(self, **said):
        """All rows of bronze.files, rejected ones too."""
        return land_files(self.sources(**said).combine_chunks().to_batches()[0])

    def good(self, **said):
        batch = self.files(**said)
        return batch.filter(pc.is_null(batch.column("_reject")))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


@pytest.fixture(name="land_files")
def land_files_():
    return land_files


@pytest.fixture
def make_picture():
    return picture


@pytest.fixture
def make_recording():
    return recording


@pytest.fixture
def rejects():
    """The reasons of a batch's rejected rows by address."""

    def found(batch: pa.RecordBatch):
        bad = batch.filter(pc.is_valid(batch.column("_reject")))
        return dict(zip(bad.column("uri").to_pylist(), bad.column("_reject").to_pylist(), strict=True))

    return found
