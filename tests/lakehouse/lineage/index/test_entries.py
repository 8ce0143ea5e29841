from __future__ import annotations

from types import SimpleNamespace

from lakehouse.lineage.index.entries import Sources


def state(*known):
    """The state of an index that has some tables."""
    return SimpleNamespace(note=SimpleNamespace(inputs=dict.fromkeys(known, 1)) if known else None)


def test_an_index_is_rebuilt_where_no_stored_entry_remains():
    assert Sources(state(), whole=frozenset({"a.b"})).rebuild
    assert Sources(state("a.b"), dropped=frozenset({"a.b", "a.c"})).rebuild
    assert not Sources(state("a.b", "a.c"), dropped=frozenset({"a.c"})).rebuild


def test_tables_without_a_feed_are_dropped_and_read_again():
    again = Sources(state("a.b", "a.c"), {"a.b": 3}, frozenset({"a.d"}), frozenset({"a.e"})).read_again
    assert (dict(again.feeds), again.whole, again.dropped) == ({}, {"a.b", "a.d"}, {"a.b", "a.e"})
