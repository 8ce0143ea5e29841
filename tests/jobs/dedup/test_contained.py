from __future__ import annotations

import random

import pyarrow as pa
import pytest

from jobs.dedup.contained import ContainedParams, candidates, contained_documents
from jobs.dedup.signatures import SignatureParams, sign_documents
from lakehouse.errors import FlowError
from schemas.documents import document_containments
from tests.jobs.dedup import planted


def run(relations, batch, dropped=(), duplicates=(), foreign=(), **params):
    ids = batch.column("sample_id").to_pylist()
    columns = {"dropped": [n in dropped for n in ids], "own_language": [n not in foreign for n in ids]}
    order = pa.table({"sample_id": ids, **columns})
    partitions = params.pop("partitions", 2)
    given = {
        "signatures": pa.Table.from_batches([sign_documents(batch, SignatureParams())]),
        "order": order,
        "duplicates": pa.table({"sample_id": pa.array(duplicates, pa.string())}),
        "documents": pa.Table.from_batches([batch.select(["sample_id", "modality", "text"])]),
    }
    rows = {name: relations.from_arrow(table) for name, table in given.items()}
    if relations.dialect == "spark":
        rows = {name: frame.repartition(partitions) for name, frame in rows.items()}
    found = contained_documents(**rows, relations=relations, params=ContainedParams(**params))
    return relations.to_arrow(found).sort_by("sample_id")


def drawn_texts(seed=2):
    """Long texts, parts of some with words replaced, and texts that share only a paragraph with another."""
    drawn = random.Random(seed)
    long = [[f"w{drawn.randrange(4000)}" for _ in range(drawn.randrange(300, 900))] for _ in range(20)]
    out = [" ".join(words) for words in long]
    for words in long:
        for size in (30, 60, 150):
            start = drawn.randrange(len(words) - size)
            out.append(planted.edited(drawn, " ".join(words[start : start + size]), size // 40, chinese=False))
        other = " ".join(f"u{drawn.randrange(4000)}" for _ in range(60))
        out.append(other + " " + " ".join(words[:60]))
    return out


def exact(texts, least=20):
    """The greatest share of each text's shingles that one other text has, by comparing all pairs."""
    sets = {name: planted.shingles(text) for name, text in texts.items()}
    return {
        name: max(len(one & other) / len(one) for mate, other in sets.items() if mate != name)
        for name, one in sets.items()
        if len(one) >= least
    }


@pytest.fixture(scope="module")
def corpus():
    batch = planted.batch(drawn_texts())
    return batch, dict(zip(batch.column("sample_id").to_pylist(), batch.column("text").to_pylist(), strict=True))


@pytest.fixture(scope="module")
def found(relations, corpus):
    return run(relations, corpus[0])


def test_all_that_stand_in_a_kept_document_are_found_and_verified(found, corpus):
    _, texts = corpus
    rows = found.to_pylist()
    gone = {row["sample_id"] for row in rows}
    assert len(gone) > 30
    for row in rows:
        one, other = planted.shingles(texts[row["sample_id"]]), planted.shingles(texts[row["keeper_id"]])
        assert row["keeper_id"] not in gone
        assert row["method"] == "contained"
        assert row["containment"] == pytest.approx(len(one & other) / len(one), abs=1e-12)
        assert row["jaccard"] == pytest.approx(len(one & other) / len(one | other), abs=1e-12)
        assert row["containment"] >= 0.8
        assert row["shared_fingerprints"] > 0
    kept = {name: text for name, text in texts.items() if name not in gone}
    assert all(share < 0.8 for share in exact(kept).values())
    assert set(found.column_names) == {c.name for c in document_containments.columns} - {"run_id"}


def test_partitions_and_order_do_not_matter(relations, corpus, found):
    batch, _ = corpus
    backwards = batch.take(pa.array(range(batch.num_rows - 1, -1, -1)))
    assert run(relations, backwards, partitions=5).equals(found)


def test_in_a_chain_each_repeats_one_that_is_kept(relations):
    words = [f"w{n}" for n in range(400)]
    texts = [" ".join(words[:size]) for size in (30, 60, 120, 400)]
    batch = planted.batch(texts)
    ids = batch.column("sample_id").to_pylist()
    rows = {row["sample_id"]: row["keeper_id"] for row in run(relations, batch).to_pylist()}
    assert rows == dict.fromkeys(ids[:3], ids[3])
    # What the policy drops, or repeats another, holds nothing and is held by nothing.
    rows = run(relations, batch, dropped=(ids[3],), duplicates=(ids[1],)).to_pylist()
    assert {row["sample_id"]: row["keeper_id"] for row in rows} == {ids[0]: ids[2]}


def test_a_hard_wrapped_part_stands_in_its_original(relations):
    text = "".join(chr(0x4E00 + 7 * n) for n in range(300))
    wrapped = "\n".join(text[start : start + 11] for start in range(50, 140, 11))
    batch = planted.batch([text, f"│ {wrapped}"])
    assert run(relations, batch).column("containment").to_pylist() == [1.0]


def test_a_part_that_was_cut_from_a_document_is_no_copy_of_it(relations):
    words = [f"w{n}" for n in range(400)]
    batch = planted.batch([" ".join(words), " ".join(words[:60]), " ".join(words[100:160])])
    whole, cut, copied = batch.column("sample_id").to_pylist()
    parents = pa.array([[], [whole], []], pa.list_(pa.string()))
    batch = batch.set_column(batch.schema.get_field_index("parent_ids"), "parent_ids", parents)
    assert [row["sample_id"] for row in run(relations, batch).to_pylist()] == [copied]
    assert cut != copied


def test_a_document_does_not_go_in_favour_of_one_that_is_half_translated(relations):
    words = [f"w{n}" for n in range(400)]
    batch = planted.batch([" ".join(words), " ".join(words[:60]), " ".join(words[100:160])])
    whole, own, other = batch.column("sample_id").to_pylist()
    found = run(relations, batch, foreign=(whole, other)).to_pylist()
    assert [row["sample_id"] for row in found] == [other]
    assert own != other


def test_few_words_are_not_looked_for(relations):
    batch = planted.batch([" ".join(f"w{n}" for n in range(200)), " ".join(f"w{n}" for n in range(20))])
    assert not len(run(relations, batch))
    assert len(run(relations, batch, shingles=10)) == 1


def test_a_phrase_that_stands_everywhere_leads_to_few_pairs(embedded_relations):
    phrase = " ".join(f"p{n}" for n in range(40))
    texts = [phrase + " " + " ".join(f"d{k}x{n}" for n in range(8)) for k in range(200)]
    signed = sign_documents(planted.batch(texts), SignatureParams())
    signed = signed.append_column("own_language", pa.repeat(True, signed.num_rows))
    rows = embedded_relations.from_arrow(pa.Table.from_batches([signed]))
    pairs = embedded_relations.to_arrow(candidates(embedded_relations, rows, ContainedParams(comparisons=3)))
    assert len(pairs) <= 3 * len(texts)


@pytest.mark.parametrize("params", [{"threshold": 0.0}, {"least_shared": 1.5}, {"holders": 0}])
def test_limits_that_are_none_are_refused(params):
    with pytest.raises(FlowError):
        ContainedParams(**params)
