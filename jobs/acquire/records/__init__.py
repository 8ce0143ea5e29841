"""Records: files of which each line, row or member is a sample of its own."""
