"""Verbs that the jobs add to the command line."""
