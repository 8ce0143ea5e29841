"""Delta tables without a JVM: catalog, log, notes, files and small commits."""
