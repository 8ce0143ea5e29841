"""The embedded engine: DuckDB, Arrow and delta-rs in this process, no JVM."""
