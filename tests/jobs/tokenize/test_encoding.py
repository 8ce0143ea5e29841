from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.tokenize.encoding import encode, encode_column, encoding
from lakehouse.errors import ConfigError


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=40), max_size=6))
def test_a_column_is_its_texts_on_end(ranks_once, texts):
    ids, offsets = encode_column(pa.array(texts, pa.string()), ranks_once)
    assert ids.dtype == np.int32
    parts = [ids[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert [encoding(ranks_once).decode(part) for part in parts] == texts


@pytest.fixture(scope="module")
def ranks_once(ranks):
    return ranks


def test_spellings_of_specials_are_text(ranks):
    assert encode("<|endoftext|>", ranks).tolist() == list(b"<|endoftext|>")


def test_merges_are_used(ranks):
    assert encode("the", ranks).tolist() == [ord("t"), 256]


def test_a_million_spaces_are_encoded(ranks):
    assert len(encode(" " * 1_000_000, ranks)) == 1_000_000


def test_a_file_that_is_no_rank_file_is_named(tmp_path):
    path = tmp_path / "wrong.tiktoken"
    path.write_text("hello\n")
    with pytest.raises(ConfigError, match=r"wrong\.tiktoken is no rank file"):
        encoding(str(path))
