"""DuckDB over the lake."""
