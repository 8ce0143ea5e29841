from __future__ import annotations

import logging
import threading

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import newest_note
from lakehouse.delta.log_writer import checkpoint, create_commit
from lakehouse.errors import CollisionError
from tests.lakehouse.lakes import note

ROWS = pa.table({"sample_id": ["a", "b"], "n": [1, 2]})


@pytest.fixture
def catalog(tmp_path):
    made = Catalog(str(tmp_path / "lake"))
    write_deltalake(made.table_uri("bronze.a"), ROWS)
    return made


def test_a_commit_is_read_by_delta_rs(catalog):
    said = note("bronze.a", code="\"q\" \n 'ä𝔸'")
    used = {"txn": {"appId": "app", "version": 7, "lastUpdated": 1}}
    (path,) = (item["path"] for item in pa.table(catalog.open("bronze.a").get_add_actions()).to_pylist())
    removed = {"remove": {"path": path, "deletionTimestamp": 1, "dataChange": True}}
    info = {"operation": "MERGE", "operationParameters": {}, "userMetadata": said.to_json()}
    create_commit(catalog, "bronze.a", 1, [used, removed], info)
    table = catalog.open("bronze.a")
    assert (table.version(), table.transaction_version("app"), table.count()) == (1, 7, 0)
    version, found = newest_note(table)
    assert (version, found.to_json()) == (1, said.to_json())
    assert catalog.log("bronze.a").version == 1
    assert (table.history(1)[0]["operation"], table.history(1)[0]["engineInfo"]) == ("MERGE", "mixlake")


def test_a_version_is_committed_once(catalog):
    won, lost, begin = [], [], threading.Barrier(6)

    def work(number):
        begin.wait()
        used = {"txn": {"appId": "app", "version": number, "lastUpdated": 1}}
        try:
            create_commit(catalog, "bronze.a", 1, [used], {"operation": "WRITE"})
            won.append(number)
        except CollisionError:
            lost.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert catalog.open("bronze.a").transaction_version("app") == won[0]


def test_what_the_store_refuses_is_an_os_error(catalog, monkeypatch):
    from obstore.store import LocalStore

    from lakehouse.delta import log_writer

    monkeypatch.setattr(log_writer, "object_store", lambda *_: LocalStore("/proc"))
    with pytest.raises(OSError, match="_delta_log"):
        create_commit(catalog, "bronze.a", 1, [], {})
    assert catalog.open("bronze.a").version() == 0


def test_a_checkpoint_is_written_where_one_is_due(tmp_path, caplog):
    catalog = Catalog(str(tmp_path))
    uri = catalog.table_uri("bronze.a")
    write_deltalake(uri, ROWS, configuration={"delta.checkpointInterval": "3"})
    for version in (1, 2):
        create_commit(catalog, "bronze.a", version, [], {"operation": "WRITE"})
        checkpoint(catalog, "bronze.a", version, {"delta.checkpointInterval": "3"})
        assert len([*(tmp_path / "bronze/a/_delta_log").glob("*.checkpoint.parquet")]) == version - 1
    create_commit(catalog, "bronze.a", 3, [], {"operation": "WRITE"})
    assert (catalog.open("bronze.a").version(), catalog.open("bronze.a").count()) == (3, 2)


def test_a_checkpoint_that_fails_undoes_nothing(catalog, monkeypatch, caplog):
    class Broken:
        def create_checkpoint(self):
            raise OSError("disk\nfull")

    monkeypatch.setattr(Catalog, "open", lambda *_: Broken())
    with caplog.at_level(logging.WARNING, "mixlake.delta"):
        checkpoint(catalog, "bronze.a", 99, {})
    assert caplog.messages == ["bronze.a: no checkpoint was written: disk"]
