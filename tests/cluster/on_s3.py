"""Runs a project on a lake in S3, then races Spark against delta-rs for its commits: ``python on_s3.py ROOT ROUNDS``.

Prints one JSON object; a process of its own, since a Spark session keeps the jars that it was started with.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from pyspark.errors import PySparkException

from lakehouse.declare import discovery
from lakehouse.declare.config import load_config
from lakehouse.delta.history import newest_note
from lakehouse.lake import Lake
from lakehouse.spark.session import require_ready, start

TABLES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
LOG = "race/log/_delta_log"


def main(root: str, rounds: str) -> None:
    discovery._entry_points = lambda group: []
    lake = Lake(config=load_config(Path(root)))
    began = time.monotonic()
    report = lake.run()
    found = {
        "errors": [str(outcome.error) for outcome in report.results if outcome.error],
        "digests": {name: newest_note(lake.catalog.open(name))[1].digest for name in TABLES},
        "again": sorted({outcome.status for outcome in lake.run().results}),
        "run_seconds": round(time.monotonic() - began, 1),
    }
    session = start(lake.config, Path(root) / "race.log")
    require_ready(session, lake.project)
    found["log"] = race_for_versions(session, lake, int(rounds))
    found["tables"] = race_for_commits(session, lake, max(3, int(rounds) // 10))
    found["secret_shown"] = lake.config.storage["secret_access_key"] in json.dumps(
        session.sparkContext.getConf().getAll()
    )
    print(json.dumps(found))


def race_for_versions(session, lake, rounds):
    """Let Spark's log store and the object-store client create the same file, at the same moment."""
    from obstore.exceptions import AlreadyExistsError
    from obstore.store import S3Store
    from py4j.protocol import Py4JJavaError

    storage = lake.config.storage
    config = {f"aws_{name}": storage[name] for name in ("access_key_id", "secret_access_key", "region")}
    config["aws_endpoint"] = storage["endpoint_url"]
    client = S3Store.from_url(lake.uri, config=config, client_options={"allow_http": True})
    jvm, context = session._jvm, session.sparkContext
    hadoop = context._jsc.hadoopConfiguration()
    # The class that Delta is set to use, as Delta makes it.
    name = context.getConf().get("spark.delta.logStore.s3.impl")
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    kinds = context._gateway.new_array(jvm.java.lang.Class, 1)
    kinds[0] = hadoop.getClass()
    values = context._gateway.new_array(jvm.java.lang.Object, 1)
    values[0] = hadoop
    store = loader.loadClass(name).getConstructor(kinds).newInstance(values)
    won = {"spark": 0, "client": 0}
    wrong = []
    for number in range(rounds):
        file = f"{LOG}/{number:020d}.json"
        path = jvm.org.apache.hadoop.fs.Path(f"{lake.uri}/{file}")
        gate = threading.Barrier(2)
        winners = []

        def by_spark(path=path, gate=gate, winners=winners):
            lines = jvm.java.util.ArrayList()
            lines.add("spark")
            gate.wait()
            try:
                store.write(path, lines.iterator(), False, hadoop)
            except Py4JJavaError as error:
                if "FileAlreadyExistsException" not in str(error.java_exception):
                    wrong.append(str(error.java_exception))
            else:
                winners.append("spark")

        def by_client(file=file, gate=gate, winners=winners, wait=(number % 7) * 0.002):
            gate.wait()
            time.sleep(wait)  # neither is always the quicker one
            try:
                client.put(file, b"client\n", mode="create")
            except AlreadyExistsError:
                pass
            else:
                winners.append("client")

        threads = [threading.Thread(target=target) for target in (by_spark, by_client)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held = bytes(client.get(file).bytes()).decode().strip()
        if winners != [held]:
            wrong.append(f"version {number}: {winners} won, {held} is held")
        else:
            won[held] += 1
    return {"won": won, "wrong": wrong}


def race_for_commits(session, lake, rounds):
    """Append from Spark while delta-rs appends as fast as it can, and look whether each row is there once."""
    uri, options = f"{lake.uri}/race/table", lake.catalog.storage_options
    schema = pa.schema([("who", pa.string()), ("n", pa.int64())])
    DeltaTable.create(uri, schema=schema, storage_options=options)
    committed, refused = [], []
    over = threading.Event()

    def by_delta_rs():
        number = 0
        while not over.is_set():
            number += 1
            rows = pa.table({"who": ["delta-rs"], "n": [number]}, schema=schema)
            again = CommitProperties(max_commit_retries=50)
            write_deltalake(uri, rows, mode="append", storage_options=options, commit_properties=again)
            committed.append(("delta-rs", number))

    other = threading.Thread(target=by_delta_rs)
    other.start()
    try:
        for number in range(rounds):
            rows = session.createDataFrame([("spark", number)], "who string, n long").coalesce(1)
            try:
                rows.write.format("delta").mode("append").save(uri)
            except PySparkException as error:
                refused.append(str(error).split("\n", 1)[0])
            else:
                committed.append(("spark", number))
    finally:
        over.set()
        other.join()
    table = DeltaTable(uri, storage_options=options)
    found = [(row["who"], row["n"]) for row in table.to_pyarrow_table().to_pylist()]
    return {
        "version": table.version(),
        "spark": sum(who == "spark" for who, _ in committed),
        "delta_rs": sum(who == "delta-rs" for who, _ in committed),
        "lost": sorted(map(str, set(committed) - set(found))),
        "doubled": len(found) - len(set(found)),
        "unknown": sorted(map(str, set(found) - set(committed))),
        "refused": refused,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
