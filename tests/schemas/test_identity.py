from __future__ import annotations

import hashlib

import pyarrow as pa

from schemas.identity import content_ids, derived_ids, landed_ids


def test_a_landed_id_is_the_hash_of_length_prefixed_fields():
    source, uri, digest = "pip:é", "a/b", "00"
    joined = "".join(f"{len(part.encode())}:{part}," for part in (source, uri, digest))
    ids = landed_ids(pa.array([source]), pa.array([uri]), pa.array([digest])).to_pylist()
    assert ids == [hashlib.sha256(joined.encode()).hexdigest()[:32]]
    assert ids != landed_ids(pa.array(["pip:éa"]), pa.array(["/b"]), pa.array([digest])).to_pylist()


def test_ids_of_cut_rows_differ_by_parents_flow_and_ordinal():
    def made(parents, flow, ordinal):
        return derived_ids(pa.array([parents], pa.list_(pa.string())), flow, pa.array([ordinal])).to_pylist()[0]

    ids = {made(["a"], "f", 0), made(["a"], "f", 1), made(["a"], "g", 0), made(["a", "b"], "f", 0)}
    assert len(ids) == 4
    assert made(["a"], "f", 0) in ids


def test_equal_content_has_an_equal_id():
    first, second, third = content_ids(pa.array([b"x", b"x", b"y"], pa.binary())).to_pylist()
    assert first == second != third
