-- What each licence weighs in each stage: distinct samples, draws and tokens of the mixture, and the
-- share of the stage's tokens.
--
-- stage: Training stage.
-- license: SPDX expression.
-- modality: text, code, speech or image.
-- samples: Distinct samples.
-- draws: Draws; a sample that is repeated counts for each.
-- tokens: Tokens of these draws.
-- share: Share of the stage's tokens, 0 to 1.
SELECT stage, license, modality, count(DISTINCT sample_id) AS samples, count(*) AS draws,
    sum(n_tokens)::BIGINT AS tokens,
    sum(n_tokens) / sum(sum(n_tokens)) OVER (PARTITION BY stage) AS share
FROM gold.mixture
GROUP BY stage, license, modality
