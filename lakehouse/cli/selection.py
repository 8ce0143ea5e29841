"""The words that select flows, for the help of the verbs that take them."""

from __future__ import annotations

SELECT = r"""
SELECT is one or more of these words; together they select what any of them does, without any all flows are meant:

\b
  gold.mixture      the flow that writes the table; a flow's id, or a pattern such as 'silver.*'
  tag:clean         flows that carry the tag
  stale             flows that are missing or stale
  +gold.mixture     it and all that it is made from (2+gold.mixture: up to two steps before it)
  gold.mixture+     it and all that is made from it (gold.mixture+2: up to two steps after it)
  @gold.mixture     it, all that is made from it, and all that these are made from
  'silver.*,stale'  what all parts select (no blank after the comma)
  ~tag:dedup        taken out of what the other words select, or of all flows
"""
