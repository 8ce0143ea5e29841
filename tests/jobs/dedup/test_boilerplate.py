from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.dedup.boilerplate import BoilerplateParams, repeated_lines
from jobs.dedup.signatures import SignatureParams, sign_documents
from lakehouse.errors import FlowError
from schemas.documents import document_boilerplate
from tests.jobs.dedup import planted

LICENCE = "Permission is hereby granted, free of charge, to any person"


def page(n, *, foot=True):
    body = f"Page about thing{chr(97 + n)}\nSee also\nIt is like nothing else: {chr(97 + n) * 9}."
    return f"ACME Manual\nHome | Help\n\n{body}\n" + (f"\nLast changed in 20{n:02}\n{LICENCE}" if foot else "")


@pytest.fixture
def found(relations):
    texts = [page(n) for n in range(20)] + [page(20, foot=False), "ACME Manual", "refrain\n" * 30 + "end"]
    other = [page(n) for n in range(5)]
    batch = planted.batch(texts + other, ["site"] * len(texts) + ["small"] * len(other))
    given = relations.from_arrow(pa.Table.from_batches([sign_documents(batch, SignatureParams())]))
    rows = relations.to_arrow(repeated_lines(given, relations, BoilerplateParams()))
    assert set(rows.column_names) == {c.name for c in document_boilerplate.columns} - {"run_id"}
    by_id = {row["sample_id"]: row for row in rows.to_pylist()}
    return [by_id[sample] for sample in batch.column("sample_id").to_pylist()]


def ends(row):
    return row["head_lines"], row["tail_lines"]


def test_what_frames_most_pages_is_found_and_stays_in_one(found):
    pages = found[:20]
    # Each line stays in the document of the least id: the banner in one page, the footer in one page.
    assert [ends(row) for row in pages].count((2, 2)) == 19 or [ends(row) for row in pages].count((2, 2)) == 18
    assert all(row["repeated_lines"] == 5 for row in pages)  # "See also" is scored, and in the middle
    chars = len("ACME Manual" + "Home | Help" + "See also" + "Last changed in 2000" + LICENCE)
    whole = chars + len("Page about thinga" + "It is like nothing else: aaaaaaaaa.")
    assert pages[0]["repeated_line_chars"] == pytest.approx(chars / whole)
    assert ends(found[20])[1] == 0


def test_a_heading_that_begins_a_few_pages_and_stands_within_most_is_theirs(relations):
    """Manual pages have SYNOPSIS below their name; a few have lost the name, and begin with SYNOPSIS."""
    within = [f"acme{chr(97 + n)} does a thing\nSYNOPSIS\nacme{chr(97 + n)} [options]\nSEE ALSO" for n in range(18)]
    first = [f"SYNOPSIS\nother{chr(97 + n)} [options]\nSEE ALSO\nthing{chr(97 + n)}" for n in range(4)]
    batch = planted.batch(within + first, ["manual"] * 22)
    given = relations.from_arrow(pa.Table.from_batches([sign_documents(batch, SignatureParams())]))
    rows = {
        row["sample_id"]: row
        for row in relations.to_arrow(repeated_lines(given, relations, BoilerplateParams())).to_pylist()
    }
    found = [rows[sample] for sample in batch.column("sample_id").to_pylist()]
    assert all(row["repeated_lines"] == 2 for row in found)
    assert all(row["head_lines"] == 0 for row in found)
    # At the end of most pages SEE ALSO heads nothing; within a page it stays.
    assert [row["tail_lines"] for row in found].count(1) in {17, 18}
    assert all(row["tail_lines"] == 0 for row in found[18:])


def test_what_is_boilerplate_alone_stays_whole(found):
    assert ends(found[21]) == (0, 0)
    assert found[21]["repeated_line_chars"] == 1


def test_a_refrain_and_a_small_source_have_no_repeated_lines(found):
    assert found[22]["repeated_lines"] == 0
    assert found[22]["n_lines"] == 31
    assert all(row["repeated_lines"] == 0 for row in found[23:])


def test_what_stands_at_the_end_alone_goes_from_a_tenth_of_the_pages_on(relations):
    def text(n):
        name = f"{chr(97 + n // 26)}{chr(97 + n % 26)}"
        return f"Page {name}x\n" + (
            f"Example\nIt shows {name}y.\nThis page last modified on {n}" if n % 5 == 0 else name * 9
        )

    batch = planted.batch([text(n) for n in range(100)], ["site"] * 100)
    given = relations.from_arrow(pa.Table.from_batches([sign_documents(batch, SignatureParams())]))
    rows = relations.to_arrow(repeated_lines(given, relations, BoilerplateParams())).to_pylist()
    assert sorted(ends(row) for row in rows) == [(0, 0)] * 81 + [(0, 1)] * 19
    # In a fifth of the pages a line is not repeated by the source.
    assert {row["repeated_lines"] for row in rows} == {0}
    rows = relations.to_arrow(repeated_lines(given, relations, BoilerplateParams(end_share=0.3))).to_pylist()
    assert {ends(row) for row in rows} == {(0, 0)}


def test_limits_that_call_every_line_repeated_are_refused():
    with pytest.raises(FlowError):
        BoilerplateParams(documents=1)
    with pytest.raises(FlowError):
        BoilerplateParams(share=0.0)
    with pytest.raises(FlowError):
        BoilerplateParams(share=0.1, end_share=0.2)
