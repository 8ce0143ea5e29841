from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.dedup.near import NearParams, near_duplicates
from jobs.dedup.signatures import SignatureParams, sign_documents
from lakehouse.errors import FlowError
from schemas.documents import document_duplicates
from tests.jobs.dedup import planted


def run(relations, batch, partitions=2, places=None, dropped=(), **params):
    """Find duplicates; places are of rows, dropped ones are numbers of rows."""
    ids = batch.column("sample_id").to_pylist()
    signed = relations.from_arrow(pa.Table.from_batches([sign_documents(batch, SignatureParams())]))
    order = {"sample_id": ids, "dropped": [n in dropped for n in range(len(ids))], "place": places or ["0"] * len(ids)}
    order = relations.from_arrow(pa.table(order))
    texts = relations.from_arrow(pa.Table.from_batches([batch.select(["sample_id", "modality", "text"])]))
    if relations.dialect == "spark":
        signed, texts = signed.repartition(partitions), texts.repartition(partitions)
    found = near_duplicates(signed, order, texts, relations, NearParams(**params))
    return relations.to_arrow(found).sort_by("sample_id")


@pytest.fixture(scope="module")
def corpus():
    batch = planted.batch(planted.texts(6, singles=25, family=200))
    return batch, dict(zip(batch.column("sample_id").to_pylist(), batch.column("text").to_pylist(), strict=True))


@pytest.fixture(scope="module")
def found(relations, corpus):
    return run(relations, corpus[0])


def test_removals_are_verified_explained_and_complete(found, corpus):
    _, texts = corpus
    rows = found.to_pylist()
    gone = planted.verify(texts, [(r["sample_id"], r["keeper_id"], r["jaccard"]) for r in rows])
    assert not planted.missed(texts, gone, 0.85)
    assert {r["method"] for r in rows} == {"exact", "near"}
    for row in rows:
        equal = texts[row["sample_id"]] == texts[row["keeper_id"]]
        assert (row["method"] == "exact") == equal
        assert (row["shared_bands"] > 0) == (row["method"] == "near")
        assert ("0.75" in row["rule"]) == (row["method"] == "near")
    assert set(found.column_names) == {c.name for c in document_duplicates.columns} - {"run_id"}
    family = {sample for sample, text in texts.items() if "fam1 " in text}
    assert len(family - gone) == 1


def test_partitions_order_and_the_way_components_are_found_do_not_matter(relations, corpus, found):
    batch, _ = corpus
    backwards = batch.take(pa.array(range(batch.num_rows - 1, -1, -1)))
    again = run(relations, backwards, partitions=5, one_task_edges=0)
    assert again.equals(found)


def test_the_first_place_is_kept(relations):
    text = " ".join(f"w{n}" for n in range(60))
    batch = planted.batch([text, text, text + " more", "alone here"])
    ids = batch.column("sample_id").to_pylist()
    rows = {r["sample_id"]: r for r in run(relations, batch, places=["1", "0", "1", "1"]).to_pylist()}
    assert {sample: row["keeper_id"] for sample, row in rows.items()} == {ids[0]: ids[1], ids[2]: ids[1]}
    assert (rows[ids[0]]["method"], rows[ids[2]]["method"]) == ("exact", "near")


def test_a_copy_of_a_removed_document_repeats_its_keeper(relations):
    text = " ".join(f"w{n}" for n in range(60))
    batch = planted.batch([text, text + " more", text + " more"])
    keeper, *copies = batch.column("sample_id").to_pylist()
    rows = run(relations, batch, places=["0", "1", "1"]).to_pylist()
    assert {(r["sample_id"], r["keeper_id"], r["method"]) for r in rows} == {(c, keeper, "near") for c in copies}


def test_what_the_policy_drops_is_no_keeper(relations):
    text = " ".join(f"w{n}" for n in range(60))
    batch = planted.batch([text, text, text + " more", text + " some more", "alone here", "alone here"])
    ids = batch.column("sample_id").to_pylist()
    # The best place does not help a dropped one: the kept copies choose among themselves, and it repeats their keeper.
    rows = run(relations, batch, places=["0", "0", "2", "1", "3", "3"], dropped=(0, 1, 4, 5)).to_pylist()
    assert {(r["sample_id"], r["keeper_id"]) for r in rows} == {(ids[n], ids[3]) for n in (0, 1, 2)}
    assert not len(run(relations, batch, dropped=range(6)))


def test_code_that_differs_in_its_signs_is_no_copy(relations):
    code = "if (a{n} {sign} b) {{ return a{n}; }}"
    rows = ["\n".join(code.format(n=n, sign=sign) for n in range(40)) for sign in ("<", ">")]
    batch = planted.batch(rows)
    batch = batch.set_column(batch.schema.get_field_index("modality"), "modality", pa.array(["code"] * 2))
    assert not len(run(relations, batch))


def test_a_threshold_that_removes_everything_is_refused():
    with pytest.raises(FlowError, match="threshold"):
        NearParams(threshold=0)
