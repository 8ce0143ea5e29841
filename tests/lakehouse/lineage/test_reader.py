from __future__ import annotations

import pytest

from lakehouse.errors import QueryError
from lakehouse.lineage.reader import resolve_unique_prefix


def test_a_prefix_names_the_one_id_that_begins_so():
    assert resolve_unique_prefix("ab", ["abc"]) == "abc"
    assert resolve_unique_prefix("ab", ["ab", "abc"]) == "ab"
    with pytest.raises(QueryError, match="no sample begins with ab"):
        resolve_unique_prefix("ab", [])
    with pytest.raises(QueryError, match="several samples begin with ab: abc, abd — give more digits"):
        resolve_unique_prefix("ab", ["abc", "abd"])
