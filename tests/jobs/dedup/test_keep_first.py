from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.dedup.keep_first import Rule
from jobs.dedup.signatures import SignatureParams, sign_documents
from tests.jobs.dedup import planted

RULE = Rule(shingle=5, threshold=0.75, comparisons=32, representatives=64, memory_mb=64)


def run(rows, rule=RULE, size=1 << 20, component=None):
    """Match all rows as one component (or the given ones), in order of sample_id."""
    signed = pa.Table.from_batches([sign_documents(planted.batch(rows), SignatureParams())])
    table = signed.select(["sample_id", "bands"]).append_column("text", pa.array(rows, pa.string()))
    table = table.append_column("modality", pa.array(["text"] * len(rows)))
    table = table.append_column("dropped", pa.array([False] * len(rows)))
    names = pa.array(component or ["c"] * len(rows), pa.string())
    table = table.append_column("component", names).sort_by([("component", "ascending"), ("sample_id", "ascending")])
    out = list(rule(table.combine_chunks().to_batches(max_chunksize=size)))
    found = pa.Table.from_batches(out).to_pydict()
    texts = dict(zip(table["sample_id"].to_pylist(), table["text"].to_pylist(), strict=True))
    return texts, list(zip(found["sample_id"], found["keeper_id"], found["jaccard"], strict=True)), found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_removal_repeats_a_kept_document_and_none_is_missed(seed):
    texts, removals, _ = run(planted.texts(seed))
    gone = planted.verify(texts, removals)
    assert len(gone) > 20
    assert not planted.missed(texts, gone, 0.85)


def test_chinese_near_duplicates_are_found():
    text = "".join(chr(0x4E00 + 7 * n) for n in range(200))
    texts, removals, _ = run([text, text[:100] + "龍" + text[101:], text[::-1]])
    assert len(planted.verify(texts, removals)) == 1


def test_templates_that_share_bands_are_not_duplicates():
    template = " ".join(f"l{n}" for n in range(100))
    rows = [f"{template} " + " ".join(f"t{k}x{n}" for n in range(90)) for k in range(40)]
    _, removals, _ = run(rows)
    assert not removals


def test_a_family_leaves_one():
    texts, removals, _ = run(planted.texts(singles=4, family=200))
    family = {sample for sample, text in texts.items() if "fam1 " in text}
    gone = planted.verify(texts, removals)
    assert len(family - gone) == 1
    assert len({keeper for sample, keeper, _ in removals if sample in family}) == 1


def test_batches_do_not_matter():
    rows = planted.texts(4, family=40)
    assert run(rows)[1] == run(rows, size=1)[1] == run(rows, size=13)[1]


def test_components_do_not_meet():
    text = " ".join(f"w{n}" for n in range(50))
    rows = [text + " a", text + " b", text + " c", text + " d"]
    assert len(run(rows)[1]) == 3
    assert len(run(rows, component=["x", "y", "x", "y"])[1]) == 2
    assert not run(rows, component=["x", "y", "z", "w"], size=1)[1]


def test_shared_bands_are_counted_exactly_beyond_the_cap_of_representatives():
    text = " ".join(f"w{n}" for n in range(50))
    texts, _, found = run([text, text + "!"], Rule(5, 0.75, 32, 1, 64))
    assert len(texts) == 2
    assert found["shared_bands"] == [20]
    assert found["jaccard"] == [1.0]


def test_large_components_stay_within_memory_and_remove_less_never_wrongly():
    rows = [" ".join(f"d{k}w{n}" for n in range(9000)) for k in range(20)]
    rows += [f"{row} end" for row in rows]
    texts, removals, _ = run(rows, Rule(5, 0.75, 32, 64, memory_mb=1))
    gone = planted.verify(texts, removals)
    assert 5 <= len(gone) < 20
    assert len(run(rows)[1]) == 20


def test_many_growing_components_reuse_their_room():
    drawn = planted.texts(9, singles=60, family=30)
    component = [str(n % 3) for n in range(len(drawn))]
    texts, removals, _ = run(drawn * 4, component=component * 4, size=50)
    planted.verify(texts, removals)
