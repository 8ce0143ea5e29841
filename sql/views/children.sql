-- What was made from each sample, as in edges.sql; fast for a given parent.
--
-- parent: The sample that rows were made from.
-- child: The sample that was made from it.
-- table: The table that holds the child.
SELECT parent, child, "table"
FROM ledger.edges
WHERE sorted_by = 'parent'
GROUP BY ALL
HAVING sum(n) > 0
