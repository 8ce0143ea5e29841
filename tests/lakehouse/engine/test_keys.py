from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from lakehouse.engine.keys import KeyOrigins, has_origins, keeps_source_key
from tests.lakehouse.execute.executions import FLOW, driven


def test_a_key_and_its_origins_are_named():
    found = KeyOrigins({"id": "a", "n": 1}, ["u1", None])
    assert found.key_text == "id='a', n=1"
    assert found.origin_texts(driven()) == ["id='u1'", "id=None"]


def test_times_and_decimals_are_named_as_they_are_written():
    at = datetime(1500, 1, 2, tzinfo=ZoneInfo("UTC"))
    found = KeyOrigins({"at": at, "day": at.date(), "price": Decimal("1.50"), "bytes": b"a"}, [at])
    assert found.key_text == "at=1500-01-02 00:00:00+00:00, day=1500-01-02, price=1.50, bytes=b'a'"
    assert found.origin_texts(driven()) == ["id=1500-01-02 00:00:00+00:00"]


def test_flows_that_keep_the_source_key_are_one_to_one_operators_of_that_key():
    assert keeps_source_key(driven(rows="one-to-one"))
    assert not keeps_source_key(driven())
    assert not keeps_source_key(driven(rows="one-to-one", source_key_sql="text"))
    assert not keeps_source_key(driven(rows="one-to-one", source_key="text", source_key_sql="text"))


def test_only_rows_of_incremental_flows_have_origins():
    assert has_origins(driven())
    assert has_origins(driven(kind="frame", refresh="merge"))
    assert not has_origins(FLOW)
