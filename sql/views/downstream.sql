-- What is made from each table, directly and over other tables, with the number of steps between.
--
-- table: A table.
-- makes: A table that is made from it.
-- steps: The least number of flows between the two.
WITH RECURSIVE walk AS (
    SELECT made_from AS "table", "table" AS makes, 1 AS steps FROM upstream
    UNION
    SELECT walk."table", upstream."table", walk.steps + 1
    FROM walk JOIN upstream ON upstream.made_from = walk.makes
    WHERE walk.steps < 100
)
SELECT "table", makes, min(steps) AS steps FROM walk GROUP BY ALL
