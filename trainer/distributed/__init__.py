"""Process groups and the parallel layout."""
