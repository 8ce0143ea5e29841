from __future__ import annotations

import pytest

from lakehouse.declare.user_files import read_text
from lakehouse.errors import UsageError


def test_a_file_that_is_no_utf_8_is_named_with_the_byte(tmp_path):
    path = tmp_path / "flow.sql"
    path.write_bytes("SELECT 'ü'".encode("latin-1"))
    with pytest.raises(UsageError, match=r"flow\.sql is not UTF-8 \(at byte 8\)"):
        read_text(path)
    path.write_text("SELECT 'ü'", encoding="utf-8")
    assert read_text(path) == "SELECT 'ü'"
