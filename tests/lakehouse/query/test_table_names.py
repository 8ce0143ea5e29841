from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.query.table_names import open_named, parse_table, refuse_view
from tests.lakehouse.lakes import lake_at, write


def test_a_table_is_named_with_or_without_a_version():
    assert parse_table("gold.mixture") == ("gold.mixture", None)
    assert parse_table("gold.mixture@12") == ("gold.mixture", 12)
    with pytest.raises(UsageError, match="'new' is not a version") as error:
        parse_table("gold.mixture@new")
    assert error.value.hint == "write gold.mixture@3"


def test_a_name_that_is_not_there_is_answered_with_those_like_it(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.things", pa.table({"n": [1]}))
    assert open_named(lake.project, "gold.things").version() == 0
    with pytest.raises(TableNotFoundError) as error:
        open_named(lake.project, "gold.thigns")
    assert "gold.things" in error.value.hint
    with pytest.raises(TableNotFoundError, match="mixlake run"):
        open_named(lake.project, "gold.sequences")  # declared, and never written


def test_a_view_is_refused_with_the_query_that_reads_it(tmp_path):
    project = lake_at(tmp_path / "lake").project
    with pytest.raises(UsageError, match="quota is a view") as error:
        refuse_view(project, "quota", 5)
    assert "FROM quota LIMIT 5" in error.value.hint
    refuse_view(project, "gold.quotas")
