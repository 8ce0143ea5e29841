from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pack.assemble import Shape, assemble
from jobs.pack.sequences import count_window, pack_window
from schemas.features import HOP, IMAGE, SPEECH
from schemas.mixture import sequences
from schemas.samples import MEDIUM

TEXT, END, PAD, POOL, MARK, HOLD = 1000, 1000, 1009, 1008, 1001, 1002
SHAPE = Shape("pack/cold", 64, 1, PAD, 1001)
SCHEMA = pa.schema([pa.field(c.name, c.type) for c in sequences.columns if c.name != "run_id"])


def text(rng, n: int) -> dict:
    ids = [MARK, *rng.integers(0, TEXT, n).tolist(), END]
    return {"modality": "text", "cell": "text/en/*", "tokens": ids, "parts": [len(ids)], "media": []}


def picture(rng, number: int, patches: int, words: int, pair: bool) -> dict:
    caption = rng.integers(0, TEXT, words).tolist()
    ids = [MARK, *[HOLD] * patches, MARK, *([POOL] if pair else []), MARK, *caption, POOL if pair else END]
    medium = {
        "begin": 1,
        "end": 1 + patches,
        "modality": "image",
        "media_id": f"m{number}",
        "media_begin": 0,
        "media_end": patches,
        "columns": 2,
        "feature_spec": IMAGE.as_dict(),
    }
    parts = [patches + 3, len(ids)] if pair else [len(ids)]
    return {"modality": "image", "cell": "image/en/*", "tokens": ids, "parts": parts, "media": [medium]}


def speech(number: int, positions: int, samples: int) -> dict:
    medium = {
        "begin": 1,
        "end": 1 + positions,
        "modality": "speech",
        "media_id": f"m{number}",
        "media_begin": 0,
        "media_end": samples,
        "columns": None,
        "feature_spec": SPEECH.as_dict(),
    }
    ids = [MARK, *[HOLD] * positions, MARK, MARK, 7, END]
    return {"modality": "speech", "cell": "speech/en/*", "tokens": ids, "parts": [len(ids)], "media": [medium]}


def window_of(rows: list[dict], licenses: list[str] | None = None) -> pa.Table:
    n = len(rows)
    return pa.table(
        {
            "stage": ["cold"] * n,
            "window": pa.array([0] * n, pa.int32()),
            "sample_id": [f"{i:032x}" for i in range(n)],
            "license": licenses or ["MIT"] * n,
            "cell": [row["cell"] for row in rows],
            "modality": [row["modality"] for row in rows],
            "epoch": pa.array([0] * n, pa.int32()),
            "time": [(i * 0.618) % 1 for i in range(n)],
            "parts": pa.array([row["parts"] for row in rows], pa.list_(pa.int32())),
            "tokens": pa.array([np.array(row["tokens"], "<i4").tobytes() for row in rows], pa.binary()),
            "media": pa.array([row["media"] for row in rows], pa.list_(MEDIUM)),
        }
    )


