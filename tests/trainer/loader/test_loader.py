from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.errors import LakeError, ReleaseError, UsageError
from trainer.loader import PackedLoader

FIRST, PAD_ID = 1000, 7


def loader_of(lake, stage="cold", versions=None, **options):
    options.setdefault("prefetch", 0)
    return PackedLoader(str(lake.root), versions or lake.versions(), stage, **options)


def real(batch):
    return batch.tokens[~batch.pad].numpy()


def stream(loaders):
    """Interleave the rows that ranks saw, step by step; return (positions, tokens)."""
    positions, tokens = [], []
    for batches in zip(*loaders, strict=True):
        together = np.stack([batch.positions.numpy() for batch in batches], axis=1).ravel()
        rows = np.stack([batch.tokens.numpy() for batch in batches], axis=1).reshape(len(together), -1)
        positions.append(together[together >= 0])
        tokens.append(rows[together >= 0])
    return np.concatenate(positions), np.concatenate(tokens)


@pytest.fixture(scope="module")
def truth(wide):
    """The stage's rows in stored order, read by delta-rs."""
    rows = DeltaTable(wide.sequences).to_pyarrow_table(filters=[("stage", "=", "cold")]).sort_by("position")
    return np.stack([np.frombuffer(value, "<i4") for value in rows.column("tokens").to_pylist()])


def test_rows_come_in_stored_order_from_scrambled_files(wide, truth):
    positions, tokens = stream([loader_of(wide, global_batch=37)])
    assert np.array_equal(positions, np.arange(700))
    assert np.array_equal(tokens, truth)
    # What a row holds is named by its own first token, with no help from the loader.
    assert np.array_equal(tokens[:, 0], FIRST + 100 * np.arange(700))


def test_each_stage_has_its_own_rows_and_length(wide):
    loader = loader_of(wide, "hot", global_batch=16)
    assert (loader.rows, loader.row_length, len(loader)) == (40, 16, 3)
    positions, tokens = stream([loader])
    assert np.array_equal(positions, np.arange(40))
    assert np.array_equal(tokens[:, 0], FIRST + 100 * np.arange(40))


