"""Comparisons from Python: run one, or read an earlier one, as typed values, data frames and charts."""