@st.composite
def windows(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = []
    for number in range(draw(st.integers(1, 40))):
        pick = rng.integers(0, 4)
        if pick == 0:
            rows.append(
                picture(rng, number, int(rng.integers(1, 90)), int(rng.integers(1, 9)), bool(rng.integers(0, 2)))
            )
        elif pick == 1:
            positions = int(rng.integers(1, 150))
            rows.append(speech(number, positions, positions * 1280 - int(rng.integers(0, 1280))))
        else:
            rows.append(text(rng, int(rng.lognormal(3, 1.2))))
    return rows


def ids_of(row: dict) -> list[int]:
    return np.frombuffer(row["tokens"], "<i4").tolist()


@settings(max_examples=20, deadline=None)
@given(rows=windows(), align=st.sampled_from([1, 4]))
def test_rows_hold_what_they_say(rows, align):
    shape = Shape("pack/cold", 64, align, PAD, 1001)
    made = assemble(window_of(rows), shape, 5).to_pylist()
    assert [row["position"] for row in made] == list(range(5, 5 + len(made)))
    covered = [np.zeros(len(row["tokens"]), int) for row in rows]
    for row in made:
        ids = ids_of(row)
        assert len(ids) == 64
        bounds, real = row["cu_seqlens_padded"], row["cu_seqlens"]
        assert bounds[0] == real[0] == 0
        assert bounds[-1] == 64
        widths, taken = np.diff(real), np.diff(bounds)
        assert (widths > 0).all()
        assert (widths <= taken).all()
        assert all(bound % align == 0 for bound in bounds[:-1])
        firsts = set(bounds[:-1])
        # Segments cover the documents in order, and name the ids that stand there.
        real_ids = np.zeros(64, bool)
        for segment in row["segments"]:
            begin, end, at = segment["begin"], segment["end"], segment["offset"]
            source = rows[int(segment["sample_id"], 16)]
            assert ids[begin:end] == source["tokens"][at : at + end - begin]
            assert not real_ids[begin:end].any()
            real_ids[begin:end] = True
            held = [i == HOLD for i in ids[begin:end]]
            assert all(held) if segment["role"] == "input" else not any(held)
            covered[int(segment["sample_id"], 16)][at : at + end - begin] += 1
        assert row["n_tokens"] == real_ids.sum() == sum(dict(row["cells"]).values())
        assert all(i == PAD for i in np.array(ids)[~real_ids])
        # Targets: text ids and the end, but for the first of a document.
        target = np.zeros(64, bool)
        for span in row["loss_spans"]:
            assert span["weight"] == 1.0
            assert not target[span["begin"] : span["end"]].any()
            target[span["begin"] : span["end"]] = True
        assert target.tolist() == [i <= END and place not in firsts for place, i in enumerate(ids)]
        for pair in row["pairs"]:
            assert ids[pair["a"]] == ids[pair["b"]] == POOL
            assert np.searchsorted(bounds, pair["a"], "right") + 1 == np.searchsorted(bounds, pair["b"], "right")
            assert pair["kind"] == "image/text"
    for row, times in zip(rows, covered, strict=True):
        # Each piece of a long document repeats one token.
        cuts = sum(-(-(n - 1) // 63) - 1 for n in np.diff([0, *row["parts"]]) if n > 64)
        assert times.min() == 1
        assert times.sum() == len(row["tokens"]) + cuts
    wanted = sum(
        len(row["parts"]) == 2
        and -(-row["parts"][0] // align) * align + -(-np.diff(row["parts"])[0] // align) * align <= 64
        for row in rows
    )
    assert sum(len(row["pairs"]) for row in made) == wanted


@settings(max_examples=15, deadline=None)
@given(rows=windows(), seed=st.integers(0, 99))
def test_the_order_of_arrival_changes_nothing(rows, seed):
    window = window_of(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert assemble(window, SHAPE, 0).equals(assemble(window.take(pa.array(order)), SHAPE, 0))


def test_a_cut_medium_goes_on_where_it_was_cut():
    positions = 130
    made = assemble(window_of([speech(0, positions, positions * 8 * HOP - 5)]), SHAPE, 0).to_pylist()
    inputs = sorted(
        (s for row in made for s in row["segments"] if s["role"] == "input"), key=lambda segment: segment["offset"]
    )
    assert [(s["offset"], s["end"] - s["begin"]) for s in inputs] == [(1, 63), (63, 64), (126, 5)]
    step = 8 * HOP
    assert [s["media_begin"] for s in inputs] == [0, 62 * step, 125 * step]
    assert [s["media_end"] for s in inputs] == [63 * step, 126 * step, positions * step - 5]
    assert {s["feature_spec"]["transform"] for s in inputs} == {"log-mel"}


def test_licences_are_anded_once_each():
    rng = np.random.default_rng(0)
    rows = [text(rng, 8) for _ in range(4)]
    made = assemble(window_of(rows, ["MIT", "GPL-2.0-only OR MIT", "MIT", "BSD-3-Clause AND MIT"]), SHAPE, 0)
    assert made.column("license").to_pylist() == ["BSD-3-Clause AND (GPL-2.0-only OR MIT) AND MIT"]
    assert made.column("source").to_pylist() == ["mixture"]
    assert sorted(made.column("parent_ids")[0].as_py()) == [f"{i:032x}" for i in range(4)]


def test_a_repeated_sample_is_one_parent():
    rng = np.random.default_rng(0)
    window = window_of([text(rng, 8), text(rng, 8)])
    twice = window.set_column(2, "sample_id", pa.array(["a", "a"])).set_column(6, "epoch", pa.array([0, 1], pa.int32()))
    assert assemble(twice, SHAPE, 0).column("parent_ids").to_pylist() == [["a"]]


def test_row_ids_tell_stage_and_position_apart():
    window = window_of([text(np.random.default_rng(0), 8)])
    ids = {
        assemble(window, Shape(f"pack/{stage}", 64, 1, PAD, 1001), first).column("sample_id")[0].as_py()
        for stage in ("cold", "hot")
        for first in (0, 1)
    }
    assert len(ids) == 4


@pytest.mark.parametrize("rows", [3, 40])
def test_a_window_is_counted_as_it_is_packed(rows):
    rng = np.random.default_rng(rows)
    window = window_of([text(rng, int(rng.integers(1, 200))) for _ in range(rows)])
    window = window.append_column("first", pa.array([7] * rows))
    shapes = {"cold": SHAPE}
    counted = count_window(window.drop_columns(["tokens", "media"]), shapes).to_pylist()
    packed = pack_window(window, shapes, SCHEMA)
    assert counted == [{"stage": "cold", "window": 0, "rows": packed.num_rows}]
    assert packed.schema == SCHEMA
    assert packed.column("position")[0].as_py() == 7
