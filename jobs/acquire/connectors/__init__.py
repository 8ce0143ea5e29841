"""Ways of retrieving sources, one module each."""
