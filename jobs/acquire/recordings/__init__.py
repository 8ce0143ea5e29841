"""Whether a recording is whole: what its container declares against what is there, one container a module."""
