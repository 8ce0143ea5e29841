"""Named versions, their retention and maintenance."""
