"""From the bytes of an upload to a table or documents."""
