"""A small rank file, so that no test fetches the real one: the 256 bytes, and one merge."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest


@pytest.fixture(scope="session")
def ranks(tmp_path_factory):
    pieces = [bytes([value]) for value in range(256)] + [b"he"]
    path = tmp_path_factory.mktemp("ranks") / "small.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(piece) + b" %d\n" % rank for rank, piece in enumerate(pieces)))
    return str(path)


@pytest.fixture
def lineage():
    """The lineage columns of n rows, and the table that they come from."""

    def made(n: int, table: str = "silver.documents") -> dict:
        return {
            "sample_id": [f"{i:032x}" for i in range(n)],
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": ["s"] * n,
            "license": ["MIT"] * n,
            "_table": [table] * n,
        }

    return made
