"""SQL flows (`sql/flows`, Spark's dialect) and the views that people query (`sql/views`, DuckDB's)."""

from __future__ import annotations
