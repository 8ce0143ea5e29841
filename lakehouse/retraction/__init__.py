"""Take rows out of the lake, to the last file."""
