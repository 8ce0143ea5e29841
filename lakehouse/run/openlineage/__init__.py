"""OpenLineage events of the engine's own runs.

A run that executes a flow tells it as the OpenLineage standard (spec 2-0-2, https://openlineage.io) has it, so
that a catalogue such as Marquez, DataHub or an Airflow deployment shows it beside all else: the run is a parent
run, each executed flow a run of its own with a START and then a COMPLETE, FAIL or ABORT, and each table a
dataset with the Delta version read or committed. Events are facts of the commit note, of Delta's log and of the
declarations; what is not known is left out. Emitting starts no JVM, and no fault of it stops a run.

Where events go is told under ``openlineage:`` in ``mixlake.yaml``::

    openlineage:
      file: logs/openlineage-{run}.jsonl   # JSON lines; {run} stands for the run's id
      url: http://marquez:5000             # an HTTP endpoint, beside the file
      namespace: acme                      # of the jobs; by default mixlake

All keys are optional. By default events are appended to ``_logs/openlineage-RUN.jsonl`` in a lake that is a
folder, and to ``.mixlake/openlineage-RUN.jsonl`` in the project where the lake is an object store, which cannot
be appended to: there a ``url`` is what makes events outlive the driver. ``file: off`` leaves the file out, and
``openlineage: off`` everything. A flow that is fresh or skipped was not executed and emits nothing.

The environment wins over the file, by the names that OpenLineage's clients use:

===========================  ========================================================================
``OPENLINEAGE_DISABLED``     ``true`` turns everything off
``OPENLINEAGE_URL``          the endpoint's server; ``OPENLINEAGE_ENDPOINT`` the path on it, by default
                             ``api/v1/lineage``
``OPENLINEAGE_API_KEY``      sent as a bearer token; never written to a file
``OPENLINEAGE_NAMESPACE``    namespace of the jobs
``OPENLINEAGE_PARENT_ID``    ``namespace/job/run-uuid`` of what started mixlake, for instance an Airflow
                             task; ``OPENLINEAGE_ROOT_PARENT_ID`` the root above it
``OPENLINEAGE__TRANSPORT__`` what else the client's transport takes, such as ``..._CUSTOM_HEADERS`` (JSON),
...                          ``..._TIMEOUT`` or ``..._RETRY``; ``..._TYPE`` (or an ``OPENLINEAGE_CONFIG``
                             file) other than ``http`` hands delivery to that transport (Kafka, ...)
===========================  ========================================================================

Events are delivered from threads of their own. An endpoint that is down is left alone after its first failure,
one that fails later after three in a row, and the end of a run waits at most 3 seconds for what a slow one has
not yet taken; either is warned of once, and the file has the events all the same.

Run ids are derived: ``run_ids.run_uuid(run_id)`` and ``run_uuid(run_id, flow)`` give the UUIDs
from what ``ledger.runs`` holds, so that events and ledger join. An execution emits once. A run that is killed
leaves STARTs without an end; the next run has ids of its own, and what was committed is not told again.
"""
