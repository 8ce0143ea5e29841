from __future__ import annotations

from lakehouse.declare.view_docs import view_docs

TEXT = """\
-- Openings by language; note: words without a column stay here.
-- Of a page the first.
--
-- language: BCP 47 tag.
-- Openings: How many there are; pages
--   without words are left out.
--
-- A last remark.
SELECT 1 -- language: not this
"""


def test_the_comment_at_the_beginning_documents_view_and_columns():
    docs = view_docs(TEXT, ["language", "openings"])
    assert docs.columns == {
        "language": "BCP 47 tag.",
        "openings": "How many there are; pages without words are left out.",
    }
    assert docs.doc == (
        "Openings by language; note: words without a column stay here. Of a page the first. A last remark."
    )


def test_a_file_without_a_comment_says_nothing():
    assert view_docs("SELECT 1 AS n", ["n"]).doc == ""
    assert view_docs("", []).columns == {}
