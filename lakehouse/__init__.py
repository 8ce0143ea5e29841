"""The mixlake engine: declared tables and flows over a Delta lakehouse."""
