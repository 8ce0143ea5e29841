"""Rows, orders, and which rows an order takes out by their own source, address or licence, wherever that is evaluated."""

from __future__ import annotations

import pyarrow as pa

COLUMNS = {
    "sample_id": pa.string(),
    "parent_ids": pa.list_(pa.string()),
    "source": pa.string(),
    "license": pa.string(),
    "uri": pa.string(),
    "content_id": pa.string(),
}
ROWS = [
    ("a", [], "s1", "MIT", "u:/one", "c1"),
    ("b", [], "s2", "GPL-3.0 AND MIT", "u:/two\n", "c2"),
    ("c", ["b"], "it's", "GPL-3.0 AND MIT", "u:/three\u2028x", "c1"),
    ("d", None, None, None, None, None),
    ("e", None, "s1 ", "MIT AND GPL-3.0", "u:/[t]*", ""),
    ("f", [], "𝔸", "GPL-3.0", "u:/ä.𝔸", "c3"),
]
CASES = [
    ("source", "s1", {"a"}),
    ("source", "it's", {"c"}),
    ("source", "𝔸", {"f"}),
    ("source", "unknown", set()),
    ("uri", "u:/t*", {"b", "c"}),
    ("uri", "u:/t??", set()),
    ("uri", "u:/t???", {"b"}),
    ("uri", "u:/[t]*", {"e"}),
    ("uri", "u:/ä.?", {"f"}),
    ("uri", "*", {"a", "b", "c", "e", "f"}),
    ("uri", "U:/ONE", set()),
    # A joined licence is matched where the row landed with it; what was cut from several rows follows its parents.
    ("license", "GPL-3.0", {"b", "e", "f"}),
    ("license", "GPL-3.0 AND MIT", {"b", "c"}),
    ("license", "GPL", set()),
]
