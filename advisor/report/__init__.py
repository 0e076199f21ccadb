"""What a run found, as JSON (schema 1), and from that in words, as a page, as text and as a table."""
