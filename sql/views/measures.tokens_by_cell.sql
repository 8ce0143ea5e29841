-- Tokens of the mixture by stage and cell. `mixlake release diff` compares it between releases.
SELECT stage, cell, sum(n_tokens)::BIGINT AS tokens FROM gold.mixture GROUP BY stage, cell ORDER BY stage, cell
