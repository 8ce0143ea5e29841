-- What was made from each sample, as in edges.sql; fast for a given parent.
SELECT parent, child, "table"
FROM ledger.edges
WHERE sorted_by = 'parent'
GROUP BY ALL
HAVING sum(n) > 0
