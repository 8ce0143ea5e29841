from __future__ import annotations

import threading
import uuid

import pyarrow as pa
import pytest

from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.store.conditional_put import require_atomic_commits
from lakehouse.errors import LakeError
from lakehouse.ledger import tables
from tests.cluster.s3_server import S3Server


def place(server):
    return f"s3://{server.bucket}/{uuid.uuid4().hex}"


def test_a_store_with_conditional_puts_passes_and_nothing_is_left_behind(s3):
    lake = place(s3)
    require_atomic_commits(lake, s3.storage)
    assert s3.store(lake.rsplit("/", 1)[1]).list().collect() == []


def test_a_store_that_overlooks_the_condition_is_not_written_to(tmp_path):
    with S3Server(tmp_path, options=("--overlook-conditions",)) as server:
        lake = place(server)
        with pytest.raises(LakeError, match="ignores If-None-Match"):
            append_rows(Catalog(lake, server.storage), tables.releases, tables.releases.schema.empty_table())
        assert server.store(lake.rsplit("/", 1)[1]).list().collect() == []


def test_folders_and_other_stores_are_not_asked(tmp_path):
    require_atomic_commits(str(tmp_path))
    require_atomic_commits("gs://nowhere/lake")


def test_what_is_wrong_is_one_line(s3):
    with pytest.raises(LakeError, match=r"s3://no-such-bucket/x cannot be written") as raised:
        require_atomic_commits("s3://no-such-bucket/x", s3.storage)
    assert "\n" not in str(raised.value)
    with pytest.raises(LakeError, match="conditional_put"):
        require_atomic_commits(place(s3), {**s3.storage, "conditional_put": "disabled"})


def test_the_server_of_these_tests_lets_one_of_many_win(s3):
    # Else no test here would tell of a lost commit.
    from obstore.exceptions import AlreadyExistsError

    store, won, start = s3.store(uuid.uuid4().hex), [], threading.Barrier(6)

    def race(number):
        for turn in range(25):
            start.wait()
            try:
                store.put(str(turn), str(number).encode(), mode="create")
            except AlreadyExistsError:
                continue
            won.append((turn, number))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turn for turn, _ in won) == list(range(25))
    assert all(store.get(str(turn)).bytes() == str(number).encode() for turn, number in won)


def test_writers_of_the_ledger_lose_nothing_to_each_other(s3):
    lake = place(s3)
    row = {"tables": [], "digests": [], "digest": "d", "files_digest": "f", "state": "live", "note": ""}

    def append(number):
        made = pa.Table.from_pylist([{**row, "name": f"r{number}"}], schema=tables.releases.schema)
        append_rows(Catalog(lake, s3.storage), tables.releases, made, app_id=f"r{number}", version=1)

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = Catalog(lake, s3.storage).open(tables.releases.name)
    assert sorted(found.to_pyarrow_table(columns=["name"]).column("name").to_pylist()) == [f"r{n}" for n in range(8)]
