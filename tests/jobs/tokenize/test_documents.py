from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.tokenize.documents import tokenize_documents
from jobs.tokenize.rows import TokenParams
from jobs.tokenize.vocabulary import load_vocabulary


def test_a_document_is_its_mark_its_text_and_the_end(ranks, lineage):
    words = load_vocabulary()
    batch = pa.RecordBatch.from_pydict(lineage(2, "acme.letters") | {"modality": ["text", "code"], "text": ["hé", "x"]})
    rows = tokenize_documents(batch, TokenParams(ranks=ranks)).to_pylist()
    ids = [np.frombuffer(row["tokens"], "<i4").tolist() for row in rows]
    end = words.id("<|endoftext|>")
    assert ids == [[words.id("<|text|>"), *"hé".encode(), end], [words.id("<|code|>"), ord("x"), end]]
    assert [row["n_tokens"] for row in rows] == [5, 3]
    assert [row["parts"] for row in rows] == [[5], [3]]
    assert [row["table"] for row in rows] == ["acme.letters"] * 2
    assert rows[0]["tokenizer"].startswith("qwen-mixlake-1@")


def test_a_sample_beyond_the_limit_is_rejected_alone(ranks, lineage):
    batch = pa.RecordBatch.from_pydict(lineage(2) | {"modality": ["text"] * 2, "text": ["ab", "abcdefgh"]})
    made = tokenize_documents(batch, TokenParams(ranks=ranks, max_tokens=5))
    assert made.column("_reject").to_pylist() == [None, "has more than 5 tokens (max_tokens)"]
