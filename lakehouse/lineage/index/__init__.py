"""``ledger.edges``: which row was made from which sample, in all tables, updated as they change.

Every table with mixlake's ``sample_id`` gives an entry for each row (with its run, source, licence and address), and
one for each of the row's ``parent_ids``. An entry carries a signed count, so that a change of a row is two entries
more, -1 of the old and +1 of the new, and the index at any time is the sum of all that was ever written (a Z-set; Budiu
et al., DBSP, VLDB 2023). No entry has to be found to be changed.

Entries are stored in levels, as in a log-structured merge tree (O'Neil et al., Acta Informatica 33, 1996): a sync
adds a level and takes smaller ones into it, so that there are `levels.MAX_LEVELS` at most. Within a
level the entries are sorted by child, and the edges once more by parent, over few files with small row groups: a
lookup opens only the files, and reads only the row groups, whose range may contain the ids.

- `lakehouse.lineage.index.state`: how far the index is up to date with the tables
- `lakehouse.lineage.index.levels`: which levels a sync replaces
- `lakehouse.lineage.index.entries`: what a sync needs from an engine
- `lakehouse.lineage.index.embedded_entries`, `lakehouse.lineage.index.spark_entries`: the two engines
- `lakehouse.lineage.index.sync`: updating it, in one commit
- `lakehouse.lineage.index.lookup`: point lookups, with no JVM
- `lakehouse.lineage.index.index_reader`: rows and what they were made from, for a trace
"""

from __future__ import annotations
