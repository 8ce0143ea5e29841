"""The contracts of the lake's tables, one module a family."""
