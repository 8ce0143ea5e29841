"""Update ``ledger.edges`` after a run."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from lakehouse.errors import first_line
from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
from lakehouse.lineage.index.entries import IndexEngine
from lakehouse.lineage.index.spark_entries import SparkIndexEngine
from lakehouse.lineage.index.state import bytes_behind, index_state
from lakehouse.lineage.index.sync import sync_edges
from lakehouse.project import Project
from lakehouse.run.spark_session import SparkHandle

log = logging.getLogger("mixlake.run")


# Bytes of the files of which entries are made in this process where Spark could make them: of most only the lineage
# columns are read.
EMBEDDED_BYTES = 4 << 30


def update_index(project: Project, spark: SparkHandle, run_id: str, *, start: bool = False) -> None:
    """Update ``ledger.edges`` with Spark if it is up, else in this process; after a failure the next run catches up.

    Args:
        project: The project.
        spark: The run's Spark.
        run_id: The run.
        start: Whether Spark is started where there is too much to do for this process; else that is left to a run
            that starts it.
    """
    try:
        engine = _engine(project, spark, start=start)
        if engine is None:
            log.info("ledger.edges is left to a run that starts Spark: there is too much to add in one process")
        else:
            sync_edges(engine, project, run_id)
    except Exception as error:
        log.warning("ledger.edges could not be updated: %s; the next run tries again", first_line(error))
        log.debug("the whole error", exc_info=True)


def _engine(project: Project, spark: SparkHandle, *, start: bool) -> IndexEngine | None:
    catalog = project.catalog
    if spark.started:
        return SparkIndexEngine(spark.get(), catalog)
    if find_spec("pyspark") is None or bytes_behind(catalog, index_state(project)) <= EMBEDDED_BYTES:
        return EmbeddedIndexEngine(catalog)
    return SparkIndexEngine(spark.get(), catalog) if start else None
