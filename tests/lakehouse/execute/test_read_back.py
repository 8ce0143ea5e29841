from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from lakehouse.delta.content_digest import Digest
from lakehouse.engine import Write
from lakehouse.errors import LakeError
from lakehouse.execute.read_back import verify_commit
from lakehouse.execute.write_plan import WritePlan
from tests.lakehouse.execute.executions import LINES, Session, checked, execution
from tests.lakehouse.lakes import lake_at, write

ROWS = pa.table({"id": ["a", "b"], "text": ["x", "y"]})


STORED = Digest(2, 5)


def verify(tmp_path, session, digest=STORED, whole=False, **fields):
    item = execution(tmp_path, session)
    item = replace(item, project=item.project.with_verify(verify=whole))
    write(lake_at(tmp_path / "lake"), LINES.name, ROWS)
    plan = WritePlan(Write("append", checked(), **fields), full=True, digest=digest, inserted=0 if fields else 2)
    verify_commit(item, plan, 1)
    return [name for name, *_ in session.asked]


def test_a_sample_is_compared_and_the_rows_are_counted(tmp_path):
    assert verify(tmp_path, Session(differing_row=None)) == ["differing_row"]


def test_a_row_that_is_stored_otherwise_is_named_with_table_and_version(tmp_path):
    with pytest.raises(
        LakeError, match=r"version 1 of bronze.lines differs from what flows.f wrote: a row \(id='a'\)"
    ) as e:
        verify(tmp_path, Session(differing_row={"id": "a"}))
    assert "mixlake run bronze.lines --full --verify" in e.value.hint


def test_a_row_that_is_missing_is_noticed_by_the_log(tmp_path):
    with pytest.raises(LakeError, match="2 rows are stored, 3 should be"):
        verify(tmp_path, Session(), Digest(3, 5))


def test_the_whole_table_is_read_where_that_is_asked_for(tmp_path):
    assert verify(tmp_path, Session(stored_digest=Digest(2, 5)), whole=True) == ["stored_digest"]


def test_another_digest_of_the_whole_table_is_refused(tmp_path):
    with pytest.raises(LakeError, match=r"its digest is 2:0+6, and should be 2:0+5"):
        verify(tmp_path, Session(stored_digest=Digest(2, 6)), whole=True)


def test_a_commit_that_leaves_all_rows_is_compared_only_where_that_is_asked_for(tmp_path):
    assert verify(tmp_path, Session(), unchanged=True) == []
