-- What the kept samples of each cell hold, in samples and in tokens.
WITH sizes AS (
  SELECT sample_id, `table`, n_tokens FROM gold.document_tokens
  UNION ALL
  SELECT sample_id, `table`, n_tokens FROM gold.utterance_tokens
  UNION ALL
  SELECT sample_id, `table`, n_tokens FROM gold.image_tokens
)

SELECT
  samples.cell,
  samples.modality,
  samples.language_group,
  samples.kind,
  count(*) AS samples,
  sum(sizes.n_tokens) AS tokens
FROM gold.samples AS samples
INNER JOIN sizes
  ON samples.sample_id = sizes.sample_id AND samples.`table` = sizes.`table`
WHERE samples.keep
GROUP BY samples.cell, samples.modality, samples.language_group, samples.kind