@pytest.mark.parametrize("world", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("seed", [0, 5])
def test_the_union_over_ranks_is_the_same_at_any_world_size(wide, truth, world, seed):
    expected = stream([loader_of(wide, seed=seed, global_batch=1)])[0]
    ranks = [loader_of(wide, seed=seed, rank=rank, world=world, global_batch=48) for rank in range(world)]
    positions, tokens = stream(ranks)
    assert np.array_equal(positions, expected)
    assert np.array_equal(tokens, truth[positions])


PHASE = st.tuples(st.integers(1, 5), st.integers(1, 90), st.integers(1, 3), st.sampled_from([0, 2]))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(phases=st.lists(PHASE, min_size=1, max_size=4), last=st.tuples(st.integers(1, 4), st.integers(50, 200)))
def test_a_run_cut_anywhere_sees_what_an_uninterrupted_one_sees(wide, truth, phases, last):
    versions, seed = wide.versions(), len(phases) - 1
    seen, state = [], None
    for world, batch, steps, prefetch in [*phases, (*last, 10**6, 0)]:
        options = {"global_batch": batch, "world": world, "prefetch": prefetch}
        ranks = []
        for rank in range(world):
            if state is None:
                ranks.append(loader_of(wide, versions=versions, seed=seed, rank=rank, **options))
            else:
                ranks.append(PackedLoader.from_state(state, str(wide.root), versions, rank=rank, **options))
        iterators = [iter(rank) for rank in ranks]
        for _ in range(min(steps, len(ranks[0]))):
            batches = [next(iterator) for iterator in iterators]
            together = np.stack([one.positions.numpy() for one in batches], axis=1).ravel()
            assert np.array_equal(together[together >= 0], ranks[0].last_positions)
            for one in batches:
                assert np.array_equal(real(one), truth[one.positions[~one.pad].numpy()])
            seen.append(together[together >= 0])
        for iterator in iterators:
            iterator.close()
        states = [json.dumps(rank.state_dict()) for rank in ranks]
        assert len(set(states)) == 1
        assert len(states[0]) <= 128
        state = json.loads(states[0])
    assert state["position"] == 700
    assert np.array_equal(np.concatenate(seen), stream([loader_of(wide, seed=seed)])[0])


def test_the_state_counts_no_prefetched_rows(wide):
    loader = loader_of(wide, global_batch=10, prefetch=4)
    iterator = iter(loader)
    assert loader.state_dict()["position"] == 0
    next(iterator)
    assert loader.state_dict()["position"] == 10
    next(iterator)
    iterator.close()
    assert loader.state_dict()["position"] == 20
    assert next(iter(loader)).positions.tolist() == list(range(20, 30))


def test_step_rows_tell_what_all_ranks_see(wide):
    loader = loader_of(wide, seed=3, rank=1, world=2, global_batch=12, start=24)
    batch = next(iter(loader))
    assert (batch.begin, batch.end) == (24, 36)
    assert np.array_equal(loader.step_rows(0)[1::2], batch.positions)
    assert np.array_equal(loader.last_positions, loader.step_rows(0))
    assert loader.step_rows(0).tolist() == loader_of(wide, seed=3, global_batch=12).step_rows(2).tolist()


def test_epochs_go_on_without_a_gap(wide):
    loader = loader_of(wide, "hot", seed=2, global_batch=30, epochs=2)
    positions, _ = stream([loader])
    assert len(positions) == 80
    assert sorted(positions[:40]) == sorted(positions[40:]) == list(range(40))
    assert positions[:40].tolist() != positions[40:].tolist()
    endless = iter(loader_of(wide, "hot", global_batch=30, epochs=None, start=10**9))
    assert next(endless).positions.tolist() == [(10**9 + i) % 40 for i in range(30)]


def test_pad_rows_fill_what_a_batch_lacks(wide):
    ranks = [loader_of(wide, "hot", rank=rank, world=4, global_batch=6, start=36) for rank in range(4)]
    batches = [next(iter(rank)) for rank in ranks]
    assert [batch.positions.tolist() for batch in batches] == [[36, -1], [37, -1], [38, -1], [39, -1]]
    for batch in batches:
        full = batch.full()
        assert full.pad.tolist() == [False, True]
        assert (full.tokens[1] == PAD_ID).all()
        assert full.cu_seqlens[1].tolist() == full.cu_seqlens_padded[1].tolist() == [0, 16]
        assert (full.labels[1] == -100).all()
        assert (full.loss_mask[1] == 0).all()
        assert (full.modality[1] == -1).all()
        assert full.position_ids[1].tolist() == list(range(16))
        assert len(full.segments) == 2
        assert full.segments[1].as_py() == []
        assert full.loss_mask[0].sum() > 0
    # A rank may have pad rows alone.
    alone = next(iter(loader_of(wide, "hot", rank=3, world=4, global_batch=4, start=38)))
    assert alone.pad.all()
    assert alone.full().loss_mask.sum() == 0
    assert alone.cu_seqlens[0].tolist() == [0, 16]
    assert len(alone.pairs.a) == 0


def test_writers_going_on_meanwhile_change_nothing(lake):
    rows = lake.packed_rows("cold", 120)
    for begin in (80, 0, 40):
        lake.write(rows.slice(begin, 40))
    versions = lake.versions()
    expected = stream([loader_of(lake, versions=versions, seed=4)])
    open_before = loader_of(lake, versions=versions, seed=4, global_batch=16)
    running = iter(open_before)
    first = [real(next(running)) for _ in range(2)]

    table = DeltaTable(lake.sequences)
    lake.write(lake.packed_rows("cold", 30, begin=120, seed=9))
    table = DeltaTable(lake.sequences)
    table.delete("position < 50")
    table = DeltaTable(lake.sequences)
    table.optimize.compact()
    lake.write(lake.packed_rows("cold", 10, seed=8), mode="overwrite")

    assert np.array_equal(np.concatenate([*first, *(real(batch) for batch in running)]), expected[1])
    again = stream([loader_of(lake, versions=versions, seed=4)])
    assert np.array_equal(again[1], expected[1])
    assert len(stream([loader_of(lake)])[0]) == 10


def test_compaction_of_scrambled_files_keeps_the_order(lake):
    rows = lake.packed_rows("cold", 200)
    for begin in (150, 50, 100, 0):
        lake.write(rows.slice(begin, 50))
    before = stream([loader_of(lake, seed=1)])
    DeltaTable(lake.sequences).optimize.compact()
    assert len(DeltaTable(lake.sequences).file_uris()) == 1
    after = stream([loader_of(lake, seed=1)])
    assert np.array_equal(before[1], after[1])


def test_a_table_without_statistics_is_read_by_its_positions(lake):
    rows = lake.packed_rows("cold", 60)
    lake.write(rows.slice(30))
    DeltaTable(lake.sequences).alter.set_table_properties({"delta.dataSkippingStatsColumns": "n_tokens"})
    lake.write(rows.slice(0, 30))
    assert np.array_equal(stream([loader_of(lake)])[0], np.arange(60))


def test_memory_is_not_used_again_while_a_batch_lives(wide):
    batches = list(loader_of(wide, global_batch=10, prefetch=2))
    assert np.array_equal(np.concatenate([real(batch)[:, 0] for batch in batches]), FIRST + 100 * np.arange(700))
    view = batches[3].tokens[2:4, 1:]
    kept = view.clone()
    full = batches[3].full()
    labels = full.labels[1].clone()
    row = full.labels[1]
    del batches, full
    for batch in loader_of(wide, global_batch=10):
        batch.full()
    assert (view == kept).all()
    assert (row == labels).all()


def test_a_wrong_stage_names_those_that_there_are(wide):
    with pytest.raises(UsageError, match=r"no stage 'warm'.*cold, hot"):
        loader_of(wide, "warm")
    with pytest.raises(UsageError, match=r"no stage 'd'.*cold, hot"):
        loader_of(wide, "d")


def test_a_state_of_another_release_is_refused(wide, lake):
    lake.write(lake.packed_rows("cold", 10))
    state = loader_of(wide).state_dict()
    lake.write(lake.packed_rows("cold", 10, begin=10))
    with pytest.raises(ReleaseError, match="loader state is of a release"):
        PackedLoader.from_state(state, str(lake.root), lake.versions())
    with pytest.raises(ReleaseError, match="damaged"):
        PackedLoader.from_state({"digest": "x"}, str(lake.root), lake.versions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 2, "world": 2}, "rank is 2"),
        ({"world": 0}, "world is 0"),
        ({"global_batch": 0}, "global_batch is 0"),
        ({"start": -1}, "start is -1"),
        ({"start": 701}, "start 701"),
        ({"epochs": 0}, "epochs is 0"),
        ({"prefetch": -1}, "prefetch is -1"),
    ],
)
def test_numbers_out_of_range_are_refused(wide, options, message):
    with pytest.raises(UsageError, match=message):
        loader_of(wide, **options)


