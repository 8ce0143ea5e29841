-- What each licence weighs in each stage: distinct samples, draws and tokens of the mixture, and the
-- share of the stage's tokens.
SELECT stage, license, modality, count(DISTINCT sample_id) AS samples, count(*) AS draws,
    sum(n_tokens)::BIGINT AS tokens,
    sum(n_tokens) / sum(sum(n_tokens)) OVER (PARTITION BY stage) AS share
FROM gold.mixture
GROUP BY stage, license, modality
