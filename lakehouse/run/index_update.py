"""Update ``ledger.edges`` after a run."""

from __future__ import annotations

import logging

from lakehouse.delta.catalog import Catalog
from lakehouse.errors import first_line
from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
from lakehouse.lineage.index.spark_entries import SparkIndexEngine
from lakehouse.lineage.index.sync import sync_edges
from lakehouse.run.spark_session import SparkHandle

log = logging.getLogger("mixlake.run")


def update_index(catalog: Catalog, spark: SparkHandle, run_id: str) -> None:
    """Update ``ledger.edges`` with Spark if it is up, else in this process; after a failure the next run catches up.

    Args:
        catalog: The lake's catalog.
        spark: The run's Spark.
        run_id: The run.
    """
    try:
        engine = SparkIndexEngine(spark.get(), catalog) if spark.started else EmbeddedIndexEngine(catalog)
        sync_edges(engine, catalog, run_id)
    except Exception as error:
        log.warning("ledger.edges could not be updated: %s; the next run tries again", first_line(error))
        log.debug("the whole error", exc_info=True)
