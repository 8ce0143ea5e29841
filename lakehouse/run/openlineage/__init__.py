"""Emit OpenLineage events of the engine's own runs.

A run that executes a flow is reported as the OpenLineage standard (spec 2-0-2, https://openlineage.io) says, so that
a catalogue such as Marquez, DataHub or an Airflow deployment shows it alongside everything else: the run is a parent
run, each executed flow a run of its own with a START and then a COMPLETE, FAIL or ABORT, and each table a dataset
with the Delta version read or committed. Events are made from the commit note, Delta's log and the declarations;
what is not known is left out. Emitting starts no JVM, and no failure of it stops a run.

``openlineage:`` in ``mixlake.yaml`` says where events go::

    openlineage:
      file: logs/openlineage-{run}.jsonl   # JSON lines; {run} is replaced by the run's id
      url: http://marquez:5000             # an HTTP endpoint, in addition to the file
      namespace: acme                      # of the jobs; by default mixlake

All keys are optional. By default events are appended to ``_logs/openlineage-RUN.jsonl`` in a lake that is a folder,
and to ``.mixlake/openlineage-RUN.jsonl`` in the project if the lake is an object store, which does not support
appending: there only a ``url`` keeps events longer than the driver. ``file: off`` leaves the file out, and
``openlineage: off`` everything. A flow that is fresh or skipped is not executed and emits nothing.

The environment wins over the file, with the names that OpenLineage's clients use:

===========================  ========================================================================
``OPENLINEAGE_DISABLED``     ``true`` turns everything off
``OPENLINEAGE_URL``          the endpoint's server; ``OPENLINEAGE_ENDPOINT`` the path on it, by default
                             ``api/v1/lineage``
``OPENLINEAGE_API_KEY``      sent as a bearer token; never written to a file
``OPENLINEAGE_NAMESPACE``    namespace of the jobs
``OPENLINEAGE_PARENT_ID``    ``namespace/job/run-uuid`` of what started mixlake, for instance an Airflow
                             task; ``OPENLINEAGE_ROOT_PARENT_ID`` the root above it
``OPENLINEAGE__TRANSPORT__`` other options of the client's transport, such as ``..._CUSTOM_HEADERS`` (JSON),
...                          ``..._TIMEOUT`` or ``..._RETRY``; ``..._TYPE`` (or an ``OPENLINEAGE_CONFIG``
                             file) other than ``http`` hands delivery to that transport (Kafka, ...)
===========================  ========================================================================

Events are delivered from threads of their own. An endpoint that is down is dropped after its first failure, one that
fails later after three in a row, and the end of a run waits at most 3 seconds for a slow one; either is warned of
once, and the file has all events.

Run ids are derived: ``run_ids.run_uuid(run_id)`` and ``run_uuid(run_id, flow)`` compute the UUIDs from the columns of
``ledger.runs``, so that events and ledger join. An execution emits once. A run that is killed leaves STARTs without
an end; the next run has ids of its own, and does not report again what was committed.
"""
