"""The Spark engine: sessions, code on workers, Delta reads and writes."""
