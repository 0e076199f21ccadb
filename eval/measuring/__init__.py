"""Asking a strategy for its answers: the test rows, changed inputs and changed documents, with their times."""
