"""mixlake's engine: declared flows over a Delta lakehouse. It is independent of modality.

Its packages, from the top layer down; each imports only from those below it, as the import contracts in
``pyproject.toml`` enforce:

===================================  ==================================================================================
``cli``                              the verbs of ``mixlake``, one per file, and the entry for spark-submit
``lake``, ``doctor``                 the Python API; diagnosis of a machine or a lake
``run``                              run a plan: scheduler, report, listeners (OpenLineage among them)
``retraction``                       remove rows from the lake, down to the last file
``release``, ``lineage``,            named versions and their maintenance; a row's sources and training steps;
``execute``, ``determinism``,        one flow: read, call, conform, check, compare, commit; whether it is deterministic;
``export``                           rows of a snapshot as files of other formats
``query``, ``plan``, ``spark``,      DuckDB over the lake; what is stale and why; the Spark engine; the engine without
``embedded``                         a JVM
``engine``                           the protocol by which `execute` drives an engine, and what engines share
``project``                          a lake's configuration, declarations and catalog, which packages receive
``ledger``                           the engine's own tables: runs, releases, retractions, quarantine
``delta``                            Delta tables without a JVM; ``delta.store`` is where they are stored
``declare``                          what a user declares: contracts, flows, parameters, SQL flows, ``mixlake.yaml``
``errors``                           every error that a user can cause, each with how to fix it
``output_file``                      files written for a user, whole or not at all
``scratch_folder``                   folders for what spills, which outlive no process
``interruption``                     how Ctrl-C and SIGTERM end what runs in other threads and processes
===================================  ==================================================================================

How a plan is made: `declare` finds contracts and flows, `delta` reads the tables' logs, `plan` compares fingerprints
and input versions and gives each flow a state with its causes; `run` schedules the stale ones.

How a row is processed: `execute` reads a flow's changed input rows through an engine, calls the flow, conforms its
rows to the contract, leaves out retracted ones, quarantines those that fail a check or that Delta would change,
compares the rest with the table by key, commits the difference with a note in one Delta commit, and reads a sample of
it back. `ledger.runs` is filled from the notes; `query` and `lineage` read the tables without a JVM, and `release`
pins their versions for a trainer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.declare.check import Check
    from lakehouse.declare.column import Column
    from lakehouse.declare.contract import Table
    from lakehouse.declare.flow import flow
    from lakehouse.declare.reads import read, tagged
    from lakehouse.lake import Lake

__all__ = ["Check", "Column", "Lake", "Table", "flow", "read", "tagged"]

_MODULES = {
    "Check": "lakehouse.declare.check",
    "Column": "lakehouse.declare.column",
    "Table": "lakehouse.declare.contract",
    "flow": "lakehouse.declare.flow",
    "read": "lakehouse.declare.reads",
    "tagged": "lakehouse.declare.reads",
    "Lake": "lakehouse.lake",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, so that declaring a flow does not load the engine."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
