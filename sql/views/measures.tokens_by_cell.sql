-- Tokens of the mixture by stage and cell. `mixlake release diff` compares it between releases.
--
-- stage: Training stage.
-- cell: The line of the quota.
-- tokens: Tokens of the mixture.
SELECT stage, cell, sum(n_tokens)::BIGINT AS tokens FROM gold.mixture GROUP BY stage, cell ORDER BY stage, cell