def test_a_vacuumed_file_fails_at_open(lake):
    lake.write(lake.packed_rows("cold", 10))
    lake.write(lake.packed_rows("cold", 10, begin=10))
    versions = lake.versions()
    path = Path(DeltaTable(lake.sequences).file_uris()[0].removeprefix("file://"))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ReleaseError, match="its log has"):
        loader_of(lake, versions=versions)
    path.unlink()
    with pytest.raises(ReleaseError, match="missing"):
        loader_of(lake, versions=versions)


def test_a_release_without_the_table_or_the_version_is_refused(wide):
    with pytest.raises(ReleaseError, match=r"does not contain gold\.sequences"):
        loader_of(wide, versions={"gold.vocabulary": 0})
    with pytest.raises(ReleaseError, match="no longer whole"):
        loader_of(wide, versions={"gold.sequences": 99})


def test_a_missing_pad_token_fails_at_open(wide):
    versions = {"gold.sequences": wide.versions()["gold.sequences"]}
    assert len(loader_of(wide, versions=versions, global_batch=70)) == 10
    with pytest.raises(ReleaseError, match=r"gold\.vocabulary"):
        loader_of(wide, versions=versions, global_batch=64)


@pytest.mark.parametrize("positions", [[0, 1, 3], [1, 2, 3], [0, 1, 1, 2]])
def test_positions_that_are_not_dense_are_refused(lake, positions):
    rows = lake.packed_rows("cold", 4).slice(0, len(positions))
    rows = rows.set_column(rows.schema.get_field_index("position"), "position", pa.array(positions))
    lake.write(rows)
    with pytest.raises(LakeError, match=r"not dense"):
        loader_of(lake)


def test_a_doubled_row_that_statistics_hide_is_found(lake):
    # Count and extremes agree with 0 .. 3, yet 2 is missing and 1 doubled.
    rows = lake.packed_rows("cold", 4)
    doubled = rows.set_column(rows.schema.get_field_index("position"), "position", pa.array([0, 1, 1, 3]))
    lake.write(doubled)
    with pytest.raises(LakeError, match="position 2"):
        list(loader_of(lake))


@pytest.mark.parametrize("compressed", [True, False])
def test_token_bytes_of_another_length_are_refused(lake, compressed):
    rows = lake.packed_rows("cold", 4)
    tokens = rows.column("tokens").to_pylist()
    tokens[2] = tokens[2][:-4]
    lake.write(
        rows.set_column(rows.schema.get_field_index("tokens"), "tokens", pa.array(tokens)), compressed=compressed
    )
    with pytest.raises(LakeError, match=r"position 2 has 124 bytes.*4 x 32"):
        list(loader_of(lake))


def test_rows_of_different_length_in_one_stage_are_refused(lake):
    lake.write(lake.packed_rows("cold", 4))
    lake.write(lake.packed_rows("cold", 4, length=16, begin=4))
    with pytest.raises(LakeError, match=r"(32 and 16|16 and 32) tokens long"):
        list(loader_of(lake, global_batch=8))


def test_deletion_vectors_are_refused(lake):
    lake.write(lake.packed_rows("cold", 4))
    log = next(path for path in (lake.root / "gold/sequences/_delta_log").glob("*0.json"))
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    log.write_text("\n".join(map(json.dumps, actions)))
    with pytest.raises(LakeError, match="deletionVectors"):
        loader_of(lake)


def test_a_lake_in_an_object_store_gives_the_same_batches(wide, truth, monkeypatch):
    # The store's client reads a file:// address, too; nothing is mapped then.
    from trainer.loader import data_files

    monkeypatch.setattr(data_files, "is_local", lambda uri: False)
    positions, tokens = stream([loader_of(wide, seed=1, global_batch=50)])
    assert np.array_equal(np.sort(positions), np.arange(700))
    assert np.array_equal(tokens, truth[positions])


def test_a_file_missing_in_an_object_store_fails_at_open(lake, monkeypatch):
    from trainer.loader import data_files

    lake.write(lake.packed_rows("cold", 10))
    Path(DeltaTable(lake.sequences).file_uris()[0].removeprefix("file://")).unlink()
    monkeypatch.setattr(data_files, "is_local", lambda uri: False)
    with pytest.raises(ReleaseError, match="missing"):
        loader_of(lake)
