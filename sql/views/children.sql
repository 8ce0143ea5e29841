-- What was made from each sample, as edges.sql tells it; quick for a parent that is named.
SELECT parent, child, "table"
FROM ledger.edges
WHERE sorted_by = 'parent'
GROUP BY ALL
HAVING sum(n) > 0
