"""The engine's own tables: runs, releases, retractions and quarantine."""
