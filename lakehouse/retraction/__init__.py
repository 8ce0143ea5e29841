"""Remove rows from the lake, down to the last file."""
