"""Samples, quotas, mixture and sequences on both engines, on small made tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.chance import evaluate
from jobs.mix.cells import Cell
from jobs.mix.decision import decision, document_language
from jobs.mix.draw import DrawParams
from jobs.mix.mixture import draw
from jobs.mix.policy import POLICY, load_policy
from jobs.mix.quota import Line, Quota, Stage
from jobs.mix.quotas import quota_rows
from jobs.mix.samples import SampleParams, decide
from jobs.pack.sequences import pack
from jobs.tokenize.captions import caption_tag
from jobs.tokenize.vocabulary import VocabularyParams, load_vocabulary
from schemas.documents import document_scores
from schemas.images import image_scores
from schemas.samples import MEDIUM
from schemas.utterances import utterance_scores


def lineage(n: int, start: int = 0) -> dict:
    return {
        "sample_id": [f"{start + i:032x}" for i in range(n)],
        "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
        "source": ["s"] * n,
        "license": ["MIT"] * n,
    }


def scores(table, rows: list[dict], good: dict) -> pa.Table:
    """Rows of a score table: those given over good ones, zero elsewhere."""
    fields = [c for c in table.columns if c.name != "run_id" and not c.payload]
    zero = {pa.string(): "", pa.bool_(): False, pa.float64(): 0.0}
    base = (
        {c.name: [] if pa.types.is_list(c.type) else zero.get(c.type, 0) for c in fields}
        | {"parent_ids": [], "source": "s", "license": "MIT"}
        | good
    )
    return pa.Table.from_pylist(
        [base | row for row in rows], schema=pa.schema([pa.field(c.name, c.type) for c in fields])
    )


GOOD_TEXT = {
    "language": "en", "language_score": 0.99, "n_chars": 1000, "information": 1000.0, "mean_word_length": 5.0, "alphabetic_words": 0.9,
    "stop_words": 5, "alphanumeric_chars": 0.7, "mean_line_length": 40.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def decided(relations):
    ids = [f"{i:032x}" for i in range(5)]
    documents = pa.table(
        lineage(5)
        | {
            "parent_ids": pa.array([[], ["f" * 32], [], [], []], pa.list_(pa.string())),
            "modality": ["text", "text", "text", "code", "text"],
            "kind": ["manual", "letters", "manual", "source-code", "manual"],
            "language_hint": ["en", "zh-CN", None, "python", "en"],
            "_table": ["silver.documents", "acme.letters", "silver.documents", "silver.documents", "silver.documents"],
        }
    )
    rows = [
        {"sample_id": ids[0]},
        {"sample_id": ids[1], "language": "ja", "language_score": 0.2},
        {"sample_id": ids[2], "language": "yue", "n_chars": 10, "information": 40.0, "lorem_ipsum": True},
        {"sample_id": ids[3], "language": "python", "generated": True},
    ]
    speech = pa.table(
        lineage(2, 10)
        | {
            "kind": ["prompt", "game"],
            "language": ["fr", "en"],
            "relation": ["verbatim", "caption"],
            "_table": ["silver.utterances"] * 2,
        }
    )
    pictures = pa.table(
        lineage(1, 20)
        | {
            "kind": ["photo"],
            "captions": pa.array([[("de", "Hund"), ("zh_CN", "狗")]], pa.map_(pa.string(), pa.string())),
            "_table": ["silver.images"],
        }
    )
    loud = {
        "relation": "verbatim",
        "peak": 0.5,
        "duration": 2.0,
        "speech": 0.9,
        "loudness": -20.0,
        "characters_per_second": 9.0,
    }
    sharp = {"width": 64, "height": 64, "sharpness": 100.0, "entropy": 6.0}
    given = relations.from_arrow
    found = decide(
        documents=given(documents),
        document_scores=given(scores(document_scores, rows, GOOD_TEXT)),
        document_cleaning=given(pa.table({"sample_id": ids[:1] + ids[2:3], "extracted_words": [0.99, 0.7]})),
        document_addresses=given(pa.table({"sample_id": ids, "uri": [f"folder:s/{name}" for name in ids]})),
        document_duplicates=given(pa.table({"sample_id": [ids[3], ids[3]]})),
        document_containments=given(pa.table({"sample_id": [ids[2]]})),
        utterances=given(speech),
        utterance_scores=given(scores(utterance_scores, [{"sample_id": f"{i:032x}"} for i in (10, 11)], loud)),
        utterance_duplicates=given(pa.table({"sample_id": pa.array([], pa.string())})),
        images=given(pictures),
        image_scores=given(scores(image_scores, [{"sample_id": f"{20:032x}"}], sharp)),
        image_duplicates=given(pa.table({"sample_id": pa.array([], pa.string())})),
        # The file of the code, and the one that a letter was cut from.
        reviews=given(pa.table({"sample_id": [ids[3], "f" * 32]})),
        relations=relations,
        params=SampleParams(),
    )
    return {int(row["sample_id"], 16): row for row in relations.to_arrow(found).to_pylist()}


def test_each_reason_has_what_was_judged_and_what_is_allowed(decided):
    assert all([f["rule"] for f in row["findings"]] == row["reasons"] for row in decided.values())
    found = {finding["rule"]: finding for row in decided.values() for finding in row["findings"]}
    assert found["too short"] == {
        "rule": "too short",
        "column": "information",
        "value": 40.0,
        "text": None,
        "threshold": "at least 80",
    }
    assert found["generated code"] | {"rule": ""} == {
        "rule": "",
        "column": "generated",
        "value": None,
        "text": "true",
        "threshold": "false",
    }
    assert found["lost in extraction"]["value"] == 0.7
    assert found["duplicate"] == {"rule": "duplicate", "column": None, "value": None, "text": None, "threshold": None}


def test_each_sample_is_decided_once_with_its_reasons(decided):
    assert sorted(decided) == [0, 1, 2, 3, 4, 10, 11, 20]
    assert decided[0]["keep"]
    assert decided[0]["reasons"] == []
    assert decided[2]["reasons"] == ["too short", "lost in extraction", "placeholder text", "contained"]
    assert decided[3]["reasons"] == ["generated code", "duplicate", "licence needs review"]
    assert decided[1]["reasons"] == ["licence needs review"]
    assert decided[4]["reasons"] == ["unscored"]
    assert not any(decided[i]["keep"] for i in (2, 3, 4))


def test_cells_come_from_the_language_that_is_known(decided):
    assert {i: decided[i]["cell"] for i in decided} == {
        0: "text/en/manual",
        1: "text/zh/letters",
        2: "text/zh/manual",
        3: "code/code/source-code",
        4: "text/en/manual",
        10: "speech/other/prompt",
        11: "speech/en/caption",
        20: "image/zh/photo",
    }
    assert decided[1]["table"] == "acme.letters"
    assert decided[20]["language"] == "zh_CN"


def test_spark_and_duckdb_choose_the_same_caption(spark):
    tags = ["zh_CN", "zh-TW", "en", "fr", "de"]
    rng = np.random.default_rng(0)
    captions = [[(t, t if rng.random() < 0.8 else "") for t in tags if rng.random() < 0.6] for _ in range(200)]
    table = pa.table(
        {"id": [f"{i:032x}" for i in range(200)], "captions": pa.array(captions, pa.map_(pa.string(), pa.string()))}
    )
    here = evaluate(table, caption_tag("captions", "id", ("zh", "en"), 3, "duckdb")).to_pylist()
    there = spark.createDataFrame(table).selectExpr("id", caption_tag("captions", "id", ("zh", "en"), 3) + " AS tag")
    assert [row["tag"] for row in there.orderBy("id").collect()] == here
    assert {"zh_CN", "zh-TW", "en", "fr", None} <= set(here)


@pytest.fixture(scope="module")
def packed(relations):
    """A mixture of two stages and its sequences."""
    words = load_vocabulary()
    rng = np.random.default_rng(5)
    sizes = rng.integers(3, 40, 900)
    cells = np.where(rng.random(900) < 0.7, "text/en/manual", "code/code/source-code")
    ids = [np.append(rng.integers(0, 1000, n - 1), words.id("<|endoftext|>")).astype("<i4") for n in sizes]
    tables = ["silver.documents"] * 900
    samples = pa.table(
        lineage(900)
        | {"table": tables, "modality": [c.split("/")[0] for c in cells], "cell": cells, "keep": [True] * 900}
    )
    tokens = pa.table(
        {
            "sample_id": samples.column("sample_id"),
            "table": tables,
            "n_tokens": pa.array(sizes, pa.int32()),
            "parts": pa.array([[int(n)] for n in sizes], pa.list_(pa.int32())),
            "tokens": pa.array([one.tobytes() for one in ids], pa.binary()),
            "media": pa.array([[]] * 900, pa.list_(MEDIUM)),
        }
    )
    supply = {Cell.parse(str(cell)): int(sizes[cells == cell].sum()) for cell in set(cells)}
    lines = (Line(Cell("text", "en", "*"), 4000.0, 1.0), Line(Cell("code", "code", "*"), 1500.0, 1.0))
    repeated = (Line(Cell("text", "en", "*"), 3000.0, 1.0), Line(Cell("code", "code", "*"), 4500.0, 3.0))
    quotas = quota_rows(Quota((Stage("cold", False, 64, 1, lines), Stage("hot", False, 128, 2, repeated)), 1.0), supply)
    given = relations.from_arrow
    supply_rows = pa.table({"cell": [str(c) for c in supply], "tokens": list(supply.values())})
    mixture = draw(
        samples=given(samples),
        tokens=given(tokens.select(["sample_id", "table", "n_tokens"])),
        supply=given(supply_rows),
        quotas=given(quotas),
        relations=relations,
        params=DrawParams(window_rows=16),
    )
    drawn = relations.to_arrow(mixture)
    sequences = pack(
        mixture=given(drawn),
        tokens=given(tokens.select(["sample_id", "parts", "tokens", "media"])),
        quotas=given(quotas.select(["stage", "row_length", "align"])),
        relations=relations,
        params=VocabularyParams(),
    )
    return drawn, relations.to_arrow(sequences)


def test_the_draw_meets_its_targets(packed):
    drawn = packed[0].group_by(["stage", "cell"]).aggregate([("n_tokens", "sum")]).to_pylist()
    assert {(row["stage"], row["cell"]): row["n_tokens_sum"] for row in drawn} == {
        ("cold", "text/en/*"): pytest.approx(4000, rel=0.005),
        ("cold", "code/code/*"): pytest.approx(1500, rel=0.005),
        ("hot", "text/en/*"): pytest.approx(3000, rel=0.005),
        ("hot", "code/code/*"): pytest.approx(4500, rel=0.005),
    }


def test_positions_run_through_the_windows_of_a_stage(packed):
    drawn, sequences = packed
    assert drawn.column("window").to_pylist().count(0) < drawn.num_rows
    for stage, length in (("cold", 64), ("hot", 128)):
        mine = sequences.filter(pa.compute.field("stage") == stage)
        assert sorted(mine.column("position").to_pylist()) == list(range(mine.num_rows))
        assert {len(row) for row in mine.column("tokens").to_pylist()} == {4 * length}
    ids = sequences.column("sample_id").to_pylist()
    assert len(set(ids)) == len(ids)


def test_every_draw_is_in_the_sequences(packed):
    drawn, sequences = packed
    wanted = drawn.group_by(["stage", "sample_id"]).aggregate([("epoch", "count")]).to_pylist()
    found: dict[tuple[str, str], int] = {}
    for row in sequences.to_pylist():
        for segment in row["segments"]:
            # Each piece but the first begins behind the sample's own beginning.
            found[row["stage"], segment["sample_id"]] = found.get((row["stage"], segment["sample_id"]), 0) + (
                segment["offset"] == 0
            )
    assert found == {(row["stage"], row["sample_id"]): row["epoch_count"] for row in wanted}


def test_what_was_made_from_a_file_that_needs_review_needs_it_too(relations):
    """However often it was made from something else, and from however many samples."""
    ids = [f"{i:032x}" for i in range(6)]
    parents = [[], [ids[0]], [ids[1]], [ids[5], ids[2]], ["e" * 32, "f" * 32], []]
    samples = pa.table(lineage(6) | {"parent_ids": pa.array(parents, pa.list_(pa.string()))}).append_column(
        "_table", pa.array(["acme.parts"] * 6)
    )
    samples = samples.append_column("kind", pa.array(["manual"] * 6)).append_column("modality", pa.array(["text"] * 6))
    samples = samples.append_column("language_hint", pa.array(["en"] * 6))
    columns = {"scores": scores(document_scores, [{"sample_id": name} for name in ids], GOOD_TEXT)}
    columns["cleaning"] = pa.table({"sample_id": ids, "extracted_words": pa.array([1.0] * 6)})

    def reviewed(of):
        policy = load_policy(POLICY, relations.dialect)
        given = {**columns, "samples": samples, "reviews": pa.table({"sample_id": pa.array(of, pa.string())})}
        rows = {name: relations.from_arrow(table) for name, table in given.items()}
        found = relations.sql(decision(policy, "documents", document_language(policy)), **rows)
        decided = relations.to_arrow(found).to_pylist()
        assert len(decided) == 6
        return {int(row["sample_id"], 16) for row in decided if row["reasons"] == ["licence needs review"]}

    assert reviewed([ids[0]]) == {0, 1, 2, 3}
    assert reviewed([ids[5]]) == {3, 5}
    assert reviewed(["f" * 32]) == {4}
    assert reviewed([]) == set()
