"""Wrong answers, sorted by what went wrong."""
