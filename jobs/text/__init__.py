"""Compiled loops over Arrow buffers (Numba). Import these inside functions: the compiler is heavy."""
