"""Commit actions to a table's log, where delta-rs has no call for them: files that replace files, with a change feed.

Delta protocol, "Delta Log Entries" and "Actions". The commit is the creation of the file of one version, which only one
of several writers can do.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.declare.contract import STATISTICS_COLUMNS
from lakehouse.declare.names import listed_names, name_list
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.store.object_store import object_store
from lakehouse.delta.store.table_folder import commit_file
from lakehouse.errors import CollisionError, first_line

log = logging.getLogger("mixlake.delta")

Action = Mapping[str, Mapping[str, Any]]

_ENGINE = "mixlake"
_INTERVAL = "delta.checkpointInterval"
_DEFAULT_INTERVAL = 100


def create_commit(
    catalog: Catalog,
    name: str,
    version: int,
    actions: Sequence[Action],
    info: Mapping[str, Any],
) -> None:
    """Create one version of a table.

    Args:
        catalog: The lake's catalog.
        name: The table.
        version: The version, one more than the last.
        actions: File actions and transactions, as the protocol has them.
        info: Operation, metrics and ``userMetadata``, for ``commitInfo``.

    Raises:
        CollisionError: If the version is there already.
        OSError: If the store refused.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError

    now = int(time.time() * 1000)
    lines: list[Action] = [{"commitInfo": {"timestamp": now, "engineInfo": _ENGINE, **info}}, *actions]
    body = "\n".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines) + "\n"
    store = object_store(catalog.table_uri(name), catalog.storage_options)
    try:
        store.put(commit_file(version), body.encode(), mode="create")
    except AlreadyExistsError:
        raise CollisionError(f"{name}: another run committed at the same time", "it is planned again") from None
    except BaseError as error:
        raise OSError(first_line(error)) from error


def change_schema(catalog: Catalog, name: str, schema: str) -> None:
    """Give a table another schema, in one commit that changes no row.

    Args:
        catalog: The lake's catalog.
        name: The table.
        schema: The schema as the log has it; readers of the old one must be able to read the table by it.

    Raises:
        CollisionError: If another run committed meanwhile.
        OSError: If the store refused.
    """
    _change_metadata(catalog, name, {"schemaString": schema}, "CHANGE COLUMNS")


def rename_columns(catalog: Catalog, name: str, renamed: Mapping[str, str]) -> None:
    """Rename columns of a table with column mapping, in one commit that changes no row.

    Args:
        catalog: The lake's catalog.
        name: The table.
        renamed: Stored name of each column, by its new name.

    Raises:
        CollisionError: If another run committed meanwhile.
        OSError: If the store refused.
    """
    opened = catalog.open(name)
    new_names = {old: new for new, old in renamed.items()}
    schema = json.loads(opened.schema().to_json())
    for field in schema["fields"]:
        field["name"] = new_names.get(field["name"], field["name"])
    stored = opened.metadata()
    configuration = dict(stored.configuration)
    if STATISTICS_COLUMNS in configuration:
        listed = listed_names(configuration[STATISTICS_COLUMNS])
        configuration[STATISTICS_COLUMNS] = name_list(new_names.get(column, column) for column in listed)
    changes = {
        "schemaString": json.dumps(schema, separators=(",", ":"), ensure_ascii=False),
        "partitionColumns": [new_names.get(column, column) for column in stored.partition_columns],
        "configuration": configuration,
    }
    _change_metadata(catalog, name, changes, "RENAME COLUMN")


def _change_metadata(catalog: Catalog, name: str, changes: Mapping[str, Any], operation: str) -> None:
    opened = catalog.open(name)
    stored = opened.metadata()
    metadata = {
        "id": str(stored.id),
        "name": stored.name,
        "description": stored.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": opened.schema().to_json(),
        "partitionColumns": list(stored.partition_columns),
        "configuration": dict(stored.configuration),
        "createdTime": stored.created_time,
        **changes,
    }
    action = {"metaData": {key: value for key, value in metadata.items() if value is not None}}
    create_commit(catalog, name, int(opened.version()) + 1, [action], {"operation": operation})


def checkpoint(catalog: Catalog, name: str, version: int, properties: Mapping[str, str]) -> None:
    """Write a checkpoint where one is due by the table's properties; a failure is logged, since the commit stands."""
    if (version + 1) % int(properties.get(_INTERVAL) or _DEFAULT_INTERVAL):
        return
    try:
        catalog.open(name, version).create_checkpoint()
    except Exception as error:  # noqa: BLE001 - whatever the store says: readers read the log itself
        log.warning("%s: no checkpoint was written: %s", name, first_line(error))
