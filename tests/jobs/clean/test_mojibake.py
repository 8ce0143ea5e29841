from __future__ import annotations

import pyarrow as pa

from jobs.clean.mojibake import repair


def test_what_was_read_as_windows_1252_is_read_again_as_utf_8():
    texts = ["Ã©tÃ©", "â€œquotedâ€\x9d", "plain", "déjà vu", "Ã© and 中"]
    assert repair(pa.array(texts, pa.large_string())).to_pylist() == ["été", "“quoted”", *texts[2:]]
