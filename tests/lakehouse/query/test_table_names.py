from __future__ import annotations

import pytest

from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.query.table_names import open_named, parse_table, refuse_view
from tests.lakehouse.lakes import lake_at, rows, write


def test_a_version_may_follow_a_name():
    assert parse_table("gold.samples") == ("gold.samples", None)
    assert parse_table("gold.samples@3") == ("gold.samples", 3)
    with pytest.raises(UsageError, match=r"'x' is not a version — write gold\.samples@3"):
        parse_table("gold.samples@x")


def test_a_view_and_an_unknown_table_are_refused(tmp_path):
    (tmp_path / "evens.sql").write_text("SELECT 1")
    lake = lake_at(tmp_path / "lake", views=(str(tmp_path / "*.sql"),))
    write(lake, "gold.numbers", rows(["a"]))
    assert open_named(lake.project, "gold.numbers").version() == 0
    with pytest.raises(UsageError, match="evens is a view — query it: mixlake sql"):
        refuse_view(lake.project, "evens")
    with pytest.raises(UsageError, match="is a view"):
        open_named(lake.project, "evens")
    with pytest.raises(TableNotFoundError, match=r"did you mean gold\.numbers"):
        open_named(lake.project, "gold.numbres")
