"""Whether a picture is whole: checksums, lengths and ends that its format states, one format a module."""
