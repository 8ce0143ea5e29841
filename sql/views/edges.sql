-- One row was made from another: parent and child samples, and the table of the child; as of the last run.
-- Quick for a child that is named, see children.sql for what was made from a sample. See also nodes.sql.
--
-- parent: The sample that a row was made from.
-- child: The row's sample.
-- table: The table that holds the child.
SELECT parent, child, "table"
FROM ledger.edges
WHERE sorted_by = 'child' AND parent IS NOT NULL
GROUP BY ALL
HAVING sum(n) > 0
