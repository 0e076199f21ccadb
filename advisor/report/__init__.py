"""What a run found, as JSON, and from that in words, as a page, as text and as a table."""
