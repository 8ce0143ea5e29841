"""Media, token sequences, and exports of them."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from PIL import Image

from lakehouse.export.export import export
from lakehouse.export.request import Request
from tests.lakehouse.lakes import lake_at, write


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


@pytest.fixture
def run(lake, tmp_path):
    """Write rows as a table, and export it into the folder ``out``, which is returned."""

    def call(form, rows, name="gold.rows", **fields):
        if not lake.catalog.has(name):
            write(lake, name, rows)
        options = fields.pop("options", {})
        force = fields.pop("force", False)
        request = Request("", (name,) if "sql" not in fields else (), format=form, options=options, **fields)
        export(lake.project, request, tmp_path / "out", force=force)
        return tmp_path / "out"

    return call


def png(shade):
    """Return a small picture."""
    sink = io.BytesIO()
    Image.new("RGB", (4, 2), (shade, 0, 0)).save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture
def pictures():
    """Rows of pictures, the last of which has none."""
    return pa.table(
        {
            "sample_id": [f"{n:032x}" for n in range(4)],
            "license": ["MIT", "MIT AND GPL-2.0-only", "LicenseRef-x", None],
            "modality": ["image"] * 4,
            "language": ["en", "zh-Hant", "und", "en-US"],
            "captions": pa.array(
                [[("en", f"c{n}"), ("de", None)] for n in range(4)], pa.map_(pa.string(), pa.string())
            ),
            "width": pa.array([4] * 4, pa.int32()),
            "image": [png(0), png(100), png(200), None],
        }
    )
