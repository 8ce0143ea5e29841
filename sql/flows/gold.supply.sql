-- What the kept samples of each cell hold, in samples and in tokens, and the largest of them.
-- dialect: portable
WITH sizes AS (
  SELECT d.sample_id, d.table AS origin, d.n_tokens FROM gold.document_tokens AS d
  UNION ALL
  SELECT u.sample_id, u.table AS origin, u.n_tokens FROM gold.utterance_tokens AS u
  UNION ALL
  SELECT i.sample_id, i.table AS origin, i.n_tokens FROM gold.image_tokens AS i
)

SELECT
  samples.cell,
  samples.modality,
  samples.language_group,
  samples.kind,
  count(*) AS samples,
  CAST(sum(sizes.n_tokens) AS BIGINT) AS tokens,
  CAST(max(sizes.n_tokens) AS BIGINT) AS largest
FROM gold.samples AS samples
INNER JOIN sizes
  ON samples.sample_id = sizes.sample_id AND samples.table = sizes.origin
WHERE samples.keep
GROUP BY samples.cell, samples.modality, samples.language_group, samples.kind
