from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.mix.policy import POLICY
from jobs.mix.texts import TextParams, is_heading, reduce_texts, without_ends
from schemas.documents import document_texts
from tests.jobs.mix.test_flows import lineage

TEXTS = ["Banner\nHome | Help\n\nTrue text.\n\nIt goes on.\n\nFooter é", "untouched\n\n", "x = 1\n"]


def run(relations, policy=POLICY):
    ids = lineage(3)
    documents = ids | {"modality": ["text", "text", "code"], "text": TEXTS, "_table": ["silver.documents"] * 3}
    counted = {"sample_id": ids["sample_id"][:2], "head_lines": [2, 0], "tail_lines": [1, 0]}
    table = pa.table(
        counted, schema=pa.schema([("sample_id", pa.string()), ("head_lines", pa.int32()), ("tail_lines", pa.int32())])
    )
    made = reduce_texts(
        relations.from_arrow(pa.table(documents)), relations.from_arrow(table), relations, TextParams(policy)
    )
    found = relations.to_arrow(made).sort_by("sample_id")
    assert set(found.column_names) == {c.name for c in document_texts.columns} - {"run_id"}
    return found.to_pylist()


def test_the_ends_go_and_are_counted(relations):
    rows = run(relations)
    assert [row["text"] for row in rows] == ["True text.\n\nIt goes on.", *TEXTS[1:]]
    assert [row["removed_lines"] for row in rows] == [3, 0, 0]
    assert [row["removed_chars"] for row in rows] == [len(TEXTS[0]) - len(rows[0]["text"]), 0, 0]
    assert rows[2]["table"] == "silver.documents"


def test_a_policy_may_keep_them(relations, tmp_path):
    own = tmp_path / "policy.yaml"
    own.write_text(Path(POLICY).read_text().replace("repeated_lines: drop", "repeated_lines: keep"))
    rows = run(relations, str(own))
    assert [row["text"] for row in rows] == TEXTS
    assert [row["removed_lines"] for row in rows] == [0, 0, 0]


@given(st.lists(st.sampled_from(["a.", "b.", "", " "]), max_size=9), st.integers(0, 3), st.integers(0, 3))
def test_so_many_lines_go_and_what_stays_is_as_it_was(lines, head, tail):
    solid = [line for line in lines if line.strip()]
    left, taken = without_ends("\n".join(lines), head, tail)
    kept = [line for line in left.split("\n") if line.strip()]
    assert kept == solid[head : max(head, len(solid) - tail)]
    assert taken == len(solid) - len(kept)
    assert left in "\n".join(lines)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_text_without_lines_has_nothing_to_lose(text):
    assert without_ends(text, 0, 0) == ("", 0)


@pytest.mark.parametrize(
    "heading", ["SYNOPSIS", "NAME", "See also", "语法", "Описание", "Release 3.40.1 On 2022-12-28"]
)
def test_the_heading_of_a_pages_own_text_stays(heading):
    text = f"ACME Manual\n\n{heading}\n\nacme - does what is said\n\nMade by ACME"
    assert without_ends(text, 2, 1) == (f"{heading}\n\nacme - does what is said", 2)
    # Without a text of its own below it, it heads nothing.
    assert without_ends(f"ACME Manual\n{heading}", 2, 0) == ("", 2)


@pytest.mark.parametrize(
    "line", ["Small. Fast.", "Home | Help", "Home » Help", "* * *", "- Home", "2024-05-31", "x" * 61]
)
def test_banners_and_links_are_no_headings(line):
    assert not is_heading(line)
