from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.dedup.signatures import SignatureParams, sign_documents
from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError
from schemas.documents import document_signatures
from tests.jobs.dedup import planted


def test_each_document_is_signed_and_rows_fit_the_contract():
    rows = ["one two three four five six", "", "数据库里的数据", "!!!"]
    batch = planted.batch(rows)
    (signed,) = list(Runner("f", __file__, sign_documents, SignatureParams(), document_signatures)([batch]))
    assert signed.column("sample_id").to_pylist() == batch.column("sample_id").to_pylist()
    assert signed.column("n_shingles").to_pylist() == [len(planted.shingles(row)) for row in rows]
    assert [len(found) for found in signed.column("fingerprints").to_pylist()] == [1, 0, 1, 0]
    assert [len(bands) for bands in signed.column("bands").to_pylist()] == [20, 0, 20, 0]


def test_a_signature_does_not_depend_on_the_batch():
    rows = planted.texts(singles=5)
    whole = sign_documents(planted.batch(rows), SignatureParams())
    batch = planted.batch(rows)
    parts = [sign_documents(batch.slice(start, 7), SignatureParams()) for start in range(0, len(rows), 7)]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches()[0].equals(whole)


def test_equal_text_has_equal_bands_and_case_or_punctuation_do_not_matter():
    signed = sign_documents(planted.batch(["A b c d e f", "a, b; c: d -- e. F", "a b c d e x"]), SignatureParams())
    bands = signed.column("bands").to_pylist()
    assert bands[0] == bands[1] != bands[2]
    assert len(set(signed.column("content_id").to_pylist())) == 3


def test_numbers_that_make_no_signature_are_refused():
    with pytest.raises(FlowError, match="bands"):
        SignatureParams(bands=0)
