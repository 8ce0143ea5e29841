"""Execute one flow: read, call, conform, check, difference, commit."""
