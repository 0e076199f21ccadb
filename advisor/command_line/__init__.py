"""The command line: the same engine, store and reports as the pages."""
