"""Whether two forms are equal, and how that is known."""
