-- Tokens of the mixture by licence. `mixlake release diff` compares it between releases.
--
-- license: SPDX expression.
-- tokens: Tokens of the mixture.
SELECT license, sum(n_tokens)::BIGINT AS tokens FROM gold.mixture GROUP BY license ORDER BY license
