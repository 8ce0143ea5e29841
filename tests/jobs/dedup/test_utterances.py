from __future__ import annotations

import pyarrow as pa

from jobs.dedup.utterances import UtteranceDuplicateParams, utterance_duplicates_by_sound


def test_of_equal_sounds_the_first_in_the_declared_order_stays(relations) -> None:
    rows = [
        # sample_id, source, license, language, transcript, relation, sound_id
        ("a", "one", "NOASSERTION", "en", "frog", "verbatim", "s1"),
        ("b", "one", "MIT", "en", "a frog", "caption", "s1"),
        ("c", "one", "MIT", "en", "frog", "verbatim", "s1"),
        ("d", "two", "MIT", "en", "frog", "verbatim", "s1"),
        ("e", "one", "MIT", "fr", "frog", "verbatim", "s1"),
        ("f", "one", "MIT", "en", "frog", "verbatim", "s2"),
        ("g", "one", "MIT", "en", "toad", "verbatim", "s3"),
        ("h", "two", "MIT", "en", "toad", "verbatim", "s3"),
    ]
    names = ("sample_id", "source", "license", "language", "transcript", "relation", "sound_id")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    table = table.append_column("parent_ids", pa.array([[]] * len(rows), pa.list_(pa.string())))

    def found(**params: tuple[str, ...]) -> dict[str, tuple[str, bool]]:
        given = relations.from_arrow(table)
        made = utterance_duplicates_by_sound(given, relations, UtteranceDuplicateParams(**params))
        return {
            row["sample_id"]: (row["keeper_id"], row["same_transcript"]) for row in relations.to_arrow(made).to_pylist()
        }

    first = {"a": ("c", True), "b": ("c", False), "d": ("c", True), "e": ("c", False), "h": ("g", True)}
    assert found() == first
    assert found(sources=("two",))["c"] == ("d", True)
    assert found(sources=("two",))["g"] == ("h", True)
